# make run needs Go and make; make test also a C compiler, for the race detector.

GO ?= go
ARGS ?=
FUZZTIME ?= 3s
RACE ?=
LISTEN ?= 127.0.0.1:3080

# Programs that the tests need, and Debian's packages of them.
TOOLS = curl:curl telnet:telnet vpcs:vpcs tcpdump:tcpdump tshark:tshark ip:iproute2 nft:nftables ping:iputils-ping ps:procps mkfs.btrfs:btrfs-progs

.PHONY: help run build test check unit e2e fuzz bench bench-wire bench-api tools clean

help:
	@echo 'make run     build bin/lanyard and serve on $(LISTEN); more settings: make run ARGS="..."'
	@echo 'make build   build bin/lanyard'
	@echo 'make test    install what tests need, then run all of them'
	@echo 'make check   formatting, vet and staticcheck'
	@echo 'make unit    tests of the packages, with the race detector'
	@echo 'make e2e     tests of the whole program; RACE=1 for one with the race detector'
	@echo 'make fuzz    every fuzz target for FUZZTIME=$(FUZZTIME)'
	@echo 'make bench   measure, and print a table'
	@echo 'make bench-wire  the same for what links do to frames'
	@echo 'make bench-api   the same for the API and for whole projects'
	@echo 'make clean   remove what was built'

run: build
	@exec bin/lanyard serve --listen $(LISTEN) --hints $(ARGS)

build:
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/lanyard ./cmd/lanyard

test: tools check unit e2e fuzz

check:
	@files=$$(gofmt -l $$($(GO) list -f '{{.Dir}}' ./...)); if [ -n "$$files" ]; then echo "not formatted:"; echo "$$files"; exit 1; fi
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

unit:
	REQUIRE_TOOLS=1 $(GO) test -race $$($(GO) list ./... | grep -v '/tests$$')

e2e:
	REQUIRE_TOOLS=1 E2E_RACE=$(RACE) $(GO) test -race -count=1 -timeout 15m ./tests

fuzz:
	@for package in $$($(GO) list ./...); do \
		targets=$$(grep -hos '^func Fuzz[A-Za-z0-9_]*' $$($(GO) list -f '{{.Dir}}' $$package)/*_test.go | cut -d' ' -f2); \
		for target in $$targets; do \
			echo "$$package $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$package || exit 1; \
		done; \
	done

bench:
	$(GO) run ./tests/bench

bench-wire:
	$(GO) run ./tests/bench/wire

bench-api:
	$(GO) run ./tests/bench/api

tools:
	@missing=; for tool in $(TOOLS); do \
		command -v $${tool%%:*} >/dev/null || missing="$$missing $${tool##*:}"; \
	done; \
	[ -n "$$missing" ] || exit 0; \
	root=; [ $$(id -u) = 0 ] || root=sudo; \
	echo "installing$$missing"; \
	$$root apt-get update -q && $$root env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $$missing

clean:
	rm -rf bin

package tests

import (
	"fmt"
	"net"
	"os"
	"testing"
)

// block is a range of ports above those that the kernel picks from: the API's,
// then consoles (TCP), then links (UDP).
type block int

const (
	blockSize   = 100
	firstBlock  = 61000
	lastBlock   = 65400
	consoleSize = 49
)

func (b block) api() string { return fmt.Sprintf("127.0.0.1:%d", int(b)) }

func (b block) console(n int) int { return int(b) + 1 + n }

func (b block) udp(n int) int { return int(b) + 50 + n }

func (b block) consoles() string { return fmt.Sprintf("%d-%d", b.console(0), b.console(consoleSize-1)) }

func (b block) udps() string { return fmt.Sprintf("%d-%d", b.udp(0), b.udp(consoleSize)) }

// reserve finds a block that nobody uses, and keeps it for the test: a UDP
// socket with the number of the API's port says that it is taken.
func reserve(t *testing.T) block {
	t.Helper()
	count := (lastBlock-firstBlock)/blockSize + 1
	for i := range count {
		b := block(firstBlock + (os.Getpid()+i)%count*blockSize)
		token, err := net.ListenPacket("udp4", b.api())
		if err != nil {
			continue
		}
		if err := b.free(); err != nil {
			token.Close()
			continue
		}
		t.Cleanup(func() { token.Close() })
		return b
	}
	t.Fatal("no block of ports is free")
	return 0
}

// free reports which port of the block is in use.
func (b block) free() error {
	for port := int(b); port <= b.udp(consoleSize); port++ {
		address := fmt.Sprintf("127.0.0.1:%d", port)
		if port < b.udp(0) {
			l, err := net.Listen("tcp4", address)
			if err != nil {
				return err
			}
			l.Close()
			continue
		}
		c, err := net.ListenPacket("udp4", address)
		if err != nil {
			return err
		}
		c.Close()
	}
	return nil
}

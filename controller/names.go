package controller

import (
	"strconv"
	"strings"
)

// freeNameLocked makes a name that no node of the project has, in GNS3's way:
// without spaces, {0} or {id} is the lowest free number from 1 on, and a name
// that is taken gets another number at its end. own is a name that counts as
// free; p.mu held.
func (p *Project) freeNameLocked(base, own string) string {
	base = strings.ReplaceAll(base, " ", "")
	free := func(name string) bool {
		count := p.names[name]
		if name == own && own != "" {
			count--
		}
		return count <= 0
	}
	if strings.Contains(base, "{0}") || strings.Contains(base, "{id}") {
		return numbered(1, free, func(number string) string {
			return strings.NewReplacer("{0}", number, "{id}", number).Replace(base)
		})
	}
	if base == "" || free(base) {
		return base
	}
	stem := strings.TrimRight(base, "0123456789")
	return numbered(1, free, func(number string) string { return stem + number })
}

// numbered finds the first number, from first on, with which a name is free.
func numbered(first int, free func(string) bool, name func(number string) string) string {
	for n := first; ; n++ {
		if s := name(strconv.Itoa(n)); free(s) {
			return s
		}
	}
}

// takeName finds a free name and keeps it until dropName.
func (p *Project) takeName(base, own string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	name := p.freeNameLocked(base, own)
	p.names[name]++
	return name
}

func (p *Project) dropName(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dropNameLocked(name)
}

func (p *Project) dropNameLocked(name string) {
	if p.names[name]--; p.names[name] <= 0 {
		delete(p.names, name)
	}
}

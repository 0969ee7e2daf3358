// Package match tells frames apart by expressions in the language of tcpdump,
// see pcap-filter(7).
//
// It uses tcpdump itself as the compiler, so that expressions mean what users
// know them to mean, and runs what comes out in an interpreter.
package match

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/net/bpf"
)

// maxInstructions is the longest program that is taken, which is also the
// kernel's limit (BPF_MAXINSNS).
const maxInstructions = 4096

// Program is a compiled expression. It never changes and is safe for
// concurrent use.
type Program struct {
	vm *bpf.VM
}

// Match reports whether the expression is true for frame, an Ethernet frame
// without FCS. It allocates nothing.
func (p *Program) Match(frame []byte) bool {
	n, err := p.vm.Run(frame)
	return err == nil && n != 0
}

// parse reads what tcpdump -ddd prints: the number of instructions, then each
// as four decimal numbers: code, jt, jf and k.
func parse(text string) (*Program, error) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	count, err := strconv.ParseUint(lines[0], 10, 32)
	switch {
	case err != nil:
		return nil, fmt.Errorf("cannot read the number of instructions %q", cut(lines[0]))
	case count == 0 || count > maxInstructions:
		return nil, fmt.Errorf("the program has %d instructions, allowed are 1 to %d", count, maxInstructions)
	case int(count) != len(lines)-1:
		return nil, fmt.Errorf("the program should have %d instructions and has %d", count, len(lines)-1)
	}
	program := make([]bpf.Instruction, count)
	for i, line := range lines[1:] {
		if program[i], err = instruction(line); err != nil {
			return nil, err
		}
	}
	vm, err := bpf.NewVM(program)
	if err != nil {
		return nil, fmt.Errorf("cannot run the program: %w", err)
	}
	return &Program{vm: vm}, nil
}

// errKernelOnly tells that a program loads what only a kernel knows.
var errKernelOnly = errors.New("it asks for what is not in a frame, such as its direction or interface")

func instruction(line string) (bpf.Instruction, error) {
	fields := strings.Split(line, " ")
	if len(fields) != 4 {
		return nil, fmt.Errorf("cannot read instruction %q", cut(line))
	}
	var n [4]uint64
	for i, bits := range [4]int{16, 8, 8, 32} {
		var err error
		if n[i], err = strconv.ParseUint(fields[i], 10, bits); err != nil {
			return nil, fmt.Errorf("cannot read instruction %q", cut(line))
		}
	}
	raw := bpf.RawInstruction{Op: uint16(n[0]), Jt: uint8(n[1]), Jf: uint8(n[2]), K: uint32(n[3])}
	switch ins := raw.Disassemble().(type) {
	case bpf.RawInstruction, bpf.NegateA: // the interpreter has neither
		return nil, fmt.Errorf("cannot run instruction %q", line)
	case bpf.LoadExtension:
		if ins.Num != bpf.ExtLen {
			return nil, errKernelOnly
		}
		return ins, nil
	default:
		return ins, nil
	}
}

// cut shortens what is quoted in a message.
func cut(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return s[:most] + "..."
}

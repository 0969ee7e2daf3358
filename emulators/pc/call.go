package pc

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// call is one line, or one script, that is being executed.
type call struct {
	g     *Group
	ctx   context.Context // ends at Ctrl-C, stop and crash
	pcs   []*machine
	pc    *machine // the selected one; a digit changes it
	life  int
	depth int // of scripts that load scripts
	args  []string
	line  string // as typed

	quit, prompted bool
}

// command is an entry of the command table.
type command struct {
	name string
	run  func(*call)
}

// commands is the command table, in vpcs's order, which shows in lists of ambiguous names.
func commands() []command {
	return []command{
		{"?", (*call).help}, {"arp", shortcut("show")}, {"clear", (*call).clear}, {"dhcp", shortcut("ip")},
		{"disconnect", (*call).disconnect}, {"echo", (*call).echoText}, {"help", (*call).help},
		{"history", shortcut("show")}, {"relay", (*call).relay}, {"ip", (*call).ip}, {"load", (*call).load},
		{"neighbor", shortcut("show")}, {"ping", (*call).ping}, {"quit", (*call).quitPC},
		{"tracer", (*call).trace}, {"rlogin", (*call).rlogin}, {"save", (*call).save}, {"write", (*call).save},
		{"set", (*call).set}, {"show", (*call).show}, {"version", shortcut("show")},
		{"sleep", (*call).sleep}, {"zzz", (*call).sleep},
	}
}

// find returns the commands that name stands for: one, or all that start with it.
func find(name string) []command {
	var found []command
	for _, c := range commands() {
		switch {
		case c.name == name, c.name == "echo" && name != "" && strings.HasPrefix("echo", name):
			return []command{c}
		case strings.HasPrefix(c.name, name):
			found = append(found, c)
		}
	}
	return found
}

// printf writes to the console unless the command was stopped.
func (c *call) printf(format string, args ...any) {
	c.g.mu.Lock()
	defer c.g.mu.Unlock()
	if c.ctx.Err() == nil {
		c.g.writeLocked(fmt.Sprintf(format, args...))
	}
}

// wait sleeps, and reports whether the command may go on.
func (c *call) wait(d time.Duration) bool {
	if c.ctx.Err() != nil {
		return false
	}
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.ctx.Done():
		return false
	}
}

// arg returns word i of the line, "" when there is none.
func (c *call) arg(i int) string {
	if i < len(c.args) {
		return c.args[i]
	}
	return ""
}

// silent reports whether a line gives no output, not even a new line: a comment,
// or a digit that selects a PC.
func silent(line string) bool {
	line = strings.TrimLeft(line, " \t@")
	words := tokenize(line)
	return len(words) == 0 || line[0] == '#' || line[0] == ';' || isDigit(words[0])
}

func isDigit(word string) bool { return len(word) == 1 && word[0] >= '1' && word[0] <= '9' }

// execute runs one line. script tells that it is from a file: then the new
// line after it is still missing.
func (c *call) execute(line string, script bool) {
	line = strings.TrimLeft(line, " \t")
	hidden := strings.HasPrefix(line, "@")
	line = strings.TrimLeft(line, " \t@")
	c.line, c.args = line, tokenize(line)
	if len(c.args) == 0 || line[0] == '#' || line[0] == ';' {
		return
	}
	name := c.args[0]
	if isDigit(name) {
		c.choose(int(name[0] - '1'))
		return
	}
	found := find(name)
	switch {
	case script && !hidden && len(found) == 1 && c.echoes(found[0].name):
		c.printf("\n%s %s\n", c.pc.numbered(), line)
	case script:
		c.printf("\n")
	}
	switch len(found) {
	case 0:
		c.printf("Bad command: \"%s\". Use ? for help.\n", name)
	case 1:
		c.args[0] = found[0].name
		if last := c.args[len(c.args)-1]; len(c.args) > 1 && name != "?" && found[0].name != "echo" && (last == "?" || last == "help") {
			c.helpFor(c.args[:len(c.args)-1])
			return
		}
		found[0].run(c)
	default:
		for _, f := range found {
			c.printf("%s\n", f.name)
		}
	}
}

// echoes reports whether a line of a script is shown before it runs.
func (c *call) echoes(name string) bool {
	switch name {
	case "echo":
		return false
	case "sleep", "zzz":
		if len(c.args) > 2 {
			return false
		}
	}
	c.g.mu.Lock()
	defer c.g.mu.Unlock()
	return c.g.echo.on
}

// choose selects a PC of the group.
func (c *call) choose(index int) {
	if index >= len(c.pcs) {
		c.printf("\nOnly %d VPCs actived\n", len(c.pcs))
		return
	}
	c.pc = c.pcs[index]
}

// shortcut makes "arp ..." mean "show arp ...", and so on.
func shortcut(name string) func(*call) {
	return func(c *call) {
		c.args = append([]string{name}, c.args...)
		if name == "ip" {
			c.ip()
		} else {
			c.show()
		}
	}
}

func (c *call) disconnect() {
	c.g.mu.Lock()
	text := prompt(c.pcs, c.pc)
	c.g.writeLocked(text + "\nGood-bye\n")
	c.g.mu.Unlock()
	c.g.cfg.Console.HangUp() // then a prompt, for whoever stays or comes next
}

func (c *call) quitPC() { c.quit = true }

func (c *call) relay() { c.printf("Relay function is disabled\n") }

func (c *call) rlogin() {
	c.printf("rlogin is not available: a virtual PC does not open connections from the computer it runs on.\n")
}

// sleep waits for a number of seconds, or for a key.
func (c *call) sleep() {
	seconds, ok := number(c.arg(1))
	text := c.args[1:]
	if ok {
		text = c.args[2:]
	}
	if len(c.args) == 1 {
		c.printf("Press any key to continue")
	}
	for _, word := range text {
		c.printf("%s ", word)
	}
	if seconds > 0 {
		c.wait(time.Duration(seconds) * time.Second)
	} else {
		c.waitKey()
	}
	c.printf("\n")
}

// waitKey waits for input, which is used up.
func (c *call) waitKey() {
	key := make(chan struct{})
	c.g.mu.Lock()
	switch {
	case c.g.life != c.life:
	case len(c.g.typed) > 0:
		c.g.typed = c.g.typed[1:]
		close(key)
	default:
		c.g.key = key
	}
	c.g.mu.Unlock()
	select {
	case <-key:
	case <-c.ctx.Done():
	}
}

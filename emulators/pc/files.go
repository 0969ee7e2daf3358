package pc

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

const (
	startupFile = "startup.vpc"
	maxScript   = 1 << 20 // bytes of a script
	maxDepth    = 8       // of scripts that load scripts
)

// readFile reads a regular file beneath folder; no name leads out of it.
func readFile(folder, name string, limit int64) ([]byte, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a FIFO must not stop us
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, errors.New("not a regular file"))
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("larger than %d bytes", limit)
	}
	return data, err
}

// writeFile replaces a file beneath folder, wholly or not at all.
func writeFile(folder, name string, data []byte) error {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer root.Close()
	if info, err := root.Lstat(name); err == nil && !info.Mode().IsRegular() {
		return errors.New("not a regular file")
	}
	temp := name + ".tmp"
	if err := root.WriteFile(temp, data, 0o644); err != nil {
		_ = root.Remove(temp)
		return err
	}
	if err := root.Rename(temp, name); err != nil {
		_ = root.Remove(temp)
		return err
	}
	return nil
}

// reason is the part of a file error that a user wants to know.
func reason(err error) string {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		err = path.Err
	}
	if link, ok := errors.AsType[*os.LinkError](err); ok {
		err = link.Err
	}
	return err.Error()
}

func (g *Group) loadHistory() {
	data, err := readFile(g.cfg.Folder, historyFile, historyLines*maxLine)
	if err == nil {
		g.term.history.decode(data)
	}
}

// saveHistory writes the history file; that it cannot is told once.
func (c *call) saveHistory(data []byte) {
	if c.g.cfg.Folder == "" {
		return
	}
	err := writeFile(c.g.cfg.Folder, historyFile, data)
	c.g.mu.Lock()
	tell := err != nil && !c.g.quiet
	c.g.quiet = err != nil
	c.g.mu.Unlock()
	if tell {
		c.printf("Cannot save the history: %s\n", reason(err))
	}
}

// startup returns the name of the script to execute at start, "" if there is none.
func (g *Group) startup() string {
	if g.cfg.Startup != "" {
		return g.cfg.Startup
	}
	root, err := os.OpenRoot(g.cfg.Folder)
	if err != nil {
		return ""
	}
	defer root.Close()
	if info, err := root.Stat(startupFile); err != nil || !info.Mode().IsRegular() {
		return ""
	}
	return startupFile
}

// startup executes the startup script.
func (c *call) startup(name string) {
	data, err := readFile(c.g.cfg.Folder, name, maxScript)
	if err != nil {
		c.printf("Can't open %s\n", name)
		return
	}
	c.printf("\nExecuting the startup file\n")
	c.script(data)
}

func (c *call) load() {
	name := startupFile
	switch len(c.args) {
	case 1:
	case 2:
		name = c.args[1]
	default:
		c.helpFor([]string{"load"})
		return
	}
	if c.depth >= maxDepth {
		c.printf("Can't open \"%s\": scripts load each other too deeply\n", name)
		return
	}
	data, err := readFile(c.g.cfg.Folder, name, maxScript)
	if errors.Is(err, fs.ErrNotExist) && !strings.Contains(name, ".") {
		data, err = readFile(c.g.cfg.Folder, name+".vpc", maxScript)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c.printf("Can't open \"%s\"\n", name)
	case err != nil:
		c.printf("Can't open \"%s\": %s\n", name, reason(err))
	default:
		c.printf("\nExecuting the file \"%s\"\n", name)
		c.script(data)
	}
}

// script executes the lines of a file.
func (c *call) script(data []byte) {
	c.depth++
	defer func() { c.depth-- }()
	for line := range strings.Lines(string(data)) {
		if c.ctx.Err() != nil || c.quit {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		switch {
		case len(line) > maxLine:
			c.printf("\nLine is too long (%d bytes at most)\n", maxLine)
		case !printable(strings.ReplaceAll(line, "\t", " ")):
			c.printf("\nLine is not text\n")
		default:
			c.execute(line, true)
		}
	}
}

func (c *call) save() {
	if len(c.args) > 2 {
		c.helpFor([]string{"save"})
		return
	}
	name := startupFile
	if len(c.args) == 2 {
		name = c.args[1]
		if !strings.Contains(name, ".") {
			name += ".vpc"
		}
	}
	c.printf("Saving startup configuration to %s\n", name)
	var b strings.Builder
	for _, m := range c.pcs {
		if len(c.pcs) > 1 {
			fmt.Fprintf(&b, "%d\n", m.index+1)
		}
		m.config(&b, len(c.pcs) > 1)
		c.printf(".")
	}
	if len(c.pcs) > 1 {
		b.WriteString("1\n")
	}
	if err := writeFile(c.g.cfg.Folder, name, []byte(b.String())); err != nil {
		c.printf("  failed: cannot write %s: %s\n", name, reason(err))
		return
	}
	c.printf("  done\n")
}

// config writes the commands that make m what it is.
func (m *machine) config(b *strings.Builder, wires bool) {
	fmt.Fprintf(b, "set pcname %s\n", quote(m.title()))
	if wires {
		if m.lport != 20000+m.index {
			fmt.Fprintf(b, "set lport %d\n", m.lport)
		}
		if int(m.remote.Port()) != 30000+m.index {
			fmt.Fprintf(b, "set rport %d\n", m.remote.Port())
		}
		if a := m.remote.Addr().String(); a != "127.0.0.1" {
			fmt.Fprintf(b, "set rhost %s\n", a)
		}
	}
	v4 := m.host.IPv4()
	switch {
	case m.byDHCP:
		b.WriteString("dhcp\n")
	case v4.Prefix.IsValid() && v4.Gateway.IsValid():
		fmt.Fprintf(b, "ip %s %s %d\n", v4.Prefix.Addr(), v4.Gateway, v4.Prefix.Bits())
	case v4.Prefix.IsValid():
		fmt.Fprintf(b, "ip %s %d\n", v4.Prefix.Addr(), v4.Prefix.Bits())
	}
	global, _, ok := m.host.Global()
	if ok && !m.auto {
		fmt.Fprintf(b, "ip %s\n", global)
	}
	v4dns, v6dns := families(m.host.DNS())
	if !m.byDHCP {
		if d := m.host.Domain(); d != "" {
			fmt.Fprintf(b, "ip domain %s\n", quote(d))
		}
		if len(v4dns) > 0 {
			fmt.Fprintf(b, "ip dns %s\n", join(v4dns, " "))
		}
	}
	if m.auto {
		b.WriteString("ip auto\n")
	} else if len(v6dns) > 0 {
		fmt.Fprintf(b, "ip dns6 %s\n", join(v6dns, " "))
	}
	if n := m.host.MTU(); n != defaultMTU {
		fmt.Fprintf(b, "set mtu %d\n", n)
	}
}

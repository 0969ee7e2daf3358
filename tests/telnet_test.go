package tests

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
)

// anyPrompt is what a PC of either kind shows when it waits.
const anyPrompt = `\n[^\n>]*> ?$`

// telnet is Debian's telnet client on a terminal.
type telnet struct {
	tty *os.File
	cmd *exec.Cmd

	mu   sync.Mutex
	text []byte // seen and not yet expected
	all  []byte
	over bool
	news chan struct{} // has room for one; told of changes
}

// dial runs telnet, which is ended with the test.
func dial(t *testing.T, port int) *telnet {
	t.Helper()
	return dialIn(t, "", port)
}

// dialIn runs telnet in a network namespace, "" for the test's own.
func dialIn(t *testing.T, where namespace, port int) *telnet {
	t.Helper()
	c := &telnet{cmd: where.command(need(t, "telnet"), "127.0.0.1", strconv.Itoa(port)), news: make(chan struct{}, 1)}
	c.cmd.Env = append(os.Environ(), "TERM=dumb")
	var err error
	if c.tty, err = pty.StartWithSize(c.cmd, &pty.Winsize{Rows: 24, Cols: 80}); err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		c.read()
	}()
	t.Cleanup(func() {
		_ = c.cmd.Process.Kill()
		_ = c.cmd.Wait()
		_ = c.tty.Close()
		<-read
	})
	c.expect(t, `Escape character is '\^\]'\.`)
	return c
}

func (c *telnet) read() {
	b := make([]byte, 4096)
	for {
		n, err := c.tty.Read(b)
		c.mu.Lock()
		c.text = append(c.text, b[:n]...)
		c.all = append(c.all, b[:n]...)
		c.over = err != nil
		c.mu.Unlock()
		select {
		case c.news <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

// expect waits for text that matches a regular expression, and returns it with
// its groups. What comes later is left for the next call.
func (c *telnet) expect(t *testing.T, pattern string) []string {
	t.Helper()
	return c.expectWithin(t, pattern, patience)
}

func (c *telnet) expectWithin(t *testing.T, pattern string, limit time.Duration) []string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	deadline := time.After(limit)
	for {
		c.mu.Lock()
		at := re.FindSubmatchIndex(c.text)
		if at != nil {
			var groups []string
			for i := 0; i < len(at); i += 2 {
				group := ""
				if at[i] >= 0 {
					group = string(c.text[at[i]:at[i+1]])
				}
				groups = append(groups, group)
			}
			c.text = c.text[at[1]:]
			c.mu.Unlock()
			return groups
		}
		over, all := c.over, string(c.all)
		c.mu.Unlock()
		if over {
			t.Fatalf("telnet ended before %s was seen:\n%s", pattern, all)
		}
		select {
		case <-c.news:
		case <-deadline:
			t.Fatalf("%s was not seen within %v:\n%s", pattern, limit, all)
		}
	}
}

// send types a line.
func (c *telnet) send(t *testing.T, line string) {
	t.Helper()
	if _, err := io.WriteString(c.tty, line+"\r"); err != nil {
		t.Fatalf("cannot type %q: %v", line, err)
	}
}

// prompt waits for the prompt of a PC.
func (c *telnet) prompt(t *testing.T, name string) {
	t.Helper()
	c.expect(t, `[\r\n]`+regexp.QuoteMeta(name)+`> ?$`)
}

// ask types a line at the prompt and returns what comes before the next one.
func (c *telnet) ask(t *testing.T, name, line string) string {
	t.Helper()
	c.send(t, line)
	return c.expect(t, `(?s)`+regexp.QuoteMeta(line)+`\r?\n(.*?)[\r\n]`+regexp.QuoteMeta(name)+`> ?$`)[1]
}

// disconnect ends the session as the user's document does.
func (c *telnet) disconnect(t *testing.T) {
	t.Helper()
	c.send(t, "disconnect")
	c.expect(t, `Good-bye`)
	c.expect(t, `Connection closed by foreign host`)
}

// alive reports whether the session is still there.
func (c *telnet) alive() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return fmt.Errorf("telnet ended: %s", c.all)
	}
	return nil
}

// unread puts text back in front of what is yet to be seen.
func (c *telnet) unread(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.text = append([]byte(text), c.text...)
}

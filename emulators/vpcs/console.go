package vpcs

import (
	"bytes"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// longestLine of a file, 0 if there is none.
func longestLine(path string) int {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	longest := 0
	for line := range bytes.Lines(text) {
		longest = max(longest, len(line))
	}
	return longest
}

// readConsole passes output on until the terminal is closed on either side.
func (i *instance) readConsole() {
	buffer := make([]byte, 4096)
	for {
		n, err := i.terminal.Read(buffer)
		if n > 0 {
			i.screen.write(buffer[:n])
		}
		if err != nil {
			return
		}
	}
}

func (i *instance) sawPrompt() {
	i.tell(nil)
	i.keyboard.prompt()
}

func (i *instance) sawWaiting() {
	i.tell(nil)
	i.keyboard.wantsKeys()
}

func (i *instance) sawTaken(report string) {
	i.tell(fmt.Errorf("the UDP port of its adapter is taken by another program (vpcs says: %s)", report))
}

// tell Start how it went; only the first word counts.
func (i *instance) tell(err error) {
	i.mu.Lock()
	first := !i.noticed
	i.noticed = true
	i.mu.Unlock()
	if first {
		i.ready <- err
	}
}

// writeConsole types what is queued until the process is gone.
func (i *instance) writeConsole() {
	for {
		keys, wait := i.keyboard.next()
		if len(keys) > 0 {
			i.settle()
			if _, err := i.terminal.Write(keys); err != nil {
				return
			}
			continue
		}
		var limit <-chan time.Time
		if wait > 0 {
			limit = time.After(wait)
		}
		select {
		case <-i.keyboard.wake:
		case <-limit:
			i.keyboard.wantsKeys()
		case <-i.gone:
			return
		}
	}
}

// settle waits a moment for vpcs to read keys rather than lines. It shows its
// prompt just before; keys that come between are echoed twice, and a Ctrl-C is lost.
func (i *instance) settle() {
	raw, err := i.terminal.SyscallConn()
	if err != nil {
		return
	}
	for range 20 {
		lines := false
		raw.Control(func(fd uintptr) {
			t, err := unix.IoctlGetTermios(int(fd), unix.TCGETS)
			lines = err == nil && t.Lflag&unix.ICANON != 0
		})
		if !lines {
			return
		}
		select {
		case <-time.After(time.Millisecond):
		case <-i.gone:
			return
		}
	}
}

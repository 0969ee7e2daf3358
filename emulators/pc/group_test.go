package pc

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lanyard-lab/lanyard/emulators"
)

const testMAC = "00:50:79:66:68:01"

func TestBanner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startPC(t, "PC1", testMAC, nil, nil)
		out := s.screen.take()
		m := regexp.MustCompile(`Welcome to Virtual PC Simulator, version ([0-9a-z.]+)`).FindStringSubmatch(out)
		if m == nil || m[1] != "0.8.3" || !strings.Contains(out, "Lanyard") {
			t.Errorf("banner = %q", out)
		}
		if !strings.HasSuffix(out, "\r\nPress '?' to get help.\r\n\r\n\rPC1> ") {
			t.Errorf("banner ends with %q", out)
		}
	})
}

func TestStartupScript(t *testing.T) {
	for _, tc := range []struct{ name, script, want string }{
		{"nothing", "", "\r\n\rPC1> "},
		{"name and address", "set pcname W1\r\nip 10.1.1.22/24\r\n",
			"\r\n\r\nChecking for duplicate address...\r\nW1 : 10.1.1.22 255.255.255.0\r\n\r\n\rW1> "},
		{"quotes", "set pcname \"Q 1\"\nset echo\n", "\r\n\r\nIncomplete command.\r\n\r\n\rQ 1> "},
		{"nested", "load other\nset pcname N1\n", "\r\nCan't open \"other\"\r\n\r\n\r\n\rN1> "},
		{"echo", "set echo on\nset pcname R1\n@show echo\necho hi there\nbadcmd\nsleep 1\nsleep 1 waiting text\nset mtu 1400",
			"\r\n\r\nPC1[1] set pcname R1\r\n\r\n\r\nEcho \x1b[1mOn\x1b[0m\r\nForeground color: default\r\nBackground color: default\r\n" +
				"\r\nhi there\r\nBad command: \"badcmd\". Use ? for help.\r\n\r\nR1[1] sleep 1\r\n\r\n\r\nwaiting text \r\n" +
				"\r\nR1[1] set mtu 1400\r\n\r\n\rR1> "},
		{"a loop", "load startup", "\r\n\r\nExecuting the file \"startup\"\r\n" + strings.Repeat("\r\n\r\nExecuting the file \"startup\"\r\n", 6) +
			"\r\nCan't open \"startup\": scripts load each other too deeply\r\n\r\n\rPC1> "},
		{"not text", "\x1b[2J\xff\n" + strings.Repeat("x", 5000) + "\n", "\r\nLine is not text\r\n\r\nLine is too long (4096 bytes at most)\r\n\r\n\rPC1> "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := startPC(t, "PC1", testMAC, nil, map[string]string{"startup.vpc": tc.script})
				_, got, _ := strings.Cut(s.screen.take(), "Executing the startup file\r\n")
				if got != tc.want {
					t.Errorf("output\n got %q\nwant %q", got, tc.want)
				}
			})
		})
	}
}

func TestMissingStartupScript(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		screen := &screenOf{}
		g, err := NewGroup(GroupConfig{Folder: t.TempDir(), Startup: "nofile.vpc", Console: screen, PCs: []Config{{MAC: []byte{0, 0x50, 0x79, 0x66, 0x68, 0}}}})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if out := screen.take(); !strings.HasSuffix(out, "help.\r\nCan't open nofile.vpc\r\n\r\n\rVPCS> ") {
			t.Errorf("output %q", out)
		}
		_ = g.Stop(context.Background())
	})
}

func TestTypeAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startPC(t, "PC1", testMAC, nil, nil)
		s.screen.take()
		s.typeIn("sleep 5\r\necho a\r\nech")
		s.typeIn("o b\r")
		synctest.Wait()
		if out := s.screen.take(); out != "sleep 5\r\n" {
			t.Errorf("while it sleeps: %q", out)
		}
		s.ready()
		if out := s.screen.take(); out != "\r\n\r\n\rPC1> echo a\r\na\r\n\rPC1> echo b\r\nb\r\n\rPC1> " {
			t.Errorf("afterwards: %q", out)
		}
		s.typeIn("sleep 30\rlost\x03echo c\r")
		s.ready()
		if out := s.screen.take(); out != "sleep 30\r\n^C\r\n\rPC1> echo c\r\nc\r\n\rPC1> " {
			t.Errorf("with Ctrl-C: %q", out)
		}
		s.typeIn("sleep\r\n")
		time.Sleep(time.Minute)
		if out := s.screen.take(); out != "sleep\r\nPress any key to continue" {
			t.Errorf("sleep until a key: %q", out)
		}
		s.typeIn("\r\n")
		s.ready()
		if out := s.screen.take(); out != "\r\n\r\n\rPC1> " {
			t.Errorf("after the key: %q", out)
		}
		s.typeIn("sleep 9\r")
		for range 100 {
			s.typeIn(strings.Repeat("x", 1000))
		}
		s.group.mu.Lock()
		if n := len(s.group.typed); n != maxTyped {
			t.Errorf("%d bytes kept", n)
		}
		s.group.mu.Unlock()
	})
}

func TestDisconnectAndQuit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startPC(t, "PC1", testMAC, nil, nil)
		if out := s.do("disconnect"); !strings.HasPrefix(out, "disconnect\r\n\r\n\rPC1> \r\nGood-bye\r\n") || s.screen.hangUps != 1 {
			t.Errorf("disconnect: %q, %d hang-ups", out, s.screen.hangUps)
		}
		s.typeIn("q\r")
		<-s.group.Done()
		if err := s.group.Exit(); err != nil {
			t.Errorf("exit of quit: %v", err)
		}
		data, _ := os.ReadFile(filepath.Join(s.folder, "vpcs.hist"))
		if string(data) != "disconnect\nq\n" {
			t.Errorf("history %q", data)
		}
		s.typeIn("show\r") // into a PC that is gone
	})
}

func TestHistoryIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startPC(t, "PC1", testMAC, nil, map[string]string{"vpcs.hist": "echo old\n"})
		s.want("history", "\necho old\nhistory\n")
		s.screen.take()
		s.typeIn("\x1b[A\x1b[A")
		if out := s.screen.take(); out != "echo old" {
			t.Errorf("two lines up: %q", out)
		}
	})
}

// TestHistoryOnFullDisk makes writing impossible by a folder in the way.
func TestUnwritableFolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startPC(t, "PC1", testMAC, nil, nil)
		for _, name := range []string{"vpcs.hist", "startup.vpc"} {
			if err := os.Mkdir(filepath.Join(s.folder, name), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		s.want("echo a", "\nCannot save the history: not a regular file\na")
		s.want("echo b", "\nb")
		s.want("save", "\nSaving startup configuration to startup.vpc\n.  failed: cannot write startup.vpc: not a regular file\n")
	})
}

func TestFilesStayInFolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startPC(t, "PC1", testMAC, nil, nil)
		secret := filepath.Join(t.TempDir(), "secret.vpc")
		if err := os.WriteFile(secret, []byte("echo secret"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(secret, filepath.Join(s.folder, "link.vpc")); err != nil {
			t.Fatal(err)
		}
		for _, line := range []string{"load link", `load "` + secret + `"`, `load "../secret.vpc"`, `save ..`, `save "../x.vpc"`, "save link", `save "` + secret + `"`} {
			out := s.do(line)
			if strings.Contains(out, "done") || strings.Contains(out, "\r\nsecret") {
				t.Errorf("%s: %q", line, out)
			}
		}
		if data, _ := os.ReadFile(secret); string(data) != "echo secret" {
			t.Errorf("file outside was overwritten with %q", data)
		}
	})
}

func TestSaveAndLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startPC(t, "PC1", testMAC, nil, nil)
		for _, line := range []string{`set pcname "my pc"`, "ip 10.1.1.5/31 10.1.1.4", "ip dns 10.1.1.1 10.1.1.2", "ip domain lab.test", "ip 2001:db8::5/48", "ip dns6 2001:db8::1", "set mtu 1400"} {
			s.do(line)
		}
		s.want("save a", "\nSaving startup configuration to a.vpc\n.  done\n")
		data, _ := os.ReadFile(filepath.Join(s.folder, "a.vpc"))
		const want = "set pcname \"my pc\"\nip 10.1.1.5 10.1.1.4 31\nip 2001:db8::5/48\nip domain lab.test\nip dns 10.1.1.1 10.1.1.2\nip dns6 2001:db8::1\nset mtu 1400\n"
		if string(data) != want {
			t.Errorf("saved\n got %q\nwant %q", data, want)
		}
		before := s.do("show ip") + s.do("show ipv6")
		again := startPC(t, "PC1", testMAC, nil, map[string]string{"startup.vpc": string(data)})
		if after := again.do("show ip") + again.do("show ipv6"); after != before {
			t.Errorf("after loading %q, before %q", after, before)
		}
	})
}

func TestSuspendKeepsInput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startPC(t, "PC1", testMAC, nil, nil)
		s.screen.take()
		_ = s.group.Suspend(t.Context())
		s.typeIn("echo x\r")
		synctest.Wait()
		if out := s.screen.take(); out != "" {
			t.Errorf("suspended PC says %q", out)
		}
		_ = s.group.Resume(t.Context())
		s.ready()
		if out := s.screen.take(); out != "echo x\r\nx\r\n\rPC1> " {
			t.Errorf("resumed PC says %q", out)
		}
	})
}

// TestCrash makes commands panic: the PC comes back, and gives up when that goes on.
func TestCrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startPC(t, "PC1", testMAC, nil, map[string]string{"startup.vpc": "set pcname again"})
		for i := range maxCrashes {
			s.screen.take()
			s.group.mu.Lock()
			s.group.startLocked(func(*call) { panic("oh no") })
			s.group.mu.Unlock()
			time.Sleep(time.Second)
			s.ready()
			out := s.screen.take()
			if !strings.Contains(out, "Internal error: oh no\r\nThe virtual PC is restarting.\r\n") || !strings.HasSuffix(out, "again> ") {
				t.Fatalf("crash %d: %q", i+1, out)
			}
		}
		s.want("echo x", "\nx")
		s.group.mu.Lock()
		s.group.startLocked(func(*call) { panic("oh no") })
		s.group.mu.Unlock()
		<-s.group.Done()
		if err := s.group.Exit(); err == nil || !strings.Contains(err.Error(), "oh no") {
			t.Errorf("exit = %v", err)
		}
	})
}

func TestCheck(t *testing.T) {
	ok := emulators.Spec{Name: "PC1", Folder: t.TempDir(), Console: &screenOf{}, Properties: json.RawMessage(`{"mac": "00:50:79:66:68:00"}`)}
	if err := New().Check(t.Context(), ok); err != nil {
		t.Error(err)
	}
	for _, tc := range []struct{ name, properties string }{
		{"missing", ``}, {"null mac", `{}`}, {"unknown field", `{"mac":"00:50:79:66:68:00","x":1}`}, {"trailing", `{"mac":"00:50:79:66:68:00"}{}`},
		{"multicast", `{"mac":"01:50:79:66:68:00"}`}, {"long", `{"mac":"00:50:79:66:68:00:00:00"}`}, {"port", `{"mac":"00:50:79:66:68:00","lport":70000}`},
		{"rhost", `{"mac":"00:50:79:66:68:00","rhost":"x"}`}, {"not JSON", `mac`},
	} {
		s := ok
		s.Properties = json.RawMessage(tc.properties)
		if err := New().Check(t.Context(), s); err == nil || !strings.HasPrefix(err.Error(), "cannot start PC1: ") {
			t.Errorf("%s: Check(%s) = %v", tc.name, tc.properties, err)
		}
	}
	ok.Jacks = []emulators.Jack{{Adapter: 1}}
	if err := New().Check(t.Context(), ok); err == nil {
		t.Error("adapter 1 is accepted")
	}
}

// TestHelp checks that every command has a page of its own.
func TestHelp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startPC(t, "PC1", testMAC, nil, nil)
		for _, c := range commands() {
			if c.name == "echo" {
				continue
			}
			names := []string{c.name}
			for _, sub := range subcommands(c.name) {
				if c.name != "clear" && sub != "all" {
					names = append(names, c.name+" "+sub)
				}
			}
			for _, name := range names {
				question, help := s.do(name+" ?"), s.do(name+" help")
				if strings.Count(question, "\n") < 4 || strings.TrimPrefix(question, name+" ?") != strings.TrimPrefix(help, name+" help") && c.name != "history" {
					t.Errorf("%s ?: %q, %s help: %q", name, question, name, help)
				}
			}
		}
		if out := s.do("?"); !strings.Contains(out, "\x1b[1mping\x1b[0m host [options]") {
			t.Errorf("?: %q", out)
		}
	})
}

// TestGroup follows the recorded session of three PCs in one process.
func TestGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &session{t: t, screen: &screenOf{}, folder: t.TempDir()}
		cfg := GroupConfig{Folder: s.folder, Console: s.screen}
		for i := range 3 {
			cfg.PCs = append(cfg.PCs, Config{MAC: []byte{0, 0x50, 0x79, 0x66, 0x68, byte(10 + i)}, LPort: 43001 + i, Remote: loopback(43101 + i)})
		}
		g, err := NewGroup(cfg)
		if err != nil {
			t.Fatal(err)
		}
		s.group = g
		defer func() { _ = g.Stop(context.Background()) }()
		s.want("show", "\n\nNAME   IP/MASK              GATEWAY           MAC                LPORT  RHOST:PORT\n"+
			"VPCS1  0.0.0.0/0            0.0.0.0           00:50:79:66:68:0a  43001  127.0.0.1:43101\n       fe80::250:79ff:fe66:680a/64\n"+
			"VPCS2  0.0.0.0/0            0.0.0.0           00:50:79:66:68:0b  43002  127.0.0.1:43102\n       fe80::250:79ff:fe66:680b/64\n"+
			"VPCS3  0.0.0.0/0            0.0.0.0           00:50:79:66:68:0c  43003  127.0.0.1:43103\n       fe80::250:79ff:fe66:680c/64\n")
		if out := s.do("2"); out != "2\r\n\rVPCS[2]> " {
			t.Errorf("2: %q", out)
		}
		if out := s.do("set pcname B"); out != "set pcname B\r\n\r\n\rB[2]> " {
			t.Errorf("set pcname: %q", out)
		}
		s.want("show ip 3", "\n\nNAME        : VPCS[3]\nIP/MASK     : 0.0.0.0/0\nGATEWAY     : 0.0.0.0\nDNS         : \n"+
			"MAC         : 00:50:79:66:68:0c\nLPORT       : 43003\nRHOST:PORT  : 127.0.0.1:43103\nMTU         : 1500\n")
		s.want("show ip all", "\n\nNAME   IP/MASK              GATEWAY           MAC                DNS\n"+
			"VPCS1  0.0.0.0/0            0.0.0.0           00:50:79:66:68:0a  \n"+
			"B      0.0.0.0/0            0.0.0.0           00:50:79:66:68:0b  \n"+
			"VPCS3  0.0.0.0/0            0.0.0.0           00:50:79:66:68:0c  \n")
		s.want("show arp all", "\n\nVPCS[1]:\narp table is empty\nB[2]:\narp table is empty\nVPCS[3]:\narp table is empty\n")
		s.want("3", "")
		s.want("echo x", "\nx")
		s.want("9", "\nOnly 3 VPCs actived\n")
		s.want("1", "")
		s.want("save all9", "\nSaving startup configuration to all9.vpc\n...  done\n")
		s.want("show dump all", "\n\nVPCS[1] dumpflag: (none)\nB[2] dumpflag: (none)\nVPCS[3] dumpflag: (none)\n")
		data, _ := os.ReadFile(filepath.Join(s.folder, "all9.vpc"))
		want := ""
		for i, name := range []string{"VPCS", "B", "VPCS"} {
			want += fmt.Sprintf("%d\nset pcname %s\nset lport %d\nset rport %d\n", i+1, name, 43001+i, 43101+i)
		}
		if want += "1\n"; string(data) != want {
			t.Errorf("all9.vpc\n got %q\nwant %q", data, want)
		}
	})
}

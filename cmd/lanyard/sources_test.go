package main

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPrecedence(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lanyard.toml")
	write(t, file, "listen = \"127.0.0.3:3\"\nconsole_ports = \"3000-3999\"\nudp_ports = [11000, 12000]\nlog_level = \"warn\"\nhints = true\n")
	env := map[string]string{
		"LANYARD_CONFIG": file, "LANYARD_DATA_DIR": "/from/env",
		"LANYARD_LISTEN": "127.0.0.2:2", "LANYARD_CONSOLE_PORTS": "2000-2999",
	}
	c, err := loadConfig([]string{"--listen", "127.0.0.1:1"}, func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	if c.listen != "127.0.0.1:1" {
		t.Errorf("listen = %s, want the flag's", c.listen)
	}
	if c.consolePorts != [2]int{2000, 2999} {
		t.Errorf("console ports = %v, want the environment's", c.consolePorts)
	}
	if c.logLevel.String() != "WARN" || !c.hints {
		t.Errorf("log level = %v, hints = %v, want the file's", c.logLevel, c.hints)
	}
	if c.udpPorts != [2]int{11000, 12000} {
		t.Errorf("udp ports = %v, want the file's", c.udpPorts)
	}
	if c.consoleHost != "127.0.0.1" {
		t.Errorf("console host = %v, want the default", c.consoleHost)
	}
}

func TestRefusedSettings(t *testing.T) {
	folder := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(folder, name)
		write(t, path, content)
		return path
	}
	for _, tc := range []struct {
		name string
		args []string
		want string // in the error
	}{
		{"unknown flag", []string{"--lisen", "x"}, "-lisen"},
		{"word", []string{"start"}, `"start"`},
		{"port alone", []string{"--listen", "3080"}, `--listen "3080"`},
		{"port too high", []string{"--listen", "127.0.0.1:70000"}, "70000"},
		{"range turned round", []string{"--udp-ports", "300-200"}, "--udp-ports"},
		{"range from 0", []string{"--console-ports", "0-10"}, "--console-ports"},
		{"level", []string{"--log-level", "loud"}, "--log-level"},
		{"format", []string{"--log-format", "xml"}, "--log-format"},
		{"host", []string{"--console-host", "localhost"}, "--console-host"},
		{"user alone", []string{"--user", "ada"}, "password"},
		{"password alone", []string{"--password", "x"}, "user"},
		{"colon", []string{"--user", "a:b", "--password", "x"}, "colon"},
		{"two passwords", []string{"--user", "a", "--password", "x", "--password-file", "y"}, "both"},
		{"no password file", []string{"--user", "a", "--password-file", folder + "/none"}, "none"},
		{"empty password file", []string{"--user", "a", "--password-file", file("pw", "\nsecret\n")}, "empty"},
		{"certificate alone", []string{"--tls-cert", "x"}, "tls-key"},
		{"two certificates", []string{"--tls-cert", "x", "--tls-key", "y", "--tls-self-signed"}, "two"},
		{"no file", []string{"--config", folder + "/none.json"}, "none.json"},
		{"other extension", []string{"--config", file("a.yaml", "")}, ".yaml"},
		{"unknown key", []string{"--config", file("a.json", `{"lissen": "127.0.0.1:1"}`)}, `"lissen"`},
		{"unknown TOML key", []string{"--config", file("a.toml", "data-dir = \"x\"\n")}, `"data-dir"`},
		{"number", []string{"--config", file("b.json", `{"udp_ports": 2000}`)}, "udp_ports"},
		{"null", []string{"--config", file("g.json", `null`)}, "null"},
		{"one port in a list", []string{"--config", file("h.json", `{"udp_ports": [2000]}`)}, "first and the last"},
		{"list of texts for ports", []string{"--config", file("i.json", `{"udp_ports": ["1-2", 3]}`)}, "1-2 is not a port"},
		{"list turned round", []string{"--config", file("j.json", `{"udp_ports": [300, 200]}`)}, "udp_ports in"},
		{"fraction", []string{"--config", file("c.toml", "udp_ports = [1.5, 2000]\n")}, "1.5 is not a port"},
		{"list for a text", []string{"--config", file("k.json", `{"listen": ["127.0.0.1:1"]}`)}, "list"},
		{"number for a name", []string{"--config", file("l.json", `{"allowed_hosts": [1]}`)}, "not a text"},
		{"text for yes", []string{"--config", file("c.json", `{"tls_self_signed": "maybe"}`)}, "tls_self_signed"},
		{"bad value", []string{"--config", file("d.json", `{"listen": "x"}`)}, "listen in"},
		{"not an object", []string{"--config", file("e.json", `[1]`)}, "JSON object"},
		{"tail", []string{"--config", file("f.json", `{} {}`)}, "behind"},
		{"not TOML", []string{"--config", file("b.toml", `= 3`)}, "not TOML"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := loadConfig(append([]string{"--data-dir", folder}, tc.args...), func(string) string { return "" })
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("loadConfig(%q) = %v, want an error with %q", tc.args, err, tc.want)
			}
		})
	}
}

func TestFileOfEverything(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "lanyard.json")
	write(t, filepath.Join(folder, "pw"), "secret\r\nnot this\n")
	write(t, path, `{"listen": "[::1]:3081", "data_dir": "/d", "console_host": "::1", "console_ports": "2000", "udp_ports": [10000, 10010],
		"vpcs_path": "vpcs", "user": "ada", "password_file": "`+folder+`/pw", "tls_self_signed": true,
		"allowed_hosts": ["a.example", "b.example"], "log_level": "debug", "log_format": "json", "api_version": "2.2.60", "hints": false}`)
	c, err := loadConfig([]string{"--config", path}, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	if c.listen != "[::1]:3081" || c.consolePorts != [2]int{2000, 2000} || c.udpPorts != [2]int{10000, 10010} || c.vpcsPath != "vpcs" || c.password != "secret" ||
		!c.selfSigned || strings.Join(c.allowedHosts, " ") != "a.example b.example" || !c.logJSON || c.apiVersion != "2.2.60" {
		t.Errorf("config = %+v", c)
	}
}

func TestErrorsKeepThePassword(t *testing.T) {
	table := []setting{{name: "password", set: func(string) error { return errors.New("no") }}}
	err := table[0].choose([]source{{map[string]string{"password": "secret"}, func(setting) string { return "it" }}})
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("choose() = %v, want an error without the password", err)
	}
	table[0].value = "TEXT"
	for _, wrong := range []string{`4711`, `["secret"]`, `{"secret": 1}`} {
		_, err := parseFile(table, ".json", []byte(`{"password": `+wrong+`}`))
		if err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "4711") {
			t.Errorf("parseFile(%s) = %v, want an error without the password", wrong, err)
		}
	}
}

// TestHelpNamesEverySetting also keeps the table's names apart.
func TestHelpNamesEverySetting(t *testing.T) {
	help := settingsHelp()
	var c config
	for _, s := range settings(&c) {
		if strings.Count(help, "\n  --"+strings.TrimSpace(s.name+" "+s.value)+"\n") != 1 {
			t.Errorf("the help does not tell of --%s once", s.name)
		}
	}
	if _, err := loadConfig([]string{"--help"}, os.Getenv); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("--help = %v", err)
	}
}

func FuzzParseFile(f *testing.F) {
	f.Add(".json", []byte(`{"listen": "127.0.0.1:1", "allowed_hosts": ["a"], "hints": true}`))
	f.Add(".json", []byte(`{"udp_ports": [10000, 10010], "console_ports": null}`))
	f.Add(".toml", []byte("udp_ports = [10000, 10010]\n"))
	f.Add(".toml", []byte("listen = \"127.0.0.1:1\"\n[x]\n"))
	f.Fuzz(func(t *testing.T, extension string, content []byte) {
		var c config
		table := settings(&c)
		values, err := parseFile(table, extension, content)
		if err != nil {
			return
		}
		for _, s := range table {
			if value, ok := values[s.name]; ok {
				_ = s.set(value)
				delete(values, s.name)
			}
		}
		if len(values) > 0 {
			t.Errorf("parseFile(%q) = %v: settings that are not in the table", content, values)
		}
	})
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

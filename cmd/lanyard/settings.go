package main

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// config is what lanyard serve is told by its settings.
type config struct {
	listen       string // host:port
	dataDir      string // absolute
	consoleHost  string // IP address
	consolePorts [2]int // first and last
	udpPorts     [2]int
	vpcsPath     string // a bare name, an absolute path, or empty
	apiVersion   string
	user         string
	password     string
	passwordFile string
	tlsCert      string
	tlsKey       string
	selfSigned   bool
	allowedHosts []string
	webUI        string
	logLevel     slog.Level
	logJSON      bool
	hints        bool
}

// setting is one row of the table of settings: a flag --name, an environment
// variable LANYARD_NAME and a key name of the settings file.
type setting struct {
	name    string // with dashes
	value   string // name of the value in the help; empty for yes or no
	initial string // default; not used where fallback is set
	show    string // of the default in the help, where it is not initial
	help    string
	set     func(value string) error
}

// Values that a settings file may also write as a list.
const (
	rangeOfPorts = "FIRST-LAST" // [first, last]
	listOfNames  = "NAME,..."
)

func (s setting) key() string { return strings.ReplaceAll(s.name, "-", "_") }

func (s setting) variable() string { return "LANYARD_" + strings.ToUpper(s.key()) }

// secret reports whether no message may tell the value.
func (s setting) secret() bool { return s.name == "password" }

// settings is the table of all settings, which write to c.
func settings(c *config) []setting {
	return []setting{
		{"listen", "ADDR:PORT", "127.0.0.1:3080", "", "where the API listens; any address but loopback needs a user", c.setListen},
		{"data-dir", "DIR", dataHome(), "$XDG_DATA_HOME/lanyard or ~/.local/share/lanyard", "folder of projects and everything else that is kept", path(&c.dataDir)},
		{"console-host", "ADDR", "127.0.0.1", "", "IP address that consoles listen on; they ask for no password", c.setConsoleHost},
		{"console-ports", rangeOfPorts, "2000-9999", "", "TCP ports for consoles", span(&c.consolePorts)},
		{"udp-ports", rangeOfPorts, "10000-29999", "", "UDP ports for links", span(&c.udpPorts)},
		{"vpcs-path", "FILE", "", "the built-in virtual PC", "run this vpcs for virtual PCs", c.setVPCSPath},
		{"api-version", "VERSION", gns3Version, "", "version of GNS3 that clients are told; some insist on their own", text(&c.apiVersion)},
		{"user", "NAME", "", "nobody has to sign in", "who may sign in, by HTTP basic authentication", text(&c.user)},
		{"password", "TEXT", "", "", "the user's password; others on this machine see a flag, so prefer a file", text(&c.password)},
		{"password-file", "FILE", "", "", "file whose first line is the password", path(&c.passwordFile)},
		{"tls-cert", "FILE", "", "plain HTTP", "certificate for HTTPS, PEM", path(&c.tlsCert)},
		{"tls-key", "FILE", "", "", "its private key, PEM", path(&c.tlsKey)},
		{"tls-self-signed", "", "no", "", "HTTPS with a certificate that is made once and kept in the data folder", yesNo(&c.selfSigned)},
		{"allowed-hosts", listOfNames, "", "localhost and IP addresses", "further names by which clients reach this server", list(&c.allowedHosts)},
		{"web-ui", "DIR", "", "none", "folder of GNS3's web client, to be shown at /", path(&c.webUI)},
		{"log-level", "LEVEL", "info", "", "least level of log lines: debug, info, warn or error", c.setLogLevel},
		{"log-format", "FORMAT", "text", "", "form of log lines: text or json", c.setLogFormat},
		{"hints", "", onTerminal(), "yes on a terminal", "print what to type next", yesNo(&c.hints)},
	}
}

// dataHome is the default data folder; empty when no home is known.
func dataHome() string {
	// A relative XDG_DATA_HOME is to be ignored, says its specification.
	if base := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(base) {
		return filepath.Join(base, "lanyard")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".local", "share", "lanyard")
}

// onTerminal says "yes" where a person reads what is printed.
func onTerminal() string {
	if _, err := unix.IoctlGetTermios(int(os.Stdout.Fd()), unix.TCGETS); err != nil {
		return "no"
	}
	return "yes"
}

func (c *config) setListen(value string) error {
	host, port, err := net.SplitHostPort(value)
	if err != nil {
		return fmt.Errorf("it is not ADDR:PORT, such as 127.0.0.1:3080 or [::1]:3080")
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return fmt.Errorf("%q is not a port from 0 to 65535", port)
	}
	c.listen = net.JoinHostPort(host, port)
	return nil
}

func (c *config) setConsoleHost(value string) error {
	if _, err := netip.ParseAddr(value); err != nil {
		return fmt.Errorf("it is not an IP address")
	}
	c.consoleHost = value
	return nil
}

// setVPCSPath keeps a bare name as it is: it is looked for in PATH.
func (c *config) setVPCSPath(value string) error {
	if !strings.ContainsRune(value, filepath.Separator) {
		c.vpcsPath = value
		return nil
	}
	return path(&c.vpcsPath)(value)
}

func (c *config) setLogLevel(value string) error {
	if err := c.logLevel.UnmarshalText([]byte(value)); err != nil {
		return fmt.Errorf("it is not debug, info, warn or error")
	}
	return nil
}

func (c *config) setLogFormat(value string) error {
	if value != "text" && value != "json" {
		return fmt.Errorf("it is not text or json")
	}
	c.logJSON = value == "json"
	return nil
}

func text(to *string) func(string) error {
	return func(value string) error { *to = value; return nil }
}

// path makes a path absolute: a runner works in another folder.
func path(to *string) func(string) error {
	return func(value string) (err error) {
		if value != "" {
			value, err = filepath.Abs(value)
		}
		*to = value
		return err
	}
}

func list(to *[]string) func(string) error {
	return func(value string) error {
		*to = nil
		for word := range strings.SplitSeq(value, ",") {
			if word = strings.TrimSpace(word); word != "" {
				*to = append(*to, word)
			}
		}
		return nil
	}
}

func yesNo(to *bool) func(string) error {
	return func(value string) error {
		switch strings.ToLower(value) {
		case "yes", "true", "1", "on":
			*to = true
		case "no", "false", "0", "off", "":
			*to = false
		default:
			return fmt.Errorf("it is not yes or no")
		}
		return nil
	}
}

// span reads a range of ports, or one port.
func span(to *[2]int) func(string) error {
	return func(value string) error {
		first, last, isRange := strings.Cut(value, "-")
		if !isRange {
			last = first
		}
		low, err := strconv.Atoi(strings.TrimSpace(first))
		high, err2 := strconv.Atoi(strings.TrimSpace(last))
		if err != nil || err2 != nil || low < 1 || high > 65535 || low > high {
			return fmt.Errorf("it is not a range of ports, such as 2000-9999")
		}
		*to = [2]int{low, high}
		return nil
	}
}

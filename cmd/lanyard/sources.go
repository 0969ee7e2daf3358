package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
)

// source is one place that settings come from.
type source struct {
	values map[string]string // by name of the setting
	say    func(s setting) string
}

// loadConfig reads the settings: flags win over the environment, that over the
// settings file, and that over the defaults. It returns flag.ErrHelp when help
// was asked for.
func loadConfig(args []string, getenv func(string) string) (config, error) {
	var c config
	table := settings(&c)
	flags, file, err := readFlags(table, args)
	if err != nil {
		return c, err
	}
	sources := []source{
		{flags, func(s setting) string { return "--" + s.name }},
		{readEnvironment(table, getenv), setting.variable},
	}
	if file == "" {
		file = getenv("LANYARD_CONFIG")
	}
	if file != "" {
		values, err := readFile(table, file)
		if err != nil {
			return c, err
		}
		sources = append(sources, source{values, func(s setting) string { return s.key() + " in " + file }})
	}
	for _, s := range table {
		if err := s.choose(sources); err != nil {
			return c, err
		}
	}
	return c, c.check()
}

// choose sets a setting from the first source that has it.
func (s setting) choose(sources []source) error {
	for _, from := range sources {
		value, ok := from.values[s.name]
		if !ok {
			continue
		}
		if err := s.set(value); err != nil {
			if s.secret() {
				value = "..."
			}
			return fmt.Errorf("cannot use %s %q: %w", from.say(s), value, err)
		}
		return nil
	}
	return s.set(s.initial)
}

// check looks at what single settings cannot tell, and reads the password.
func (c *config) check() error {
	if c.dataDir == "" {
		return errors.New("cannot find a home folder for the data: choose one with --data-dir")
	}
	if c.password != "" && c.passwordFile != "" {
		return errors.New("cannot use both password and password-file: choose one")
	}
	if c.passwordFile != "" {
		b, err := os.ReadFile(c.passwordFile)
		if err != nil {
			return fmt.Errorf("cannot read the password: %w", err)
		}
		line, _, _ := strings.Cut(string(b), "\n")
		if c.password = strings.TrimSuffix(line, "\r"); c.password == "" {
			return fmt.Errorf("cannot use the password in %s: its first line is empty", c.passwordFile)
		}
	}
	switch {
	case (c.user == "") != (c.password == ""):
		return errors.New("cannot ask for half a sign-in: set both user and password (or password-file), or neither")
	case strings.Contains(c.user, ":"):
		return errors.New("cannot use this user: HTTP basic authentication allows no colon in a name")
	case (c.tlsCert == "") != (c.tlsKey == ""):
		return errors.New("cannot serve HTTPS: set both tls-cert and tls-key, or tls-self-signed")
	case c.tlsCert != "" && c.selfSigned:
		return errors.New("cannot serve HTTPS with two certificates: set either tls-cert and tls-key, or tls-self-signed")
	}
	return nil
}

// readFlags reads the command line; file is the settings file it names.
func readFlags(table []setting, args []string) (values map[string]string, file string, err error) {
	values = map[string]string{}
	flags := flag.NewFlagSet("lanyard serve", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // errors are told by the caller
	flags.StringVar(&file, "config", "", "")
	for _, s := range table {
		keep := func(value string) error { values[s.name] = value; return nil }
		if s.value == "" {
			flags.BoolFunc(s.name, "", keep)
		} else {
			flags.Func(s.name, "", keep)
		}
	}
	if err := flags.Parse(args); err != nil {
		return nil, "", err
	}
	if flags.NArg() > 0 {
		return nil, "", fmt.Errorf("cannot understand %q: settings are given as --name value", flags.Arg(0))
	}
	return values, file, nil
}

// readEnvironment reads LANYARD_*; an empty variable counts as not set.
func readEnvironment(table []setting, getenv func(string) string) map[string]string {
	values := map[string]string{}
	for _, s := range table {
		if value := getenv(s.variable()); value != "" {
			values[s.name] = value
		}
	}
	return values
}

// readFile reads a settings file, JSON or TOML by its extension.
func readFile(table []setting, file string) (map[string]string, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("cannot read the settings: %w", err)
	}
	values, err := parseFile(table, filepath.Ext(file), content)
	if err != nil {
		return nil, fmt.Errorf("cannot use the settings in %s: %w", file, err)
	}
	return values, nil
}

func parseFile(table []setting, extension string, content []byte) (map[string]string, error) {
	object := map[string]any{}
	switch extension {
	case ".json":
		d := json.NewDecoder(bytes.NewReader(content))
		d.UseNumber()
		if err := d.Decode(&object); err != nil {
			return nil, fmt.Errorf("it is not a JSON object: %w", err)
		}
		if object == nil {
			return nil, errors.New("it is not a JSON object, but null")
		}
		if _, err := d.Token(); err != io.EOF {
			return nil, errors.New("there is something behind the JSON object")
		}
	case ".toml":
		if _, err := toml.Decode(string(content), &object); err != nil {
			return nil, fmt.Errorf("it is not TOML: %w", err)
		}
	default:
		return nil, fmt.Errorf("its name ends in %q, not in .json or .toml", extension)
	}
	values := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(object)) {
		at := slices.IndexFunc(table, func(s setting) bool { return s.key() == key })
		if at < 0 {
			return nil, fmt.Errorf("unknown key %q; known are %s", key, keys(table))
		}
		value, err := fileValue(table[at], object[key])
		if err != nil {
			return nil, fmt.Errorf("key %q: %w", key, err)
		}
		values[table[at].name] = value
	}
	return values, nil
}

// fileValue is what a flag would have said.
func fileValue(s setting, value any) (string, error) {
	switch v := value.(type) {
	case bool:
		if s.value == "" {
			return strconv.FormatBool(v), nil
		}
	case string:
		if s.value != "" {
			return v, nil
		}
	case []any:
		return listValue(s, v)
	}
	if s.secret() {
		value = "that"
	}
	if s.value == "" {
		return "", fmt.Errorf("%v is not true or false", value)
	}
	return "", fmt.Errorf("%v is not a text", value)
}

// listValue is fileValue for a list: of names, or of the first and last port.
func listValue(s setting, list []any) (string, error) {
	var words []string
	switch s.value {
	case listOfNames:
		for _, name := range list {
			word, ok := name.(string)
			if !ok {
				return "", fmt.Errorf("%v is not a text", name)
			}
			words = append(words, word)
		}
		return strings.Join(words, ","), nil
	case rangeOfPorts:
		for _, port := range list {
			word := fmt.Sprint(port) // a number of JSON or of TOML
			if _, err := strconv.ParseUint(word, 10, 16); err != nil {
				return "", fmt.Errorf("%v is not a port", port)
			}
			words = append(words, word)
		}
		if len(words) != 2 {
			return "", fmt.Errorf("%v is not the first and the last port, such as [2000, 9999]", list)
		}
		return strings.Join(words, "-"), nil
	}
	return "", errors.New("it is a list, and one value is needed")
}

func keys(table []setting) string {
	var names []string
	for _, s := range table {
		names = append(names, s.key())
	}
	return strings.Join(names, ", ")
}

// settingsHelp is the help of lanyard serve.
func settingsHelp() string {
	var b strings.Builder
	b.WriteString("Runs the server until it is told to end. Ctrl-C stops all labs; SIGTERM leaves them running for the next server.\n\nusage: lanyard serve [settings]\n\n")
	fmt.Fprintf(&b, "  --config FILE\n      settings file, .json or .toml\n")
	var c config
	for _, s := range settings(&c) {
		fmt.Fprintf(&b, "  --%s\n      %s", strings.TrimSpace(s.name+" "+s.value), s.help)
		initial := s.show
		if initial == "" {
			initial = s.initial
		}
		if initial != "" {
			fmt.Fprintf(&b, " (default: %s)", initial)
		}
		b.WriteByte('\n')
	}
	b.WriteString(`
Each setting is also an environment variable, --data-dir being LANYARD_DATA_DIR,
and a key of the settings file, data_dir. Flags win over the environment, that
over the file, and that over the defaults.

examples:
  lanyard serve --listen 127.0.0.1:8000 --data-dir /srv/labs
  LANYARD_PASSWORD=secret lanyard serve --listen 0.0.0.0:3080 --user ada --tls-self-signed
  lanyard serve --config lanyard.toml, where that file says
      listen = "127.0.0.1:8000"
      vpcs_path = "/usr/bin/vpcs"
`)
	return b.String()
}

package tests

import (
	"fmt"
	"net/http"
	"testing"
)

// lab is two linked, running PCs, PC1 and PC2.
type lab struct {
	*server
	project string
	link    string
	vms     [2]string
	console [2]int
}

// pair makes a lab; extra are further fields of the bodies that make the PCs.
func pair(t *testing.T, s *server, extra ...string) *lab {
	t.Helper()
	l := &lab{server: s}
	l.project = s.must(t, http.StatusCreated, "POST", "/v2/projects", `{"name": "pair"}`)["project_id"].(string)
	for i := range l.vms {
		more := ""
		if i < len(extra) {
			more = extra[i]
		}
		body := fmt.Sprintf(`{"name": "PC%d", "vm_type": "vpcs"%s}`, i+1, more)
		vm := s.must(t, http.StatusCreated, "POST", l.path("/vms"), body)
		l.vms[i], l.console[i] = vm["vm_id"].(string), int(vm["console"].(float64))
	}
	body := fmt.Sprintf(`{"vms": [{"vm_id": %q, "adapter_number": 0, "port_number": 0}, {"vm_id": %q, "adapter_number": 0, "port_number": 0}]}`, l.vms[0], l.vms[1])
	l.link = s.must(t, http.StatusCreated, "POST", l.path("/links"), body)["link_id"].(string)
	for i := range l.vms {
		l.startVM(t, i)
	}
	return l
}

func (l *lab) path(rest string) string { return "/v2/projects/" + l.project + rest }

func (l *lab) vm(i int) string { return l.path("/vms/" + l.vms[i]) }

func (l *lab) startVM(t *testing.T, i int) {
	t.Helper()
	l.must(t, http.StatusNoContent, "POST", l.vm(i)+"/start", "")
}

// statusIs waits for a vm's state.
func (l *lab) statusIs(t *testing.T, i int, want string) {
	t.Helper()
	eventually(t, patience, func() error {
		got, err := l.status(l.project, l.vms[i])
		if err == nil && got != want {
			err = fmt.Errorf("status of PC%d = %q, want %q", i+1, got, want)
		}
		return err
	})
}

// addresses gives the PCs 10.0.0.1 and 10.0.0.2 and returns their consoles,
// at the prompt.
func (l *lab) addresses(t *testing.T) (first, second *telnet) {
	t.Helper()
	var consoles [2]*telnet
	for i := range consoles {
		c := dial(t, l.console[i])
		c.expect(t, anyPrompt)
		c.send(t, fmt.Sprintf("ip 10.0.0.%d/24", i+1))
		c.expect(t, fmt.Sprintf(` : 10\.0\.0\.%d 255\.255\.255\.0`, i+1))
		c.expect(t, anyPrompt)
		consoles[i] = c
	}
	return consoles[0], consoles[1]
}

// pings pings PC1 from PC2 once and wants an answer.
func pings(t *testing.T, second *telnet) {
	t.Helper()
	second.send(t, "ping 10.0.0.1 -c 1")
	second.expect(t, `bytes from 10\.0\.0\.1 icmp_seq=1 ttl=64`)
	second.expect(t, anyPrompt)
}

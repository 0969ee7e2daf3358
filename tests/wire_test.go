package tests

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestGarbageOnTheWire sends a PC frames of garbage by UDP, after which it
// still answers for its address.
func TestGarbageOnTheWire(t *testing.T) {
	for _, emulator := range []string{"pc", "vpcs"} {
		t.Run(emulator, func(t *testing.T) {
			if emulator == "vpcs" {
				need(t, "vpcs")
			}
			s := newServer(t)
			project := s.must(t, http.StatusCreated, "POST", "/v1/projects", `{"name": "wire"}`)["project_id"].(string)
			base := "/v1/projects/" + project + "/vpcs/vms"
			vm := s.must(t, http.StatusCreated, "POST", base, fmt.Sprintf(`{"name": "PC1", "emulator": %q}`, emulator))
			path := base + "/" + vm["vm_id"].(string)
			wire := dialUDP(t, s.ports.udp(30), s.ports.udp(31))
			s.must(t, http.StatusCreated, "POST", path+"/adapters/0/ports/0/nio",
				fmt.Sprintf(`{"type": "nio_udp", "lport": %d, "rhost": "127.0.0.1", "rport": %d}`, s.ports.udp(31), s.ports.udp(30)))
			s.must(t, http.StatusNoContent, "POST", path+"/start", "")
			console := dial(t, int(vm["console"].(float64)))
			console.expect(t, anyPrompt)
			console.send(t, "ip 10.0.0.1/24")
			console.expect(t, ` : 10\.0\.0\.1 255`)
			console.expect(t, anyPrompt)

			random := rand.New(rand.NewPCG(1, 2))
			for i := range 5000 {
				frame := make([]byte, random.IntN(1600))
				for j := range frame {
					frame[j] = byte(random.Uint32())
				}
				if header := broadcast(); i%2 == 0 && len(frame) > len(header) {
					copy(frame, header) // so that the PC looks at it
					copy(frame[12:], [][]byte{{8, 0, 0x45}, {8, 6, 0, 1, 8, 0, 6, 4}, {0x86, 0xdd, 0x60}}[random.IntN(3)])
				}
				_, _ = wire.Write(frame)
			}
			answersARP(t, wire)
			console.send(t, "show ip")
			console.expect(t, `10\.0\.0\.1/24`)
		})
	}
}

func dialUDP(t *testing.T, local, remote int) *net.UDPConn {
	t.Helper()
	loopback := net.IPv4(127, 0, 0, 1)
	wire, err := net.DialUDP("udp4", &net.UDPAddr{IP: loopback, Port: local}, &net.UDPAddr{IP: loopback, Port: remote})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { wire.Close() })
	return wire
}

func broadcast() []byte {
	return []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 9}
}

// answersARP asks who has 10.0.0.1 until somebody answers.
func answersARP(t *testing.T, wire *net.UDPConn) {
	t.Helper()
	request := append(broadcast(), 8, 6, 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 9, 10, 0, 0, 9, 0, 0, 0, 0, 0, 0, 10, 0, 0, 1)
	request = append(request, make([]byte, 60-len(request))...)
	reply := []byte{8, 6, 0, 1, 8, 0, 6, 4, 0, 2} // from the frame's type on
	deadline := time.Now().Add(patience)
	buf := make([]byte, 2048)
	for time.Now().Before(deadline) {
		if _, err := wire.Write(request); err != nil {
			t.Fatal(err)
		}
		_ = wire.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		for {
			n, err := wire.Read(buf)
			if err != nil {
				break
			}
			if n >= 42 && bytes.Equal(buf[12:22], reply) && bytes.Equal(buf[28:32], []byte{10, 0, 0, 1}) {
				return
			}
		}
	}
	t.Fatal("the PC does not answer for its address any more")
}

// TestCapture writes the frames of a ping to a file that tcpdump reads.
func TestCapture(t *testing.T) {
	tcpdump := need(t, "tcpdump")
	s := newServer(t)
	l := pair(t, s)
	s.must(t, http.StatusNoContent, "DELETE", l.path("/links/"+l.link), "")
	for i := range l.vms {
		s.must(t, http.StatusCreated, "POST", "/v1/projects/"+l.project+"/vpcs/vms/"+l.vms[i]+"/adapters/0/ports/0/nio",
			fmt.Sprintf(`{"type": "nio_udp", "lport": %d, "rhost": "127.0.0.1", "rport": %d}`, s.ports.udp(30+i), s.ports.udp(31-i)))
	}
	_, second := l.addresses(t)
	port := "/v1/projects/" + l.project + "/vpcs/vms/" + l.vms[0] + "/adapters/0/ports/0"
	file := s.must(t, http.StatusOK, "POST", port+"/start_capture", `{"capture_file_name": "ping.pcap", "data_link_type": "DLT_EN10MB"}`)["pcap_file_path"].(string)
	pings(t, second)
	s.must(t, http.StatusNoContent, "POST", port+"/stop_capture", "")
	out, err := exec.Command(tcpdump, "-nn", "-r", file, "icmp").CombinedOutput()
	if err != nil {
		t.Fatalf("tcpdump -r %s: %v: %s", file, err, out)
	}
	for _, want := range []string{"10.0.0.2 > 10.0.0.1: ICMP echo request", "10.0.0.1 > 10.0.0.2: ICMP echo reply"} {
		if strings.Count(string(out), want) != 1 {
			t.Errorf("tcpdump does not show %q once:\n%s", want, out)
		}
	}
}

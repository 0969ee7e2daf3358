package pc

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lanyard-lab/lanyard/emulators"
	"github.com/lanyard-lab/lanyard/nio"
)

var _ emulators.Carrier = (*Group)(nil)

// setCarrier plugs or unplugs a session's PC.
func (s *session) setCarrier(up bool) {
	s.t.Helper()
	if err := s.group.SetCarrier(0, 0, up); err != nil {
		s.t.Fatal(err)
	}
	synctest.Wait()
}

func TestCarrier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := nio.Pipe()
		defer a.Close()
		defer b.Close()
		s := startPC(t, "PC1", testMAC, a, map[string]string{"startup.vpc": "ip 10.0.0.1/24\n"})
		other := startPC(t, "PC2", "00:50:79:66:68:02", b, map[string]string{"startup.vpc": "ip 10.0.0.2/24\n"})
		normal := []string{s.do("show"), s.do("show ip"), s.do("show ipv6")}
		if out := s.do("ping 10.0.0.2 -c 1"); !strings.Contains(out, "84 bytes from 10.0.0.2") {
			t.Fatalf("ping before: %q", out)
		}

		s.setCarrier(false)
		s.want("show arp", "\n\narp table is empty\n")
		begin := time.Now()
		s.want("ping 10.0.0.2", "\n\nhost (10.0.0.2) not reachable\n")
		s.want("ping "+other.group.pcs[0].host.LinkLocal().String(), "\n\nhost ("+other.group.pcs[0].host.LinkLocal().String()+") not reachable\n")
		if took := time.Since(begin); took > 100*time.Millisecond {
			t.Errorf("it took %v to tell that nobody is there", took)
		}
		if out := other.do("ping 10.0.0.1 -c 1"); !strings.Contains(out, "10.0.0.1 icmp_seq=1 timeout") {
			t.Errorf("ping towards a PC without a carrier: %q", out)
		}
		for command, want := range map[string]string{"show": "127.0.0.1:41001  (no carrier)\r\n", "show ip": "MTU         : 1500\r\nCARRIER     : down\r\n",
			"show ipv6": "MTU:              : 1500\r\nCARRIER           : down\r\n"} {
			if out := s.do(command); !strings.Contains(out, want) {
				t.Errorf("%s: %q, want %q in it", command, out, want)
			}
		}

		s.setCarrier(true)
		for i, command := range []string{"show", "show ip", "show ipv6"} {
			if out := s.do(command); out != normal[i] {
				t.Errorf("%s afterwards: %q, want %q", command, out, normal[i])
			}
		}
		if out := s.do("ping 10.0.0.2 -c 1"); !strings.Contains(out, "84 bytes from 10.0.0.2") {
			t.Errorf("ping afterwards: %q", out)
		}
		if err := s.group.SetCarrier(0, 1, false); err == nil {
			t.Error("the carrier of port 0/1 could be set")
		}
	})
}

// A ping that waits for an answer to ARP ends when the cable goes.
func TestCarrierGoesDuringPing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := nio.Pipe()
		defer a.Close()
		defer b.Close()
		s := startPC(t, "PC1", testMAC, a, map[string]string{"startup.vpc": "ip 10.0.0.1/24\n"})
		s.screen.take()
		begin := time.Now()
		s.typeIn("ping 10.0.0.2\r")
		time.Sleep(500 * time.Millisecond)
		s.setCarrier(false)
		s.ready()
		if out := s.screen.take(); !strings.Contains(out, "host (10.0.0.2) not reachable") || time.Since(begin) > 600*time.Millisecond {
			t.Errorf("%q after %v", out, time.Since(begin))
		}
	})
}

// Another station with the same address is found after the cable was out, and
// the routers are asked again.
func TestCarrierForgetsNeighbors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := nio.Pipe()
		defer a.Close()
		defer b.Close()
		s := startPC(t, "PC1", testMAC, a, map[string]string{"startup.vpc": "ip 10.0.0.1/24\n"})
		old := startPC(t, "PC2", "00:50:79:66:68:02", b, map[string]string{"startup.vpc": "ip 10.0.0.2/24\n"})
		s.do("ping 10.0.0.2 -c 1")
		s.setCarrier(false)
		if err := old.group.Stop(context.Background()); err != nil {
			t.Fatal(err)
		}
		startPC(t, "PC3", "00:50:79:66:68:03", b, map[string]string{"startup.vpc": "ip 10.0.0.2/24\n"})
		s.setCarrier(true)
		if out := s.do("ping 10.0.0.2 -c 1"); !strings.Contains(out, "84 bytes from 10.0.0.2") {
			t.Errorf("ping to another station: %q", out)
		}
		if out := s.do("show arp"); !strings.Contains(out, "00:50:79:66:68:03  10.0.0.2") {
			t.Errorf("arp table %q", out)
		}
	})
}

// A PC that crashes comes back without a carrier when it had none.
func TestCarrierAfterCrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := nio.Pipe()
		defer a.Close()
		defer b.Close()
		frames := 0
		b.Receive(func(got [][]byte) { frames += len(got) })
		s := startPC(t, "PC1", testMAC, a, nil)
		synctest.Wait()
		if frames == 0 {
			t.Error("a PC with a carrier asks for no routers")
		}
		s.setCarrier(false)
		frames = 0
		s.group.crashed(s.group.life, "told to", nil)
		synctest.Wait()
		s.ready()
		if out := s.do("show ip"); !strings.Contains(out, "CARRIER     : down") || frames != 0 {
			t.Errorf("after a crash: %d frames, %q", frames, out)
		}
		s.setCarrier(true)
		if frames == 0 {
			t.Error("no routers are asked for when the carrier is back")
		}
	})
}

func TestCarrierUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := nio.Pipe()
		defer a.Close()
		defer b.Close()
		s := startPC(t, "PC1", testMAC, a, map[string]string{"startup.vpc": "ip 10.0.0.1/24\n"})
		startPC(t, "PC2", "00:50:79:66:68:02", b, map[string]string{"startup.vpc": "ip 10.0.0.2/24\n"})
		s.typeIn("ping 10.0.0.2 -t -i 1 -w 10\r")
		done := make(chan struct{})
		go func() {
			defer close(done)
			for i := range 200 {
				_ = s.group.SetCarrier(0, 0, i%2 == 1)
				time.Sleep(time.Millisecond)
			}
		}()
		for range 10 {
			time.Sleep(20 * time.Millisecond)
			s.typeIn("\x03ping 10.0.0.2 -t -i 1 -w 10\r")
		}
		<-done
		s.typeIn("\x03")
		s.ready()
		if out := s.do("ping 10.0.0.2 -c 1"); !strings.Contains(out, "84 bytes from 10.0.0.2") {
			t.Errorf("ping after all: %q", out)
		}
	})
}

package builtin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/net/netutil"
	"golang.org/x/sys/unix"
)

const (
	natDNSPort = 53

	dnsQueries   = 64              // that are under way at once; those beyond are refused
	dnsPatience  = 2 * time.Second // with one server
	dnsLimit     = 5 * time.Second // for all of them
	dnsIdle      = 5 * time.Second // of a TCP connection
	dnsLargest   = 4096            // bytes of an answer by UDP that we take
	dnsResolvers = "/etc/resolv.conf"
)

// dnsForwarder answers the queries of a lab by asking the servers of the host.
type dnsForwarder struct {
	network   netip.Prefix // whose queries are answered
	servers   []string     // fixed ones; empty for those of resolvers
	resolvers string       // file, read for every query: it changes while a laptop travels
	slots     chan struct{}
	udp, tcp  *dns.Server
	running   sync.WaitGroup
	closing   context.Context // ends when queries shall end
	abort     context.CancelFunc
}

// openDNSForwarder listens on the first address of network, by UDP and TCP, to
// what comes in by device from addresses of that network: nobody else's queries
// are answered.
func openDNSForwarder(ctx context.Context, network netip.Prefix, device string, servers []string) (*dnsForwarder, error) {
	address := net.JoinHostPort(natFirst(network).String(), strconv.Itoa(natDNSPort))
	listen := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var failed error
		err := raw.Control(func(fd uintptr) { failed = unix.BindToDevice(int(fd), device) })
		return errors.Join(err, failed)
	}}
	udp, err := listen.ListenPacket(ctx, "udp4", address)
	if err != nil {
		return nil, fmt.Errorf("cannot listen for DNS: %w", err)
	}
	tcp, err := listen.Listen(ctx, "tcp4", address)
	if err != nil {
		_ = udp.Close()
		return nil, fmt.Errorf("cannot listen for DNS: %w", err)
	}
	f := &dnsForwarder{network: network, servers: servers, resolvers: dnsResolvers, slots: make(chan struct{}, dnsQueries)}
	f.closing, f.abort = context.WithCancel(context.Background())
	handler := dns.HandlerFunc(f.serve)
	f.udp = &dns.Server{PacketConn: udp, Handler: handler}
	f.tcp = &dns.Server{
		Listener: netutil.LimitListener(tcp, dnsQueries), Handler: handler, ReadTimeout: dnsIdle, WriteTimeout: dnsIdle,
		IdleTimeout: func() time.Duration { return dnsIdle },
	}
	for _, server := range []*dns.Server{f.udp, f.tcp} {
		if err := f.run(server); err != nil {
			_ = f.Close()
			return nil, fmt.Errorf("cannot serve DNS: %w", err)
		}
	}
	return f, nil
}

// run returns once the server runs: before that, Shutdown would do nothing.
func (f *dnsForwarder) run(server *dns.Server) error {
	started, failed := make(chan struct{}), make(chan error, 1)
	server.NotifyStartedFunc = func() { close(started) }
	f.running.Go(func() { failed <- server.ActivateAndServe() })
	select {
	case <-started:
		return nil
	case err := <-failed:
		return err
	}
}

// Close frees the port and gives up the queries that are under way.
func (f *dnsForwarder) Close() error {
	f.abort()
	for _, server := range []*dns.Server{f.udp, f.tcp} {
		_ = server.Shutdown() // fails for one that did not get to run
	}
	_, _ = f.udp.PacketConn.Close(), f.tcp.Listener.Close() // closed by now, except then
	f.running.Wait()
	return nil
}

func (f *dnsForwarder) serve(w dns.ResponseWriter, query *dns.Msg) {
	if from, err := netip.ParseAddrPort(w.RemoteAddr().String()); err != nil || !f.network.Contains(from.Addr()) {
		return
	}
	select {
	case f.slots <- struct{}{}:
		defer func() { <-f.slots }()
	default:
		_ = w.WriteMsg(new(dns.Msg).SetRcode(query, dns.RcodeServerFailure))
		return
	}
	network := "udp"
	if _, ok := w.RemoteAddr().(*net.TCPAddr); ok {
		network = "tcp"
	}
	answer := f.ask(network, query)
	if answer == nil {
		answer = new(dns.Msg).SetRcode(query, dns.RcodeServerFailure)
	}
	if network == "udp" {
		size := dns.MinMsgSize
		if edns := query.IsEdns0(); edns != nil {
			size = max(size, int(edns.UDPSize()))
		}
		answer.Truncate(size)
	}
	_ = w.WriteMsg(answer) // the client may be gone
}

// ask the servers one after the other; nil when none answered.
func (f *dnsForwarder) ask(network string, query *dns.Msg) *dns.Msg {
	ctx, cancel := context.WithTimeout(f.closing, dnsLimit)
	defer cancel()
	for _, server := range f.upstream() {
		if answer := dnsExchange(ctx, network, server, query); answer != nil {
			return answer
		}
	}
	return nil
}

func dnsExchange(ctx context.Context, network, server string, query *dns.Msg) *dns.Msg {
	client := dns.Client{Net: network, Timeout: dnsPatience, UDPSize: dnsLargest}
	conn, err := client.DialContext(ctx, server)
	if err != nil {
		return nil
	}
	defer conn.Close()
	// The library looks at the context's deadline, but not at its end.
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	answer, _, err := client.ExchangeWithConn(query, conn)
	if err != nil {
		return nil
	}
	return answer
}

// upstream are the servers to ask. The forwarder itself is none of them, or a
// query would go round for ever.
func (f *dnsForwarder) upstream() []string {
	if len(f.servers) > 0 {
		return f.servers
	}
	config, err := dns.ClientConfigFromFile(f.resolvers)
	if err != nil {
		return nil
	}
	var servers []string
	for _, server := range config.Servers {
		if address, err := netip.ParseAddr(server); err == nil && address == natFirst(f.network) {
			continue
		}
		servers = append(servers, net.JoinHostPort(server, config.Port))
	}
	return servers
}

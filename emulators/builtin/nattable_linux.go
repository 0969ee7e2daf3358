package builtin

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"syscall"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// natTablePrefix begins the names of our nftables tables; the name of the
// node's device follows.
const natTablePrefix = "lanyard-"

// natOwner is NFT_TABLE_F_OWNER of linux/netfilter/nf_tables.h (since 5.12):
// only the socket that made the table can change it, and it goes with the socket.
const natOwner = 2

// natTable is the nftables table of one NAT node. When the kernel can, it goes with the
// process that made it.
type natTable struct {
	conn  *nftables.Conn
	table *nftables.Table
}

// openNATTable lets a network behind device talk through the host's other
// interfaces with the host's addresses, and lets in only what answers that.
func openNATTable(device string, network netip.Prefix) (*natTable, error) {
	var socket *netlink.Conn
	conn, err := nftables.New(nftables.AsLasting(), nftables.WithSockOptions(func(c *netlink.Conn) error {
		socket = c
		return nil
	}))
	if err != nil {
		return nil, fmt.Errorf("cannot open nftables: %w", err)
	}
	t := &natTable{conn: conn, table: &nftables.Table{Name: natTablePrefix + device, Family: nftables.TableFamilyIPv4}}
	err = natMakeTable(socket, t.table.Name, natOwner)
	if errors.Is(err, syscall.EOPNOTSUPP) || errors.Is(err, syscall.EINVAL) {
		err = natMakeTable(socket, t.table.Name, 0) // an old kernel: sweepNATTables removes what a crash leaves
	}
	if err != nil {
		_ = conn.CloseLasting()
		return nil, fmt.Errorf("cannot make nftables table %s: %w", t.table.Name, err)
	}
	t.fill(device, network)
	if err := conn.Flush(); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot fill nftables table %s: %w", t.table.Name, err), t.Close())
	}
	return t, nil
}

// Close removes the table.
func (t *natTable) Close() error {
	t.conn.DelTable(t.table)
	err := t.conn.Flush()
	if errors.Is(err, syscall.ENOENT) {
		err = nil
	}
	return errors.Join(err, t.conn.CloseLasting())
}

// natMakeTable makes a table with flags, which the library cannot set.
func natMakeTable(socket *netlink.Conn, name string, flags uint32) error {
	attributes, err := netlink.MarshalAttributes([]netlink.Attribute{
		{Type: unix.NFTA_TABLE_NAME, Data: append([]byte(name), 0)},
		{Type: unix.NFTA_TABLE_FLAGS, Data: binary.BigEndian.AppendUint32(nil, flags)},
	})
	if err != nil {
		return err
	}
	header := func(family byte, resource uint16) []byte { // struct nfgenmsg
		return binary.BigEndian.AppendUint16([]byte{family, unix.NFNETLINK_V0}, resource)
	}
	newTable := netlink.HeaderType(unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_NEWTABLE)
	_, err = socket.SendMessages([]netlink.Message{
		{Header: netlink.Header{Type: unix.NFNL_MSG_BATCH_BEGIN, Flags: netlink.Request}, Data: header(0, unix.NFNL_SUBSYS_NFTABLES)},
		{
			Header: netlink.Header{Type: newTable, Flags: netlink.Request | netlink.Acknowledge | netlink.Create | netlink.Excl},
			Data:   append(header(unix.NFPROTO_IPV4, 0), attributes...),
		},
		{Header: netlink.Header{Type: unix.NFNL_MSG_BATCH_END, Flags: netlink.Request}, Data: header(0, unix.NFNL_SUBSYS_NFTABLES)},
	})
	if err != nil {
		return err
	}
	_, err = socket.Receive() // the acknowledgement, or the error
	return err
}

func (t *natTable) fill(device string, network netip.Prefix) {
	accept := nftables.ChainPolicyAccept
	nat := t.conn.AddChain(&nftables.Chain{
		Name: "postrouting", Table: t.table, Type: nftables.ChainTypeNAT, Policy: &accept,
		Hooknum: nftables.ChainHookPostrouting, Priority: nftables.ChainPriorityNATSource,
	})
	t.rule(nat, natFrom(network, expr.CmpOpEq), natDevice(expr.MetaKeyOIFNAME, expr.CmpOpNeq, device), []expr.Any{&expr.Masq{}})

	forward := t.conn.AddChain(&nftables.Chain{
		Name: "forward", Table: t.table, Type: nftables.ChainTypeFilter, Policy: &accept,
		Hooknum: nftables.ChainHookForward, Priority: nftables.ChainPriorityFilter,
	})
	drop, pass := []expr.Any{&expr.Verdict{Kind: expr.VerdictDrop}}, []expr.Any{&expr.Verdict{Kind: expr.VerdictAccept}}
	in := natDevice(expr.MetaKeyIIFNAME, expr.CmpOpEq, device)
	out := natDevice(expr.MetaKeyOIFNAME, expr.CmpOpEq, device)
	t.rule(forward, in, natFrom(network, expr.CmpOpNeq), drop) // would leave with an address that is not ours
	t.rule(forward, out, natAnswers(), pass)
	t.rule(forward, out, drop) // the lab is not to be reached from outside, nor from another NAT node
	t.rule(forward, in, pass)
}

func (t *natTable) rule(chain *nftables.Chain, parts ...[]expr.Any) {
	rule := &nftables.Rule{Table: t.table, Chain: chain}
	for _, part := range parts {
		rule.Exprs = append(rule.Exprs, part...)
	}
	t.conn.AddRule(rule)
}

// natDevice matches the name of the interface that a packet comes from or goes
// to.
func natDevice(key expr.MetaKey, op expr.CmpOp, device string) []expr.Any {
	name := make([]byte, unix.IFNAMSIZ)
	copy(name, device)
	return []expr.Any{&expr.Meta{Key: key, Register: 1}, &expr.Cmp{Op: op, Register: 1, Data: name}}
}

// natFrom matches packets by whether they come from network.
func natFrom(network netip.Prefix, op expr.CmpOp) []expr.Any {
	mask := binary.BigEndian.AppendUint32(nil, ^uint32(0)<<(32-network.Bits()))
	return []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: 12, Len: 4},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: mask, Xor: make([]byte, 4)},
		&expr.Cmp{Op: op, Register: 1, Data: network.Masked().Addr().AsSlice()},
	}
}

// natAnswers matches packets of connections that are known already.
func natAnswers() []expr.Any {
	known := binaryutil.NativeEndian.PutUint32(expr.CtStateBitESTABLISHED | expr.CtStateBitRELATED)
	return []expr.Any{
		&expr.Ct{Key: expr.CtKeySTATE, Register: 1},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: known, Xor: make([]byte, 4)},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: make([]byte, 4)},
	}
}

// sweepNATTables removes the tables of processes that died, on kernels that
// leave them. A table is ours by its name, and its process is dead when the
// device of that name is not there: a process makes its device first, and the
// kernel removes that with the process.
func sweepNATTables() error {
	ours := regexp.MustCompile("^" + natTablePrefix + "(" + natPrefix + "[0-9a-f]{10})$")
	conn, err := nftables.New()
	if err != nil {
		return fmt.Errorf("cannot open nftables: %w", err)
	}
	tables, err := conn.ListTablesOfFamily(nftables.TableFamilyIPv4)
	if err != nil {
		return fmt.Errorf("cannot list nftables tables: %w", err)
	}
	for _, table := range tables {
		name := ours.FindStringSubmatch(table.Name)
		if name == nil {
			continue
		}
		if _, err := cloudLink(name[1]); !errors.Is(err, errCloudMissing) {
			continue
		}
		conn.DelTable(table)
		if err := conn.Flush(); err != nil && !errors.Is(err, syscall.ENOENT) && !errors.Is(err, syscall.EPERM) {
			return fmt.Errorf("cannot remove nftables table %s of a process that died: %w", table.Name, err)
		}
	}
	return nil
}

package main

import "errors"

// tap measures a link between an interface and a tunnel. The generator's end
// of the interface is a packet socket.
func (b *bench) tap() error {
	return inNewNetwork(func() error {
		bare, err := direct()
		if err != nil {
			return err
		}
		defer bare.close()
		const name = "wire0"
		fd, at, err := bindUDP()
		if err != nil {
			return err
		}
		relay, err := startRelay(relaySpec{Links: []linkSpec{{A: endSpec{TAP: name}, B: endSpec{Peer: at}}}})
		if err != nil {
			return err
		}
		defer relay.stop()
		err = errors.Join(connectUDP(fd, relay.reply.Links[0].B), raise(name))
		if err != nil {
			return err
		}
		packet, err := openPacket(name)
		if err != nil {
			return err
		}
		through := path{a: packet, b: fd, bUDP: true, aHost: 1, bHost: 2, relay: relay}
		defer through.close()
		return b.againstBare("TAP and tunnel", bare, through, bulkTargets, []way{
			{"from the TAP", load{}}, {"to the TAP", load{back: true}}, {"both ways", load{both: true}},
		})
	})
}

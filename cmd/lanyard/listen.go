package main

import (
	"errors"
	"fmt"
	"net"
	"syscall"

	"github.com/lanyard-lab/lanyard/controller"
)

// listen opens the API's listener, unless anybody could reach it without a
// password.
func listen(c config) (*net.TCPListener, error) {
	address, err := net.ResolveTCPAddr("tcp", c.listen)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w", c.listen, err)
	}
	if c.user == "" && !address.IP.IsLoopback() {
		return nil, fmt.Errorf(`cannot listen on %s without a user: everybody who reaches this machine could run labs on it
Either listen on this machine only:    lanyard serve --listen 127.0.0.1:%d
or say who may sign in, with HTTPS:    lanyard serve --listen %s --user NAME --password-file FILE --tls-self-signed`,
			c.listen, address.Port, c.listen)
	}
	listener, err := net.ListenTCP("tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("cannot listen on %s: another program uses that port, perhaps another lanyard server; stop it, or choose another port with --listen", c.listen)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("cannot listen on %s: this machine does not have that address", c.listen)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("cannot listen on %s: that port is for root only; choose one from 1024 on with --listen", c.listen)
	case err != nil:
		return nil, fmt.Errorf("cannot listen on %s: %w", c.listen, err)
	}
	return listener, nil
}

// endpoint is where a client on this machine reaches the server.
func (c config) endpoint(address *net.TCPAddr) controller.Endpoint {
	e := controller.Endpoint{Protocol: "http", Host: address.IP.String(), Port: address.Port}
	if c.https() {
		e.Protocol = "https"
	}
	if address.IP.IsUnspecified() {
		e.Host = "127.0.0.1"
	}
	return e
}

// baseURL is the beginning of the address that a client on this machine uses.
func baseURL(e controller.Endpoint) string {
	return e.Protocol + "://" + net.JoinHostPort(e.Host, fmt.Sprint(e.Port))
}

func (c config) https() bool { return c.selfSigned || c.tlsCert != "" }

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// selfSignedLife is how long a certificate of our own is valid.
const selfSignedLife = 10 * 365 * 24 * time.Hour

// tlsConfig is the server's TLS configuration; nil for plain HTTP.
func tlsConfig(c config, listen net.IP) (*tls.Config, error) {
	cert, key := c.tlsCert, c.tlsKey
	switch {
	case c.selfSigned:
		folder := filepath.Join(c.dataDir, "tls")
		cert, key = filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
		if err := ensurePair(cert, key, listen); err != nil {
			return nil, err
		}
	case cert == "":
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("cannot serve HTTPS with %s and %s: %w", cert, key, err)
	}
	// HTTP/2 would do no good to websockets, which it cannot carry here.
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}, nil
}

// ensurePair makes a self-signed certificate and its key, unless they exist.
func ensurePair(cert, key string, listen net.IP) error {
	_, certErr := os.Stat(cert)
	_, keyErr := os.Stat(key)
	if certErr == nil && keyErr == nil {
		return nil
	}
	for _, err := range []error{certErr, keyErr} {
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("cannot use the self-signed certificate: %w", err)
		}
	}
	if err := os.MkdirAll(filepath.Dir(cert), 0o700); err != nil {
		return fmt.Errorf("cannot make the folder of the self-signed certificate: %w", err)
	}
	certificate, private, err := makePair(listen)
	if err != nil {
		return fmt.Errorf("cannot make a self-signed certificate: %w", err)
	}
	// The certificate comes last: without it, both are made anew.
	if err := writePEM(key, "PRIVATE KEY", private, 0o600); err != nil {
		return err
	}
	return writePEM(cert, "CERTIFICATE", certificate, 0o644)
}

// makePair makes a certificate that is its own authority, so that a client can
// be told to trust just this one.
func makePair(listen net.IP) (certificate, private []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "Lanyard (self-signed)"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(selfSignedLife),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	if name, err := os.Hostname(); err == nil && name != "" && name != "localhost" {
		template.DNSNames = append(template.DNSNames, name)
	}
	if len(listen) > 0 && !listen.IsUnspecified() && !listen.IsLoopback() {
		template.IPAddresses = append(template.IPAddresses, listen)
	}
	if certificate, err = x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key); err != nil {
		return nil, nil, err
	}
	private, err = x509.MarshalPKCS8PrivateKey(key)
	return certificate, private, err
}

// writePEM writes a file that is whole or not there, with its mode from the start.
func writePEM(path, kind string, der []byte, mode os.FileMode) error {
	draft, err := os.CreateTemp(filepath.Dir(path), ".new-*") // 0600
	if err != nil {
		return fmt.Errorf("cannot write the self-signed certificate: %w", err)
	}
	defer os.Remove(draft.Name())
	err = pem.Encode(draft, &pem.Block{Type: kind, Bytes: der})
	err = errors.Join(err, draft.Chmod(mode), draft.Sync(), draft.Close())
	if err == nil {
		err = os.Rename(draft.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	return nil
}

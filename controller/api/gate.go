package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/controller/api/route"
)

// gate decides who may come in. It does not change after newGate.
type gate struct {
	hosts          map[string]bool // lower case, without port
	origins        map[string]bool // besides the same origin
	user, password [sha256.Size]byte
	open           bool // nobody has to sign in
}

func newGate(cfg Config) *gate {
	g := &gate{
		hosts: map[string]bool{"localhost": true},
		// Where GNS3's web client and its development server are served from.
		origins: map[string]bool{
			"http://127.0.0.1:3080": true, "http://localhost:3080": true,
			"http://127.0.0.1:4200": true, "http://localhost:4200": true,
		},
		open:     cfg.User == "",
		user:     sha256.Sum256([]byte(cfg.User)),
		password: sha256.Sum256([]byte(cfg.Password)),
	}
	for _, name := range cfg.Hosts {
		g.hosts[strings.ToLower(name)] = true
	}
	for _, address := range cfg.Listen {
		if host, _, err := net.SplitHostPort(address); err == nil && host != "" {
			g.hosts[strings.ToLower(host)] = true
		}
	}
	return g
}

// check refuses requests that a web page of somebody else had made, and
// answers the preflights of pages that are allowed.
func (g *gate) check(c *gin.Context) {
	r := c.Request
	if !g.knowsHost(r.Host) {
		route.WriteError(c, controller.Errorf(controller.Forbidden,
			"cannot answer for host %q: the server is known as localhost, by its IP addresses and by the names in its settings; add the name to the setting for host names if it is yours", shorten(r.Host)))
		return
	}
	origins := r.Header["Origin"]
	if len(origins) == 0 {
		return
	}
	if len(origins) > 1 || !g.knowsOrigin(origins[0], r.Host) {
		route.WriteError(c, controller.Errorf(controller.Forbidden,
			"cannot answer a web page from %q: only pages of this server itself may use it", shorten(origins[0])))
		return
	}
	header := c.Writer.Header()
	header.Add("Vary", "Origin")
	header.Set("Access-Control-Allow-Origin", origins[0])
	header.Set("Access-Control-Allow-Credentials", "true")
	if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
		header.Set("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE, PATCH")
		if wanted := r.Header.Get("Access-Control-Request-Headers"); wanted != "" {
			header.Set("Access-Control-Allow-Headers", wanted)
		}
		header.Set("Access-Control-Max-Age", "600")
		c.Abort()
		_ = route.NoContent(c)
	}
}

// knowsHost reports whether a Host header names this server. An IP address
// always does: only a name can be made to point here by somebody else's DNS.
func (g *gate) knowsHost(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if g.hosts[host] {
		return true
	}
	if rest, ok := strings.CutPrefix(host, "["); ok {
		host = strings.TrimSuffix(rest, "]")
	}
	_, err := netip.ParseAddr(host)
	return err == nil
}

// knowsOrigin reports whether a page of origin may talk to us at host. The
// origin "null", of sandboxed frames and files, may not.
func (g *gate) knowsOrigin(origin, host string) bool {
	if g.origins[strings.ToLower(origin)] {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return false
	}
	// Browsers leave out the default port in both.
	return strings.EqualFold(u.Host, host)
}

// require lets those pass who have the privilege. There is one user so far,
// and that user has them all.
func (g *gate) require(route.Privilege) gin.HandlerFunc {
	return func(c *gin.Context) {
		if g.open || g.knows(c.Request) {
			return
		}
		c.Writer.Header().Set("WWW-Authenticate", `Basic realm="Lanyard", charset="UTF-8"`)
		route.WriteError(c, controller.Errorf(controller.Unauthorized,
			"cannot answer: sign in with the user name and password of this server (HTTP basic authentication)"))
	}
}

// knows compares digests, so that the time taken tells nothing about how much
// of a guess was right.
func (g *gate) knows(r *http.Request) bool {
	user, password, ok := r.BasicAuth()
	u, p := sha256.Sum256([]byte(user)), sha256.Sum256([]byte(password))
	same := subtle.ConstantTimeCompare(u[:], g.user[:]) & subtle.ConstantTimeCompare(p[:], g.password[:])
	return ok && same == 1
}

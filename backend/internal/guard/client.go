package guard

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Limits of one call.
const (
	MaxBody       = 64 << 10 // bytes of an answer that are read, T21
	maxHeader     = 16 << 10
	defaultPort   = 443
	dialTimeout   = 5 * time.Second
	headerTimeout = 15 * time.Second
	callTimeout   = 20 * time.Second
)

// The three errors of a call. They carry no cause: what is behind the refusal is nobody's business who supplied the
// URL, and a cause would repeat it.
var (
	ErrRefused     = errors.New("destination is not allowed")
	ErrUnreachable = errors.New("destination could not be reached")
	ErrTimeout     = errors.New("destination did not answer in time")
	// ErrTooLarge comes from reading the body of an answer that is longer than MaxBody.
	ErrTooLarge = errors.New("answer is too large")
)

// Resolver turns a name into addresses. [net.Resolver] is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Params configures a client. The zero value is the strict one.
type Params struct {
	// Ports that may be called. Empty means 443 only.
	Ports []uint16
	// Allowed are networks that the operator declares callable although they are not public, for a push server or a
	// webhook of their own. Everything in them can be reached by whoever registers an endpoint.
	Allowed []netip.Prefix
	// Resolver is the system's when nil.
	Resolver Resolver
	// Roots are the system's when nil.
	Roots *x509.CertPool
}

// Client calls supplied URLs. It is safe for concurrent use.
type Client struct {
	http    *http.Client
	ports   []uint16
	allowed []netip.Prefix
	lookup  Resolver
}

// New returns a client.
func New(p Params) *Client {
	c := &Client{ports: p.Ports, allowed: p.Allowed, lookup: p.Resolver}
	if len(c.ports) == 0 {
		c.ports = []uint16{defaultPort}
	}
	if c.lookup == nil {
		c.lookup = net.DefaultResolver
	}
	c.http = &http.Client{
		Timeout: callTimeout,
		Transport: &http.Transport{
			Proxy:                  nil,
			DialContext:            c.dial,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: p.Roots},
			ForceAttemptHTTP2:      true,
			DisableCompression:     true,
			MaxResponseHeaderBytes: maxHeader,
			MaxIdleConns:           512,
			MaxIdleConnsPerHost:    32,
			IdleConnTimeout:        90 * time.Second,
			TLSHandshakeTimeout:    dialTimeout,
			ResponseHeaderTimeout:  headerTimeout,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c
}

// Do sends the request and returns the answer. A redirect is an answer like any other. The caller closes the body.
// The error is one of this package's and nothing else.
func (c *Client) Do(request *http.Request) (*http.Response, error) {
	if !c.urlAllowed(request.URL) {
		return nil, ErrRefused
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, plain(err)
	}
	response.Body = &capped{body: response.Body, left: MaxBody}
	return response, nil
}

// Close drops idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// CheckURL tells at registration whether an endpoint has an allowed form. It resolves nothing: what a name leads to
// is checked at each call.
func (c *Client) CheckURL(raw string) error {
	u, err := url.Parse(raw)
	if err != nil || !c.urlAllowed(u) {
		return ErrRefused
	}
	return nil
}

func (c *Client) urlAllowed(u *url.URL) bool {
	if u == nil || u.Scheme != "https" || u.User != nil || u.Opaque != "" || u.Fragment != "" {
		return false
	}
	port := u.Port()
	if port == "" {
		port = strconv.Itoa(defaultPort)
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || !slices.Contains(c.ports, uint16(number)) {
		return false
	}
	return c.hostAllowed(u.Hostname())
}

// hostAllowed refuses what some resolver might read as an address and another as a name: anything whose last label
// is numeric and that is not a plain address ("0x7f.1", "127.1", "2130706433"; WHATWG URL, "ends in a number").
func (c *Client) hostAllowed(host string) bool {
	if address, err := netip.ParseAddr(host); err == nil {
		return c.addressAllowed(address)
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	last := name[strings.LastIndexByte(name, '.')+1:]
	if last == "" || last == "localhost" || strings.Contains(host, "..") {
		return false
	}
	if last[0] >= '0' && last[0] <= '9' {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '.' || r == '_')
	})
}

func (c *Client) addressAllowed(address netip.Addr) bool {
	if Public(address) {
		return true
	}
	return slices.ContainsFunc(c.allowed, func(p netip.Prefix) bool { return p.Contains(address) })
}

// dial resolves once, refuses the whole name if any of its addresses is forbidden, and dials what it checked.
func (c *Client) dial(ctx context.Context, network, hostport string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(hostport)
	if err != nil {
		return nil, ErrRefused
	}
	addresses, err := c.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	dialer := net.Dialer{ControlContext: c.control}
	err = ErrUnreachable
	for _, address := range addresses {
		var conn net.Conn
		if conn, err = dialer.DialContext(ctx, network, net.JoinHostPort(address.String(), port)); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

func (c *Client) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if address, err := netip.ParseAddr(host); err == nil {
		if !c.addressAllowed(address) {
			return nil, ErrRefused
		}
		return []netip.Addr{address}, nil
	}
	addresses, err := c.lookup.LookupNetIP(ctx, "ip", host)
	if err != nil || len(addresses) == 0 {
		return nil, ErrUnreachable
	}
	for i, address := range addresses {
		// net.Resolver gives IPv4 answers as v4-mapped addresses on some systems; a AAAA record that is mapped is
		// then judged by the address it maps to, which is what the socket would use.
		addresses[i] = address.Unmap()
		if !c.addressAllowed(addresses[i]) {
			return nil, ErrRefused
		}
	}
	return addresses, nil
}

// control sees the very address of the socket, after everything else, and is the last word.
func (c *Client) control(_ context.Context, _, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil || !c.addressAllowed(ap.Addr()) {
		return ErrRefused
	}
	return nil
}

// plain maps any error of the HTTP client to one of ours. url.Error repeats the URL and must not get out.
func plain(err error) error {
	var netErr net.Error
	switch {
	case errors.Is(err, ErrRefused):
		return ErrRefused
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &netErr) && netErr.Timeout():
		return ErrTimeout
	default:
		return ErrUnreachable
	}
}

type capped struct {
	body io.ReadCloser
	left int
}

func (c *capped) Read(p []byte) (int, error) {
	if c.left < 0 {
		return 0, ErrTooLarge
	}
	// One byte more than the cap is read, to tell a body of exactly MaxBody bytes from a longer one.
	n, err := c.body.Read(p[:min(len(p), c.left+1)])
	c.left -= n
	if c.left < 0 {
		return n - 1, ErrTooLarge
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return n, plain(err)
	}
	return n, err
}

func (c *capped) Close() error { return c.body.Close() }

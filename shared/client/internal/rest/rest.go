package rest

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nod-auth/nod/shared/problem"
)

// DefaultTimeout bounds a request whose [Request] says nothing else.
const DefaultTimeout = 15 * time.Second

const (
	maxHeaderBytes = 64 << 10
	dialTimeout    = 10 * time.Second
	keepAlive      = 30 * time.Second
	idleTimeout    = 90 * time.Second
	maxIdle        = 100 // there is one host, and many waits at once
)

// Params configures a [Client].
type Params struct {
	BaseURL string           // scheme, host and port; checked by [CheckBase]
	HTTP    *http.Client     // nil for one of its own; its redirect policy is not used
	Now     func() time.Time // nil for time.Now
}

// Client calls one server. It is safe for concurrent use.
type Client struct {
	base string
	http *http.Client
	now  func() time.Time

	offset atomic.Int64 // the server's clock minus this one's, in nanoseconds
	dated  atomic.Bool  // offset was measured
}

// New returns a client.
func New(p Params) (*Client, error) {
	base, err := CheckBase(p.BaseURL)
	if err != nil {
		return nil, err
	}
	c := &Client{base: base, http: &http.Client{Transport: transport()}, now: p.Now}
	if p.HTTP != nil {
		own := *p.HTTP
		c.http = &own
	}
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if c.now == nil {
		c.now = time.Now
	}
	return c, nil
}

// transport is one of its own: the process's default may have been replaced by something weaker.
func transport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: dialTimeout, KeepAlive: keepAlive}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    dialTimeout,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    maxIdle,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
	}
}

// CheckBase returns the base URL without a slash at its end. It refuses anything but https, except plain http to
// loopback, and user information, paths, queries and fragments.
func CheckBase(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.Opaque != "" {
		return "", errors.New("server address: want https://host")
	}
	if u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return "", errors.New("server address: scheme, host and port only")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
		return "", errors.New("server address: only https is accepted, or http to this machine")
	}
	return u.Scheme + "://" + u.Host, nil
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// Base returns the server's base URL.
func (c *Client) Base() string { return c.base }

// Now is the server's time as far as the last answer's Date header tells, and this machine's before any answer.
func (c *Client) Now() time.Time { return c.now().Add(time.Duration(c.offset.Load())) }

// Offset returns how far the server's clock is ahead of this machine's, and whether that was measured.
func (c *Client) Offset() (time.Duration, bool) {
	return time.Duration(c.offset.Load()), c.dated.Load()
}

// Request is one request.
type Request struct {
	Method      string
	Path        string // escaped, begins with a slash
	Query       url.Values
	Header      http.Header // authorization and the like; may be nil
	ContentType string      // of Body; "" when there is none
	Body        []byte
	Accept      string        // media type the answer must have; "" when the answer has no body
	Max         int64         // cap on the answer, in bytes
	Timeout     time.Duration // 0 for DefaultTimeout
}

// Response is a successful answer. Body is complete and within the cap.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// UnexpectedError is an answer that is not Nod's: a redirect, another media type, a body over the cap, an error without a
// problem document.
type UnexpectedError struct {
	Status     int           // HTTP status
	Reason     string        // what was unexpected
	RetryAfter time.Duration // header Retry-After; 0 when there is none
}

// Error implements error.
func (e *UnexpectedError) Error() string {
	return fmt.Sprintf("the answer is not Nod's: status %d, %s", e.Status, e.Reason)
}

// Do sends a request and reads the answer. An error status is a [*problem.Problem], or an [*UnexpectedError]. header,
// when not nil, sees the headers of every answer, errors included.
func (c *Client) Do(ctx context.Context, r Request, header func(http.Header)) (*Response, error) {
	timeout := r.Timeout
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	resp, err := c.Open(ctx, r, header)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := readCapped(resp, r.Max)
	if err != nil {
		return nil, err
	}
	return &Response{Status: resp.StatusCode, Header: resp.Header, Body: body}, nil
}

// Open sends a request and returns the answer with its body still open, for streams: it sets no time limit and no cap.
// Errors are as for [Client.Do].
func (c *Client) Open(ctx context.Context, r Request, header func(http.Header)) (*http.Response, error) {
	req, err := c.build(ctx, r)
	if err != nil {
		return nil, err
	}
	sent := c.now()
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", r.Method, r.Path, bare(err))
	}
	c.measure(sent, resp.Header.Get("Date"))
	if header != nil {
		header(resp.Header)
	}
	if err := check(resp, r.Accept); err != nil {
		_ = resp.Body.Close() // the answer is refused already
		return nil, err
	}
	return resp, nil
}

func (c *Client) build(ctx context.Context, r Request) (*http.Request, error) {
	target := c.base + r.Path
	if len(r.Query) > 0 {
		target += "?" + r.Query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, target, bytes.NewReader(r.Body))
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", r.Method, r.Path, bare(err))
	}
	for name, values := range r.Header {
		req.Header[name] = values
	}
	if r.ContentType != "" {
		req.Header.Set("Content-Type", r.ContentType)
	}
	if r.Accept != "" {
		req.Header.Set("Accept", r.Accept+", "+problem.ContentType)
	}
	return req, nil
}

// bare takes the address out of an error of net/http: it may hold a user_ref.
func bare(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// measure learns the server's clock. A Date header has whole seconds, so half a second is added.
func (c *Client) measure(sent time.Time, date string) {
	at, err := http.ParseTime(date)
	if err != nil {
		return
	}
	received := c.now()
	middle := sent.Add(received.Sub(sent) / 2)
	c.offset.Store(int64(at.Add(time.Second / 2).Sub(middle)))
	c.dated.Store(true)
}

// check refuses every answer that is not a success of the accepted media type.
func check(resp *http.Response, accept string) error {
	media, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil {
		media = ""
	}
	after := retryAfter(resp.Header)
	unexpected := func(format string, args ...any) error {
		return &UnexpectedError{Status: resp.StatusCode, Reason: fmt.Sprintf(format, args...), RetryAfter: after}
	}
	switch {
	case resp.StatusCode >= 200 && resp.StatusCode < 300:
		if accept != "" && (media != accept || resp.StatusCode == http.StatusNoContent) {
			return unexpected("want %s, got %.60q", accept, media)
		}
		return nil
	case resp.StatusCode < 400:
		return unexpected("a redirect is not followed")
	case media != problem.ContentType:
		return unexpected("no problem document but %.60q", media)
	}
	body, err := readCapped(resp, problem.MaxBytes)
	if err != nil {
		return err
	}
	p, err := problem.Parse(body)
	if err != nil || p.Status != resp.StatusCode {
		return unexpected("the problem document is not sound")
	}
	return p.WithRetryAfter(after)
}

// maxRetryAfter caps what a server can ask: a lock-out doubles, and a day is as good as for ever.
const maxRetryAfter = 24 * time.Hour

// retryAfter reads the header in seconds, the only form that Nod sends (RFC 9110 section 10.2.3).
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.ParseUint(h.Get("Retry-After"), 10, 31)
	if err != nil {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, maxRetryAfter)
}

func readCapped(resp *http.Response, limit int64) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	if int64(len(body)) > limit {
		return nil, &UnexpectedError{Status: resp.StatusCode, Reason: fmt.Sprintf("the body is over %d bytes", limit)}
	}
	return body, nil
}

// Decode reads a JSON answer into v. Members that this build does not know are ignored: a server may be newer.
func Decode(resp *Response, v any) error {
	if err := json.Unmarshal(resp.Body, v); err != nil {
		return &UnexpectedError{Status: resp.Status, Reason: "the JSON is not sound"}
	}
	return nil
}

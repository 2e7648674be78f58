package guard_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nod-auth/nod/backend/internal/guard"
)

// names is a resolver that a test scripts. Each lookup of a name takes the next answer; the last one stays.
type names map[string][][]netip.Addr

func (n names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	answers := n[host]
	if len(answers) == 0 {
		return nil, errors.New("no such host")
	}
	if len(answers) > 1 {
		n[host] = answers[1:]
	}
	return append([]netip.Addr(nil), answers[0]...), nil
}

func addrs(list ...string) []netip.Addr {
	out := make([]netip.Addr, len(list))
	for i, s := range list {
		out[i] = netip.MustParseAddr(s)
	}
	return out
}

func get(t *testing.T, c *guard.Client, raw string) (*http.Response, error) {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		return nil, guard.ErrRefused // what can't be parsed can't be called
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	request := &http.Request{Method: http.MethodPost, URL: u, Header: http.Header{}, Body: http.NoBody}
	response, err := c.Do(request.WithContext(ctx))
	if response != nil {
		t.Cleanup(func() { _ = response.Body.Close() })
	}
	return response, err
}

// local starts a TLS server on loopback and returns a client that may call it because the operator said so.
func local(t *testing.T, handler http.HandlerFunc, lookup guard.Resolver) (*httptest.Server, *guard.Client) {
	t.Helper()
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	client := guard.New(guard.Params{
		Ports: []uint16{port(t, server.URL)}, Allowed: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
		Resolver: lookup, Roots: server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs,
	})
	t.Cleanup(client.Close)
	return server, client
}

func port(t *testing.T, raw string) uint16 {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	return uint16(n)
}

func TestT21_forbidden_destinations_are_refused_with_one_error(t *testing.T) {
	private := names{
		"localhost.": {addrs("127.0.0.1")}, "inside.example": {addrs("10.1.2.3")}, "meta.example": {addrs("169.254.169.254")},
		"mixed.example": {addrs("93.184.215.14", "10.1.2.3")}, "v6.example": {addrs("fd00::1")},
		"mapped.example": {addrs("::ffff:127.0.0.1")}, "nat64.example": {addrs("64:ff9b::7f00:1")},
		"0x7f.1": {addrs("127.0.0.1")}, "2130706433": {addrs("127.0.0.1")}, "public.example": {addrs("93.184.215.14")},
	}
	client := guard.New(guard.Params{Resolver: private})
	for _, raw := range []string{
		"https://127.0.0.1/", "https://[::1]/", "https://[::ffff:10.0.0.1]/", "https://[::ffff:93.184.215.14]/", "https://0x7f.1/",
		"https://127.1/", "https://2130706433/", "https://0177.0.0.1/", "https://169.254.169.254/latest/meta-data", "https://localhost/",
		"https://localhost./", "https://a.localhost/", "https://100.64.0.1/", "https://10.0.0.1/", "https://172.31.255.255/",
		"https://192.168.1.1/", "https://0.0.0.0/", "https://255.255.255.255/", "https://224.0.0.1/", "https://[64:ff9b::7f00:1]/",
		"https://[64:ff9b:1::a00:1]/", "https://[2002:7f00:1::]/", "https://[2001:0:7f00:1::]/", "https://[fd00::1]/", "https://[fe80::1]/",
		"https://[fe80::1%25eth0]/", "https://[ff02::1]/", "https://[::]/", "https://[::127.0.0.1]/", "https://inside.example/",
		"https://meta.example/", "https://mixed.example/", "https://v6.example/", "https://mapped.example/", "https://nat64.example/",
		"http://public.example/", "gopher://public.example/", "file:///etc/passwd", "ftp://public.example/", "https:opaque",
		"https://user:pass@public.example/", "https://user@public.example/", "https://public.example:22/", "https://public.example:8080/",
		"https://public.example:0/", "https://public.example:99999/", "https:///path", "https://public..example/", "https://pub%0alic.example/",
		"https://public.example/#fragment", "//public.example/", "",
	} {
		if _, err := get(t, client, raw); err != guard.ErrRefused { //nolint:errorlint // exactly this error, nothing wrapped
			t.Errorf("%q gave %v, want exactly ErrRefused", raw, err)
		}
	}
}

func TestT21_addresses_of_the_internet_are_public(t *testing.T) {
	for _, s := range []string{"93.184.215.14", "1.1.1.1", "100.63.255.255", "100.128.0.1", "172.32.0.1", "2606:4700::1111", "2a00:1450:4001::1"} {
		if !guard.Public(netip.MustParseAddr(s)) {
			t.Errorf("%s is refused, but it is an address of the internet", s)
		}
	}
	if guard.Public(netip.Addr{}) {
		t.Error("the zero address is public")
	}
}

func TestT21_a_name_that_rebinds_to_a_private_address_is_refused(t *testing.T) {
	var calls atomic.Int32
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls.Add(1) }))
	t.Cleanup(server.Close)
	// The check at registration would have seen the public address; the dial sees the private one.
	lookup := names{"rebind.example": {addrs("93.184.215.14"), addrs("127.0.0.1")}}
	if _, err := lookup.LookupNetIP(t.Context(), "ip", "rebind.example"); err != nil {
		t.Fatal(err)
	}
	p := port(t, server.URL)
	client := guard.New(guard.Params{Ports: []uint16{p}, Resolver: lookup})
	if _, err := get(t, client, "https://rebind.example:"+strconv.Itoa(int(p))+"/"); err != guard.ErrRefused { //nolint:errorlint // exact
		t.Fatalf("got %v, want ErrRefused", err)
	}
	if calls.Load() != 0 {
		t.Fatal("the private server was called")
	}
}

func TestT21_a_redirect_is_not_followed(t *testing.T) {
	var inner atomic.Int32
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { inner.Add(1) }))
	t.Cleanup(target.Close)
	server, client := local(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, target.URL, http.StatusFound)
	}, nil)
	response, err := get(t, client, server.URL)
	if err != nil || response.StatusCode != http.StatusFound {
		t.Fatalf("got %v, %v; want the 302 itself", response, err)
	}
	if inner.Load() != 0 {
		t.Fatal("the redirect was followed")
	}
}

func TestT21_no_proxy_variable_is_read(t *testing.T) {
	var proxied atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { proxied.Add(1) }))
	t.Cleanup(proxy.Close)
	t.Setenv("HTTPS_PROXY", proxy.URL)
	t.Setenv("ALL_PROXY", proxy.URL)
	// A proxy variable never applies to loopback addresses, so the test must use a name; this one is in the certificate
	// of httptest.
	lookup := names{"example.com": {addrs("127.0.0.1")}}
	server, client := local(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusCreated) }, lookup)
	response, err := get(t, client, "https://example.com:"+strconv.Itoa(int(port(t, server.URL)))+"/")
	if err != nil || response.StatusCode != http.StatusCreated {
		t.Fatalf("got %v, %v", response, err)
	}
	if proxied.Load() != 0 {
		t.Fatal("the proxy was asked")
	}
}

func TestT21_an_answer_is_read_to_64_KiB_and_no_further(t *testing.T) {
	size := guard.MaxBody
	server, client := local(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(bytes.Repeat([]byte("x"), size)) }, nil)
	for name, want := range map[string]struct {
		size int
		err  error
	}{"exactly the cap": {guard.MaxBody, nil}, "one byte more": {guard.MaxBody + 1, guard.ErrTooLarge}, "far more": {8 << 20, guard.ErrTooLarge}} {
		size = want.size
		response, err := get(t, client, server.URL)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		if !errors.Is(err, want.err) || len(body) > guard.MaxBody {
			t.Errorf("%s: read %d bytes, error %v, want error %v", name, len(body), err, want.err)
		}
	}
}

func TestT21_errors_never_repeat_the_url(t *testing.T) {
	const secret = "p8x-secret-endpoint"
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close() // nobody listens there now
	_, p, _ := net.SplitHostPort(address)
	n, _ := strconv.ParseUint(p, 10, 16)
	client := guard.New(guard.Params{Ports: []uint16{uint16(n)}, Allowed: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}})
	for _, raw := range []string{"https://" + address + "/" + secret, "https://nobody.invalid:" + p + "/" + secret, "https://10.0.0.1:" + p + "/" + secret} {
		_, err := get(t, client, raw)
		if err == nil || strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), p) || errors.Unwrap(err) != nil {
			t.Errorf("%s: error %v tells too much", raw, err)
		}
	}
}

func TestT21_a_certificate_that_is_not_trusted_is_unreachable(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(server.Close)
	client := guard.New(guard.Params{Ports: []uint16{port(t, server.URL)}, Allowed: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}})
	if _, err := get(t, client, server.URL); !errors.Is(err, guard.ErrUnreachable) {
		t.Fatalf("got %v, want ErrUnreachable", err)
	}
}

func TestT21_a_silent_server_gives_a_timeout(t *testing.T) {
	release := make(chan struct{})
	server, client := local(t, func(http.ResponseWriter, *http.Request) { <-release }, nil)
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	request, _ := http.NewRequestWithContext(ctx, http.MethodPost, server.URL, nil)
	response, err := client.Do(request)
	if response != nil {
		_ = response.Body.Close()
	}
	if !errors.Is(err, guard.ErrTimeout) {
		t.Fatalf("got %v, want ErrTimeout", err)
	}
}

func TestT21_registration_checks_the_form_of_an_endpoint(t *testing.T) {
	client := guard.New(guard.Params{})
	for raw, ok := range map[string]bool{
		"https://push.example/abc": true, "https://push.example:8443/abc": false, "http://push.example/": false,
		"https://10.0.0.1/": false, "https://u:p@push.example/": false, "::": false,
	} {
		if err := client.CheckURL(raw); (err == nil) != ok {
			t.Errorf("%s: %v, want allowed %v", raw, err, ok)
		}
	}
}

func FuzzCheckURL(f *testing.F) {
	f.Add("https://0x7f.1/")
	f.Add("https://[::ffff:10.0.0.1]:443/")
	f.Fuzz(func(t *testing.T, raw string) {
		if guard.New(guard.Params{}).CheckURL(raw) != nil {
			return
		}
		u, err := url.Parse(raw)
		if err != nil || u.Scheme != "https" || u.User != nil {
			t.Fatalf("%q was allowed", raw)
		}
		if address, err := netip.ParseAddr(u.Hostname()); err == nil && !guard.Public(address) {
			t.Fatalf("%q was allowed, its address is not public", raw)
		}
	})
}

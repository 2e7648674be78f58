package protocol

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Scheme is the invitation's scheme in an unbranded app.
const Scheme = "nod"

// Invitation is the content of an invitation URI or https link. Company and User are hints to show before anything is
// contacted; the signed reply must repeat them.
type Invitation struct {
	Server  string     // the server's base URL
	Company string     // hint; may be empty
	User    string     // hint; may be empty
	Token   string     // the secret; it stands in the fragment only
	Root    Thumbprint // of the tenant root key
}

// URI formats the invitation for an app that handles scheme, such as "nod".
func (i Invitation) URI(scheme string) string {
	return scheme + "://enroll?" + i.query() + "#" + i.fragment()
}

// Link formats the invitation as an https link of the server, for verified app links.
func (i Invitation) Link() string { return i.Server + "/enroll?" + i.query() + "#" + i.fragment() }

func (i Invitation) query() string {
	q := url.Values{"s": {i.Server}}
	if i.Company != "" {
		q.Set("n", i.Company)
	}
	if i.User != "" {
		q.Set("u", i.User)
	}
	return q.Encode()
}

func (i Invitation) fragment() string {
	return url.Values{"t": {i.Token}, "k": {string(i.Root)}}.Encode()
}

const maxInvitation = 4096 // hints of the longest text, percent-encoded

// ParseInvitation reads an invitation URI of scheme, or an https link whose path is /enroll. The server address is
// checked as [ParseServer] says; a link must lead to the server it names. Nothing is contacted.
func ParseInvitation(text, scheme string) (Invitation, error) {
	if len(text) > maxInvitation {
		return Invitation{}, fail(CodeTooLarge, "", "over %d characters", maxInvitation)
	}
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || u.User != nil || u.Opaque != "" {
		return Invitation{}, fail(CodeMalformed, "", "not an invitation")
	}
	query, err := single(u.RawQuery, "s", "n", "u")
	if err != nil {
		return Invitation{}, err
	}
	fragment, err := single(u.EscapedFragment(), "t", "k")
	if err != nil {
		return Invitation{}, err
	}
	i := Invitation{Company: query["n"], User: query["u"], Token: fragment["t"], Root: Thumbprint(fragment["k"])}
	if i.Server, err = ParseServer(query["s"]); err != nil {
		return Invitation{}, err
	}
	switch {
	case u.Scheme == scheme && u.Host == "enroll" && strings.Trim(u.Path, "/") == "":
	case u.Scheme == "https" && u.Path == "/enroll" || u.Scheme == "http" && u.Path == "/enroll":
		if link, err := ParseServer(u.Scheme + "://" + u.Host); err != nil || link != i.Server {
			return Invitation{}, fail(CodeMismatch, "s", "the link leads to another server than it names")
		}
	default:
		return Invitation{}, fail(CodeMalformed, "", "not an invitation")
	}
	err = firstError(checkToken("t", i.Token), i.Root.Validate("k"), CheckText("n", i.Company, false, MaxName), CheckText("u", i.User, false, MaxUserRef))
	if err != nil {
		return Invitation{}, err
	}
	return i, nil
}

// single parses a query and refuses names other than known, and a name twice.
func single(raw string, known ...string) (map[string]string, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, fail(CodeMalformed, "", "not an invitation")
	}
	out := map[string]string{}
	for name, v := range values {
		if len(v) != 1 {
			return nil, fail(CodeMalformed, safeName(name), "occurs twice")
		}
		for _, k := range known {
			if k == name {
				out[name] = v[0]
			}
		}
	}
	return out, nil
}

const maxServer = 255

// ParseServer checks a server's base URL and returns its one form: scheme, lower-case ASCII host and, if not the
// scheme's own, the port. It refuses user information, a path, a query, an address in place of a host name, and
// plain http; loopback ("localhost", 127.0.0.0/8, [::1]) may be an address and may use http (T12, T37).
func ParseServer(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || len(text) > maxServer || !isASCII(text) || u.Host == "" || u.Opaque != "" {
		return "", fail(CodeMalformed, "server", "not a server address")
	}
	if u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.ForceQuery {
		return "", fail(CodeInsecure, "server", "an address is scheme, host and port only")
	}
	host, loopback := parseLoopback(strings.ToLower(u.Hostname()))
	switch {
	case u.Scheme == "https":
	case u.Scheme == "http" && loopback:
	default:
		return "", fail(CodeInsecure, "server", "only https is accepted")
	}
	if !loopback && !isHostName(host) {
		return "", fail(CodeInsecure, "server", "an address needs a host name")
	}
	port := u.Port()
	switch n, err := strconv.ParseUint(port, 10, 16); {
	case port == "", port == "443" && u.Scheme == "https", port == "80" && u.Scheme == "http":
		return u.Scheme + "://" + host, nil
	case err != nil || n == 0 || port[0] == '0':
		return "", fail(CodeMalformed, "server", "not a port")
	}
	return u.Scheme + "://" + host + ":" + port, nil
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}

// parseLoopback tells whether a host is loopback, and returns it as it stands in a URL.
func parseLoopback(host string) (string, bool) {
	ip, err := netip.ParseAddr(host)
	switch {
	case host == "localhost":
		return host, true
	case err != nil || !ip.IsLoopback() || ip.Is4In6() || ip.Zone() != "":
		return host, false
	case ip.Is6():
		return "[" + ip.String() + "]", true
	}
	return ip.String(), true
}

// isHostName accepts dotted names of letters, digits and hyphens whose last label is not a number: no IP address in
// any spelling, no trailing dot, no raw Unicode (punycode is shown as it is).
func isHostName(host string) bool {
	labels := strings.Split(host, ".")
	if len(labels) < 2 {
		return false
	}
	for _, l := range labels {
		if l == "" || len(l) > 63 || strings.HasPrefix(l, "-") || strings.HasSuffix(l, "-") ||
			strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	last := labels[len(labels)-1]
	return last[0] < '0' || last[0] > '9'
}

func checkServer(member, s string) error {
	if got, err := ParseServer(s); err != nil || got != s {
		return invalid(member, "not a server's base URL in its one form")
	}
	return nil
}

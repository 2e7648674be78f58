// Package brand reads the brand file: the one file a company edits to give the
// app its name, link scheme, colours, icon, texts and servers.
//
// The file is TOML, embedded in the app at build time and read by the packager
// and the server; it is checked here once, and every complaint names its line.
// Nothing in it can weaken security: it names hosts the app accepts, never keys.
// Whether an accent can be read against its ground is for the app's theme.
package brand

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
)

// MaxFile is the largest brand file that is read.
const MaxFile = 256 << 10

// Brand is what a brand file says.
type Brand struct {
	// Name of the app, as people read it; 1 to 30 characters. Required.
	Name string `toml:"name"`
	// AppID in reverse domain order: "com.example.sign". Required; stores and
	// operating systems know the app by it, so it must never change.
	AppID string `toml:"app_id"`
	// Scheme of invitation links: "nod" makes nod://enroll. Required; lower-case
	// letters, digits and hyphens (RFC 3986 section 3.1, without "+" and ".").
	Scheme string `toml:"scheme"`
	// Accent is the brand's colour as #RRGGBB. Required.
	Accent string `toml:"accent"`
	// AccentDark is its colour on dark ground; empty derives it from Accent.
	AccentDark string `toml:"accent_dark"`
	// Icon is a PNG file beside the brand file, at least 1024 by 1024. Required.
	Icon string `toml:"icon"`
	// Hosts are the only servers the app enrolls with: "auth.example.com", or
	// "*.example.com" for every name below. Empty accepts any.
	Hosts []string `toml:"hosts"`
	// Support and Privacy are https pages the settings lead to; empty leaves them
	// out.
	Support string `toml:"support"`
	Privacy string `toml:"privacy"`
	// Texts replaces texts of the app by language and key:
	//
	//	[texts.en]
	//	"home.empty.lead" = "Ask the service desk for an invitation."
	//
	// The app refuses keys it does not know.
	Texts map[string]map[string]string `toml:"texts"`
}

// Error is one complaint about a brand file.
type Error struct {
	Line    int    // from 1; 0 when the file as a whole is meant
	Key     string // "accent", "texts.en"
	Problem string
}

// Error writes "line 4: accent: want #RRGGBB".
func (e *Error) Error() string {
	s := e.Problem
	if e.Key != "" {
		s = e.Key + ": " + s
	}
	if e.Line > 0 {
		s = fmt.Sprintf("line %d: %s", e.Line, s)
	}
	return s
}

// Parse reads and checks a brand file. The error joins every complaint, each an
// [*Error], in the order of their lines.
func Parse(data []byte) (Brand, error) {
	if len(data) > MaxFile {
		return Brand{}, &Error{Problem: fmt.Sprintf("the file is larger than %d bytes", MaxFile)}
	}
	if !utf8.Valid(data) {
		return Brand{}, &Error{Problem: "the file is not UTF-8"}
	}
	var b Brand
	meta, err := toml.Decode(string(data), &b)
	if err != nil {
		var bad toml.ParseError
		if errors.As(err, &bad) {
			return Brand{}, &Error{Line: bad.Position.Line, Key: bad.LastKey, Problem: bad.Message}
		}
		return Brand{}, &Error{Problem: err.Error()}
	}
	c := &checker{data: data}
	for _, key := range meta.Undecoded() {
		c.add(key.String(), "unknown key")
	}
	c.check(b)
	if len(c.found) > 0 {
		return Brand{}, c.joined()
	}
	return b, nil
}

// checker collects complaints.
type checker struct {
	data  []byte
	found []*Error
}

func (c *checker) add(key, problem string, args ...any) {
	c.found = append(c.found, &Error{Line: lineOf(string(c.data), key), Key: key, Problem: fmt.Sprintf(problem, args...)})
}

func (c *checker) joined() error {
	sort.SliceStable(c.found, func(i, j int) bool { return c.found[i].Line < c.found[j].Line })
	errs := make([]error, len(c.found))
	for i, e := range c.found {
		errs[i] = e
	}
	return errors.Join(errs...)
}

var (
	appID  = regexp.MustCompile(`^[a-z][a-z0-9]*(\.[a-z][a-z0-9]*){1,9}$`)
	scheme = regexp.MustCompile(`^[a-z][a-z0-9-]{1,29}$`)
	colour = regexp.MustCompile(`^#[0-9A-Fa-f]{6}$`)
	icon   = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*\.png$`)
	label  = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	tag    = regexp.MustCompile(`^[a-z]{2,3}$`)
)

// taken are schemes that belong to others.
var taken = []string{"http", "https", "file", "ftp", "mailto", "tel", "otpauth", "javascript", "data", "about", "intent"}

func (c *checker) check(b Brand) {
	if n := utf8.RuneCountInString(b.Name); n < 1 || n > 30 || b.Name != strings.TrimSpace(b.Name) || strings.ContainsFunc(b.Name, isControl) {
		c.add("name", "want 1 to 30 characters")
	}
	if !appID.MatchString(b.AppID) {
		c.add("app_id", "want a reverse domain name such as com.example.sign")
	}
	switch {
	case !scheme.MatchString(b.Scheme):
		c.add("scheme", "want 2 to 30 lower-case letters, digits or hyphens")
	case slices.Contains(taken, b.Scheme):
		c.add("scheme", "%q belongs to others", b.Scheme)
	}
	if !colour.MatchString(b.Accent) {
		c.add("accent", "want a colour as #RRGGBB")
	}
	if b.AccentDark != "" && !colour.MatchString(b.AccentDark) {
		c.add("accent_dark", "want a colour as #RRGGBB")
	}
	if !icon.MatchString(b.Icon) {
		c.add("icon", "want the name of a PNG file beside this one")
	}
	for _, h := range b.Hosts {
		if !validHost(h) {
			c.add("hosts", "%q is not a host name", h)
		}
	}
	c.checkPage("support", b.Support)
	c.checkPage("privacy", b.Privacy)
	for lang, texts := range b.Texts {
		if !tag.MatchString(lang) {
			c.add("texts."+lang, "want a language such as en")
		}
		for key, text := range texts {
			if strings.TrimSpace(text) == "" || len(text) > 1000 {
				c.add("texts."+lang+"."+key, "want 1 to 1000 bytes")
			}
		}
	}
}

func isControl(r rune) bool {
	return r < 0x20 || r == 0x7f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

func (c *checker) checkPage(key, page string) {
	if page == "" {
		return
	}
	u, err := url.Parse(page)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
		c.add(key, "want an https page")
	}
}

func validHost(h string) bool {
	h = strings.TrimPrefix(h, "*.")
	if len(h) > 253 || net.ParseIP(h) != nil || !strings.Contains(h, ".") {
		return false
	}
	for _, l := range strings.Split(h, ".") {
		if !label.MatchString(l) {
			return false
		}
	}
	return true
}

// Allows reports whether the brand enrolls with a server. Host is without a
// port; it is compared without regard to case, and a final dot does not count.
func (b Brand) Allows(host string) bool {
	if len(b.Hosts) == 0 {
		return host != ""
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	for _, h := range b.Hosts {
		if below, ok := strings.CutPrefix(h, "*."); ok {
			if strings.HasSuffix(host, "."+below) {
				return true
			}
			continue
		}
		if host == h {
			return true
		}
	}
	return false
}

// lineOf finds the line a key stands on, for a complaint about its value: the
// TOML library tells positions of syntax errors only. A key that is missing has
// no line.
func lineOf(text, key string) int {
	table := ""
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "["); ok {
			table = strings.Trim(strings.SplitN(name, "]", 2)[0], "[ ")
			if table == key {
				return i + 1
			}
			continue
		}
		name, _, found := strings.Cut(line, "=")
		if !found {
			continue
		}
		full := strings.Trim(strings.TrimSpace(name), `"'`)
		if table != "" {
			full = table + "." + full
		}
		if full == strings.ReplaceAll(key, `"`, "") {
			return i + 1
		}
	}
	return 0
}

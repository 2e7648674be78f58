package otp

import (
	"encoding/base32"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Kind is the first part of an otpauth URI.
type Kind string

// The kinds of generators a URI can describe.
const (
	KindTOTP Kind = "totp"
	KindHOTP Kind = "hotp"
)

// URI is an otpauth URI as authenticator apps exchange it (the "Key URI
// Format"; there is no RFC).
type URI struct {
	Kind    Kind
	Issuer  string // the company; may be empty
	Account string // the person's name there
	Params  Params
	Counter uint64 // KindHOTP only: the next counter
}

// maxURI bounds what is parsed.
const maxURI = 4096

// ErrURI says that a text is no otpauth URI.
var ErrURI = errors.New("otp: not an otpauth URI")

var b32 = base32.StdEncoding.WithPadding(base32.NoPadding)

// DecodeKey reads a base32 key as people type it: lower case, spaces, hyphens
// and padding are accepted.
func DecodeKey(s string) (Key, error) {
	s = strings.NewReplacer(" ", "", "-", "", "=", "").Replace(strings.ToUpper(s))
	k, err := b32.DecodeString(s)
	if err != nil {
		return nil, fmt.Errorf("otp: key is not base32")
	}
	if len(k) < minKeyBytes || len(k) > maxKeyBytes {
		return nil, ErrKey
	}
	return k, nil
}

// EncodeKey writes a key in base32 without padding.
func EncodeKey(k Key) string { return b32.EncodeToString(k) }

// ParseURI reads an otpauth URI and checks everything in it. Unknown parameters
// are ignored; a parameter given twice, or an issuer that differs from the
// label's, is refused.
func ParseURI(s string) (URI, error) {
	if len(s) > maxURI || !utf8.ValidString(s) {
		return URI{}, ErrURI
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "otpauth" || u.User != nil || u.Fragment != "" {
		return URI{}, ErrURI
	}
	out := URI{Kind: Kind(strings.ToLower(u.Host))}
	if out.Kind != KindTOTP && out.Kind != KindHOTP {
		return URI{}, fmt.Errorf("%w: kind %q", ErrURI, u.Host)
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return URI{}, ErrURI
	}
	for name, values := range q {
		if len(values) != 1 {
			return URI{}, fmt.Errorf("%w: %s is given twice", ErrURI, name)
		}
	}
	if err := out.label(u.Path, q.Get("issuer")); err != nil {
		return URI{}, err
	}
	if err := out.params(q); err != nil {
		return URI{}, err
	}
	return out, nil
}

// label splits "/Issuer:account".
func (u *URI) label(path, issuer string) error {
	label := strings.TrimPrefix(path, "/")
	prefix, account, found := strings.Cut(label, ":")
	if !found {
		prefix, account = "", label
	}
	prefix = strings.TrimSpace(prefix)
	u.Issuer, u.Account = issuer, strings.TrimSpace(account)
	if u.Issuer == "" {
		u.Issuer = prefix
	}
	if prefix != "" && prefix != u.Issuer {
		return fmt.Errorf("%w: the issuer %q differs from the label's %q", ErrURI, u.Issuer, prefix)
	}
	if strings.Contains(u.Issuer, ":") || strings.Contains(u.Account, ":") || u.Issuer == "" && u.Account == "" {
		return fmt.Errorf("%w: label", ErrURI)
	}
	return nil
}

func (u *URI) params(q url.Values) error {
	key, err := DecodeKey(q.Get("secret"))
	if err != nil {
		return err
	}
	digits, err := number(q, "digits", MinDigits)
	if err != nil {
		return err
	}
	period, err := number(q, "period", 30)
	if err != nil {
		return err
	}
	if period > 300 || digits > MaxDigits {
		return fmt.Errorf("%w: digits or period", ErrURI)
	}
	p := Params{Key: key, Digits: int(digits), Period: time.Duration(period) * time.Second, Algorithm: Algorithm(strings.ToUpper(q.Get("algorithm")))}
	g, err := New(p)
	if err != nil {
		return err
	}
	u.Params = g.Params()
	if u.Kind == KindHOTP {
		if !q.Has("counter") {
			return fmt.Errorf("%w: hotp without a counter", ErrURI)
		}
		u.Counter, err = number(q, "counter", 0)
	}
	return err
}

// number reads a parameter; zero is accepted for the counter alone.
func number(q url.Values, name string, missing uint64) (uint64, error) {
	s := q.Get(name)
	if s == "" {
		return missing, nil
	}
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil || n == 0 && name != "counter" {
		return 0, fmt.Errorf("%w: %s", ErrURI, name)
	}
	return n, nil
}

// String writes the URI, its key included: treat it as a secret.
func (u URI) String() string {
	label := u.Account
	if u.Issuer != "" {
		label = u.Issuer + ":" + u.Account
	}
	q := url.Values{"secret": {EncodeKey(u.Params.Key)}}
	if u.Issuer != "" {
		q.Set("issuer", u.Issuer)
	}
	if u.Params.Algorithm != SHA1 && u.Params.Algorithm != "" {
		q.Set("algorithm", string(u.Params.Algorithm))
	}
	if u.Params.Digits != MinDigits && u.Params.Digits != 0 {
		q.Set("digits", strconv.Itoa(u.Params.Digits))
	}
	if u.Params.Period != 30*time.Second && u.Params.Period != 0 {
		q.Set("period", strconv.Itoa(int(u.Params.Period/time.Second)))
	}
	if u.Kind == KindHOTP {
		q.Set("counter", strconv.FormatUint(u.Counter, 10))
	}
	// Spaces as %20: some apps show a plus sign otherwise.
	return "otpauth://" + string(u.Kind) + "/" + url.PathEscape(label) + "?" + strings.ReplaceAll(q.Encode(), "+", "%20")
}

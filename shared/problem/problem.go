package problem

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// ContentType is the media type of a problem document (RFC 9457 section 6.1).
const ContentType = "application/problem+json"

const typePrefix = "urn:nod:problem:"

// MaxBytes caps a document that [Parse] takes. Nod's own are far smaller.
const MaxBytes = 64 << 10

// Limits on what Parse keeps of a document that a stranger may have written.
const (
	maxText   = 1000
	maxErrors = 100
)

// Problem is one occurrence of a problem, and an error. Make one with [New]; treat it as immutable once shared.
type Problem struct {
	Code       Code
	Status     int           // HTTP status
	Title      string        // the code's title
	Detail     string        // safe to show to the caller; not meant for end users, and not translated
	RequestID  string        // the server's name for the request; set at the HTTP edge
	Errors     []FieldError  // with ValidationFailed
	RetryAfter time.Duration // header Retry-After, whole seconds; 0 when there is none

	cause error
}

// FieldError is one member or parameter that is wrong.
type FieldError struct {
	// Pointer is a JSON pointer as a URI fragment (RFC 6901 section 6), "#/details/0/label", or "query/wait",
	// "path/user_ref", "header/Idempotency-Key".
	Pointer string `json:"pointer"`
	// Detail says what is wrong. It never repeats the value.
	Detail string `json:"detail"`
}

// New returns a problem with the registry's status, title and detail. A code that is not in the registry gives
// [Internal]: the caller sees no unknown code, and the fault is in the cause.
func New(code Code) *Problem {
	e, ok := Lookup(code)
	if !ok {
		return New(Internal).WithCause(fmt.Errorf("problem code %q is not in the registry", code))
	}
	return &Problem{Code: e.Code, Status: e.Status, Title: e.Title, Detail: e.Detail}
}

// Invalid returns [ValidationFailed] for one member or parameter.
func Invalid(pointer, detail string) *Problem {
	p := New(ValidationFailed)
	p.Errors = []FieldError{{Pointer: pointer, Detail: detail}}
	return p
}

// WithDetail returns a copy with another detail. It must be safe to show and must not repeat what was sent.
func (p *Problem) WithDetail(detail string) *Problem {
	c := *p
	c.Detail = detail
	return &c
}

// WithCause returns a copy that remembers the error behind it. The cause is for the log: it is in Unwrap, and neither
// in Error nor in the document.
func (p *Problem) WithCause(err error) *Problem {
	c := *p
	c.cause = err
	return &c
}

// WithRetryAfter returns a copy that asks to wait. A fraction of a second counts as a whole one.
func (p *Problem) WithRetryAfter(d time.Duration) *Problem {
	c := *p
	c.RetryAfter = max(0, d+time.Second-1).Truncate(time.Second)
	return &c
}

// Error implements error: the code, the detail and the request id, never the cause.
func (p *Problem) Error() string {
	var b strings.Builder
	b.WriteString(string(p.Code))
	if p.Detail != "" {
		b.WriteString(": " + p.Detail)
	}
	for _, f := range p.Errors {
		b.WriteString(" " + f.Pointer + " " + f.Detail + ".")
	}
	if p.RequestID != "" {
		b.WriteString(" (request " + p.RequestID + ")")
	}
	return b.String()
}

// Unwrap returns the cause, nil when there is none.
func (p *Problem) Unwrap() error { return p.cause }

// CodeOf returns the code of the first problem in err's chain; "" when there is none.
func CodeOf(err error) Code {
	var p *Problem
	if errors.As(err, &p) {
		return p.Code
	}
	return ""
}

// From returns the problem in err's chain, or [Internal] with err as its cause. From(nil) is nil.
func From(err error) *Problem {
	if err == nil {
		return nil
	}
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	return New(Internal).WithCause(err)
}

// document is the JSON form. Unknown members are ignored (RFC 9457 section 3.2).
type document struct {
	Type      string       `json:"type"`
	Title     string       `json:"title"`
	Status    int          `json:"status"`
	Detail    string       `json:"detail,omitempty"`
	Code      Code         `json:"code"`
	RequestID string       `json:"request_id"`
	Errors    []FieldError `json:"errors,omitempty"`
}

// MarshalJSON implements json.Marshaler.
func (p *Problem) MarshalJSON() ([]byte, error) {
	return json.Marshal(document{typePrefix + string(p.Code), p.Title, p.Status, p.Detail, p.Code, p.RequestID, p.Errors})
}

// UnmarshalJSON implements json.Unmarshaler with the limits of [Parse].
func (p *Problem) UnmarshalJSON(b []byte) error {
	parsed, err := Parse(b)
	if err != nil {
		return err
	}
	*p = *parsed
	return nil
}

// Parse reads a problem document. It is refused when it is over [MaxBytes], is not JSON or has no sound code and
// status. Codes that this build does not know are kept: a newer server may send one. Texts are cut to sane lengths and
// control characters are replaced, so that the result can be logged.
func Parse(b []byte) (*Problem, error) {
	if len(b) > MaxBytes {
		return nil, errors.New("parse problem: too large")
	}
	var d document
	if err := json.Unmarshal(b, &d); err != nil {
		return nil, fmt.Errorf("parse problem: %w", err)
	}
	if d.Status < 400 || d.Status > 599 || !soundCode(d.Code) {
		return nil, errors.New("parse problem: no code or no error status")
	}
	p := &Problem{Code: d.Code, Status: d.Status, Title: clean(d.Title), Detail: clean(d.Detail), RequestID: clean(d.RequestID)}
	for i, f := range d.Errors {
		if i == maxErrors {
			break
		}
		p.Errors = append(p.Errors, FieldError{Pointer: clean(f.Pointer), Detail: clean(f.Detail)})
	}
	return p, nil
}

func soundCode(c Code) bool {
	return c != "" && len(c) <= 64 && strings.Trim(string(c), "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

func clean(s string) string {
	n := 0
	return strings.Map(func(r rune) rune {
		if n++; n > maxText {
			return -1
		}
		if r < ' ' || r >= 0x7F && r < 0xA0 || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}

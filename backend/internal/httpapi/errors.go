package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/nod-auth/nod/backend/internal/fault"
	"github.com/nod-auth/nod/shared/problem"
	"github.com/nod-auth/nod/shared/protocol"
)

// fail answers a request with the problem in err. It is the only way an error leaves the server. The cause is logged
// here, once: a fault of the server as an error, a refusal at debug level.
func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil && errors.Is(err, context.Canceled) {
		panic(http.ErrAbortHandler) // the caller has gone; there is nobody to tell
	}
	info := from(r.Context())
	p := asProblem(err)
	if p.Code == problem.Internal && a.stopping() {
		p = problem.New(problem.ServerShuttingDown).WithCause(err) // the database is closed under the last requests
	}
	if p.Status == http.StatusServiceUnavailable && p.RetryAfter == 0 {
		p = p.WithRetryAfter(time.Second)
	}
	if !info.failed {
		info.failed = true
		a.logProblem(r.Context(), info, p)
	}
	a.Metrics.problem(string(p.Code))
	a.writeProblem(w, r, p)
}

func (a *API) writeProblem(w http.ResponseWriter, r *http.Request, p *problem.Problem) {
	c := *p
	c.RequestID = from(r.Context()).id
	body, err := json.Marshal(&c)
	if err != nil { // a struct of strings always encodes
		http.Error(w, "internal", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", problem.ContentType)
	h.Del("Content-Length")
	if c.RetryAfter > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64(c.RetryAfter.Seconds()), 10))
	}
	if c.Code == problem.Unauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="nod"`) // RFC 9110 section 11.6.1
	}
	if c.Code == problem.DeviceUnauthorized || c.Code == problem.UseDPoPNonce {
		h.Set("WWW-Authenticate", fmt.Sprintf(`DPoP algs="ES256", error=%q`, c.Code)) // RFC 9449 section 7.1
	}
	w.WriteHeader(c.Status)
	_, _ = w.Write(append(body, '\n'))
}

func (a *API) logProblem(ctx context.Context, info *request, p *problem.Problem) {
	attrs := []any{"request_id", info.id, "operation", info.operation, "code", p.Code, "client", info.client, "actor", info.actor}
	if cause := errors.Unwrap(p); cause != nil {
		attrs = append(attrs, "error", cause.Error())
	}
	if p.Status >= http.StatusInternalServerError && p.Code != problem.ServerShuttingDown {
		a.Log.ErrorContext(ctx, "request failed", attrs...)
		return
	}
	a.Log.DebugContext(ctx, "request refused", attrs...)
}

// logPanic names the place and the type of what was thrown, not its text, which may hold anything of a request.
func (a *API) logPanic(ctx context.Context, thrown any) {
	info := from(ctx)
	cause := fmt.Sprintf("%T", thrown)
	if err, ok := thrown.(error); ok {
		cause = err.Error()
	}
	a.Log.ErrorContext(ctx, "panic in a request", "request_id", info.id, "operation", info.operation, "code", problem.Internal,
		"error", cause, "stack", string(debug.Stack()))
	a.Metrics.problem(string(problem.Internal))
}

// asProblem turns any error of the domain or the protocol into a problem; what it does not know is internal.
func asProblem(err error) *problem.Problem {
	var p *problem.Problem
	if errors.As(err, &p) {
		return p
	}
	var f *fault.Error
	var m *protocol.Error
	isFault, isMessage := errors.As(err, &f), errors.As(err, &m)
	if isMessage && (!isFault || f.Code == fault.SignatureInvalid || f.Code == fault.ValidationFailed || f.Code == fault.MalformedRequest) {
		return fromMessage(m, err) // says more exactly what is wrong with a signed body
	}
	if isFault {
		return fromFault(f, err)
	}
	return problem.New(problem.Internal).WithCause(err)
}

func fromFault(f *fault.Error, err error) *problem.Problem {
	p := problem.New(problem.Code(f.Code)).WithCause(err)
	if p.Code == problem.Internal {
		return p // its text stays inside
	}
	if f.Detail != "" {
		p = p.WithDetail(f.Detail)
	}
	if f.Member != "" {
		p.Errors = []problem.FieldError{{Pointer: pointer(f.Member), Detail: f.Detail}}
		p.Detail = problem.New(p.Code).Detail
	}
	if f.RetryAfter > 0 {
		p = p.WithRetryAfter(f.RetryAfter)
	}
	return p
}

// fromMessage maps what shared/protocol says about a signed message.
func fromMessage(m *protocol.Error, err error) *problem.Problem {
	switch m.Code {
	case protocol.CodeTooLarge:
		return problem.New(problem.BodyTooLarge).WithCause(err)
	case protocol.CodeMalformed, protocol.CodeAlgorithm, protocol.CodeCritical, protocol.CodeType:
		return problem.New(problem.MalformedRequest).WithCause(err)
	case protocol.CodeInvalid, protocol.CodeUnknownMember, protocol.CodeMismatch:
		p := problem.New(problem.ValidationFailed).WithCause(err)
		if m.Member != "" {
			p.Errors = []problem.FieldError{{Pointer: pointer(m.Member), Detail: "is not valid"}}
		}
		return p
	case protocol.CodeExpired:
		return problem.New(problem.ClockSkew).WithCause(err)
	case protocol.CodeSignature, protocol.CodeUnknownKey:
		return problem.New(problem.SignatureInvalid).WithCause(err)
	default:
		return problem.New(problem.Internal).WithCause(err)
	}
}

// pointer turns "details[0].label" and "details.0.label" into "#/details/0/label" (RFC 6901 section 6). What is a
// parameter already, "query/wait", stays.
func pointer(member string) string {
	if len(member) > 0 && member[0] == '#' {
		return member
	}
	out := []byte("#/")
	for i := range len(member) {
		switch c := member[i]; c {
		case '.', '[':
			out = append(out, '/')
		case ']':
		default:
			out = append(out, c)
		}
	}
	return string(out)
}

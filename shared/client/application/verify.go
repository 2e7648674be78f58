package application

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nod-auth/nod/shared/problem"
	"github.com/nod-auth/nod/shared/protocol"
)

// Expect is what the application knows by itself about the approval it waits for. Take it from your own session, never
// from the result or from the browser. Both are required.
type Expect struct {
	Subject     string // the user_ref that is signing in
	Transaction string // the transaction of the challenge
}

// ErrUsed means that the approval was used before.
var ErrUsed = errors.New("the approval was used before")

// NotApprovedError is the error of a genuine result that is not an approval.
type NotApprovedError struct {
	Result *protocol.Result
}

// Error implements error.
func (e *NotApprovedError) Error() string { return "not approved: " + string(e.Result.Status) }

// lateUse bounds how long after its challenge's end an approval can be used. Results are minted at each read, so it is
// the challenge, and not only one result, that must be used once; and a memory of what was used must be able to end.
const lateUse = protocol.ResultLifetime

// Verify checks a result in one call: signature by the tenant, type, issuer, audience, user, transaction, expiry, the
// device's own signature over exactly what it was shown, and that the approval was not used before. It returns no error
// only if the user approved. Other genuine answers are [*NotApprovedError]; a withheld result is the problem
// result_withheld; a second use is [ErrUsed]; anything else is a [*protocol.Error] or a failure to fetch keys. Treat every
// error as "not approved".
func (c *Client) Verify(ctx context.Context, result string, e Expect) (*protocol.Result, error) {
	if result == "" {
		return nil, problem.New(problem.ResultWithheld)
	}
	kid, err := protocol.Peek(result, protocol.TypeResult)
	if err != nil {
		return nil, fmt.Errorf("verify result: %w", err)
	}
	keys, err := c.keys.with(ctx, kid)
	if err != nil {
		return nil, fmt.Errorf("verify result: %w", err)
	}
	want := c.want
	want.Subject, want.Transaction, want.Now = e.Subject, e.Transaction, c.now()
	r, err := protocol.VerifyResult(result, keys, want)
	if err != nil {
		return nil, fmt.Errorf("verify result: %w%s", err, c.clockHint(err))
	}
	if r.Status != protocol.StatusApproved {
		return nil, &NotApprovedError{Result: r}
	}
	if err := c.use(ctx, r, keys); err != nil {
		return nil, err
	}
	return r, nil
}

// use consumes the approval.
func (c *Client) use(ctx context.Context, r *protocol.Result, keys *protocol.Keys) error {
	challenge, _, err := r.VerifyEvidence(keys)
	if err != nil {
		return fmt.Errorf("verify result: %w", err)
	}
	until := challenge.ExpiresAt.Time().Add(lateUse + protocol.Leeway)
	if !c.now().Before(until) {
		return fmt.Errorf("verify result: %w", &protocol.Error{Code: protocol.CodeExpired, Member: "evidence", Detail: "the challenge ended too long ago"})
	}
	first, err := c.replay.Use(ctx, string(r.Challenge), until.Add(time.Second))
	if err != nil {
		return fmt.Errorf("remember the use of the result: %w", err)
	}
	if !first {
		return fmt.Errorf("verify result: %w", ErrUsed)
	}
	return nil
}

// clockHint saves an hour of searching: a result is for two minutes, so a wrong clock refuses all of them.
func (c *Client) clockHint(err error) string {
	offset, measured := c.rest.Offset()
	if !measured || offset.Abs() <= protocol.Leeway || !errors.Is(err, &protocol.Error{Code: protocol.CodeExpired}) {
		return ""
	}
	return fmt.Sprintf(" (this machine's clock and the server's differ by %s)", offset.Abs().Truncate(time.Second))
}

package main

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/nod-auth/nod/shared/client/application"
	"github.com/nod-auth/nod/shared/problem"
	"github.com/nod-auth/nod/shared/protocol"
)

// attempt is one sign-in after the right password. Its id stands in an HttpOnly cookie; its transaction goes to Nod and
// comes back signed.
type attempt struct {
	id          string
	user        string
	transaction string
	challenge   application.CreatedChallenge
	done        chan struct{} // closed when it is decided

	// Written before done is closed, read after.
	result  *protocol.Result // verified; nil when refused
	receipt string
	refused string // the status, or a word why
}

// attempts holds the sign-ins of this process.
type attempts struct {
	mu   sync.Mutex
	byID map[string]*attempt
}

const (
	attemptCookie = "bank_attempt"
	attemptLife   = 30 * time.Minute
)

func (a *attempts) of(r *http.Request) *attempt {
	c, err := r.Cookie(attemptCookie)
	if err != nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.byID[c.Value]
}

func (a *attempts) add(t *attempt) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.byID[t.id] = t
	time.AfterFunc(attemptLife, func() { a.remove(t.id) })
}

func (a *attempts) remove(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.byID, id)
}

// begin asks Nod, and starts the wait at the backend.
func (s *site) begin(r *http.Request, user string) (*attempt, error) {
	t := &attempt{id: protocol.RandomText(24), user: user, transaction: "login-" + protocol.RandomText(16), done: make(chan struct{})}
	host, _, _ := splitHost(r.RemoteAddr)
	made, err := s.nod.CreateChallenge(r.Context(), application.ChallengeRequest{
		UserRef: user, Transaction: t.transaction, Session: "browser-" + user,
		Action:  protocol.Action{Kind: "sign_in"},
		Context: application.Context{IP: host, UserAgent: r.UserAgent(), Location: "Porto, Portugal"},
	})
	if err != nil {
		return nil, err
	}
	t.challenge = made
	go s.await(t) // #nosec G118 -- it outlives the request on purpose: the browser asks again
	return t, nil
}

// await is the decision: nobody is in unless Verify returns no error for this user and this transaction.
func (s *site) await(t *attempt) {
	defer close(t.done)
	ctx, cancel := context.WithTimeout(context.Background(), time.Until(t.challenge.ExpiresAt)+time.Minute)
	defer cancel()
	final, err := s.nod.Wait(ctx, t.challenge.ID)
	if err == nil {
		t.receipt = final.Result
		t.result, err = s.nod.Verify(ctx, final.Result, application.Expect{Subject: t.user, Transaction: t.transaction})
	}
	var no *application.NotApprovedError
	var p *problem.Problem
	switch {
	case err == nil:
	case errors.As(err, &no):
		t.refused = string(no.Result.Status)
	case errors.As(err, &p):
		t.refused = string(p.Code)
	default:
		t.refused = "error"
	}
	s.log.InfoContext(ctx, "sign-in decided", "user", t.user, "challenge", t.challenge.ID, "in", err == nil, "refused", t.refused)
}

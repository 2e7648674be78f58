package devicetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/nod-auth/nod/shared/problem"
	"github.com/nod-auth/nod/shared/protocol"
)

// The operations, as Fail, LoseReplies and Count name them.
const (
	Enroll = "enroll"
	Keys   = "keys"
	Inbox  = "inbox"
	Events = "events"
	Decide = "decide"
	Update = "update"
)

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /device/v1/enrollments", s.operation(Enroll, s.enroll))
	mux.HandleFunc("GET /.well-known/nod/{tenant}/keys", s.operation(Keys, s.keys))
	mux.HandleFunc("GET /device/v1/challenges", s.operation(Inbox, s.inbox))
	mux.HandleFunc("GET /device/v1/events", s.operation(Events, s.events))
	mux.HandleFunc("POST /device/v1/challenges/{id}/decision", s.operation(Decide, s.decide))
	mux.HandleFunc("POST /device/v1/updates", s.operation(Update, s.update))
	return mux
}

// operation counts, and lets a fault happen.
func (s *Server) operation(name string, next func(http.ResponseWriter, *http.Request, string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(io.LimitReader(r.Body, 64<<10)) // a cut body fails to verify
		s.mu.Lock()
		s.counts[name]++
		s.bodies[name] = append(s.bodies[name], string(body))
		w.Header().Set("Date", s.now().UTC().Format(http.TimeFormat))
		w.Header().Set("DPoP-Nonce", s.nonce)
		f := s.faults[name]
		if f != nil && f.left > 0 {
			f.left--
		} else {
			f = nil
		}
		s.mu.Unlock()
		switch {
		case f != nil && f.before != nil:
			f.before(w)
		case f != nil:
			next(&discard{header: http.Header{}}, r, string(body))
			f.after(w)
		default:
			next(w, r, string(body))
		}
	}
}

// discard takes a reply that is lost.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(int)             {}

// Problem writes a problem document.
func Problem(w http.ResponseWriter, code problem.Code) { problemAfter(w, code, 0) }

func problemAfter(w http.ResponseWriter, code problem.Code, retry time.Duration) {
	p := problem.New(code)
	w.Header().Set("Content-Type", problem.ContentType)
	if retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(retry/time.Second)))
	}
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // a client that left
}

// LockOut answers "locked_out" with a Retry-After.
func LockOut(retry time.Duration) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { problemAfter(w, problem.LockedOut, retry) }
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a client that left
}

func (s *Server) enroll(w http.ResponseWriter, _ *http.Request, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, err := protocol.VerifyEnrollment(body)
	if err != nil || e.Audience != s.URL || e.Root != s.root.KeyID() {
		Problem(w, problem.DeviceUnauthorized)
		return
	}
	if off := e.IssuedAt.Time().Sub(s.now()).Abs(); off > protocol.EnrollmentValidity {
		Problem(w, problem.ClockSkew)
		return
	}
	in := s.invitations[e.Token]
	if in == nil || s.now().After(in.expires) || in.raw != "" && in.raw != body {
		Problem(w, problem.InvitationInvalid)
		return
	}
	if in.raw == "" {
		s.register(in, e, body)
	}
	reply(w, http.StatusCreated, map[string]string{"enrolled": in.reply, "keys": s.keysStatement()})
}

func (s *Server) register(in *invitation, e *protocol.Enrollment, body string) {
	d := &device{
		id: protocol.NewID[protocol.DeviceID](), status: "unconfirmed", name: e.Device.Name, handle: e.Handle, user: in.user, push: e.Push,
		code: fmt.Sprintf("%06d", 100000+len(s.devices)), key: e.DeviceKey, approval: e.Approval.JWK,
	}
	raw, err := protocol.Sign(s.signing[len(s.signing)-1], &protocol.Enrolled{
		Issuer: s.URL, Tenant: s.Tenant, Audience: d.id, IssuedAt: protocol.At(s.now()), EnrollmentHash: protocol.Hash(body),
		Enrollment: protocol.NewID[protocol.EnrollmentID](), Company: s.Company, User: in.user, ConfirmCode: d.code,
	})
	if err != nil {
		panic(err)
	}
	in.raw, in.reply = body, raw
	s.devices[d.id] = d
}

func (s *Server) keys(w http.ResponseWriter, _ *http.Request, _ string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Content-Type", protocol.ContentType)
	_, _ = io.WriteString(w, s.keysStatement()) // a client that left
}

// prove checks a proof; the caller holds mu.
func (s *Server) prove(w http.ResponseWriter, r *http.Request) *device {
	raw := r.Header.Get("DPoP")
	if raw == "" {
		Problem(w, problem.UseDPoPNonce)
		return nil
	}
	p, err := protocol.VerifyProof(raw, s.deviceKey)
	if err != nil || p.Method != r.Method || p.URL != s.URL+r.URL.Path {
		Problem(w, problem.DeviceUnauthorized)
		return nil
	}
	if p.Nonce != s.nonce {
		Problem(w, problem.UseDPoPNonce)
		return nil
	}
	d := s.devices[p.Issuer]
	if d == nil || d.status == "revoked" {
		Problem(w, problem.DeviceUnauthorized)
		return nil
	}
	return d
}

func (s *Server) deviceKey(kid protocol.Thumbprint) protocol.JWK {
	for _, d := range s.devices {
		if d.key.Thumbprint() == kid {
			return d.key
		}
	}
	return protocol.JWK{}
}

func (s *Server) inbox(w http.ResponseWriter, r *http.Request, _ string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.prove(w, r)
	if d == nil {
		return
	}
	list := []string{}
	for _, c := range s.pending(d.id) {
		list = append(list, c.raw)
	}
	reply(w, http.StatusOK, map[string]any{"device": map[string]string{"status": d.status}, "keys_seq": s.sequence, "challenges": list})
}

func (s *Server) events(w http.ResponseWriter, r *http.Request, _ string) {
	s.mu.Lock()
	d := s.prove(w, r)
	if d == nil {
		s.mu.Unlock()
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	status, sequence, sent := "", s.sequence, map[string]protocol.ChallengeID{}
	for {
		var out []string
		if d.status != status {
			status = d.status
			out = append(out, event("device", map[string]string{"status": status}))
		}
		if s.sequence != sequence {
			sequence = s.sequence
			out = append(out, event("keys", map[string]uint64{"seq": sequence}))
		}
		out = append(out, s.news(d.id, sent)...)
		changed := s.changed
		s.mu.Unlock()
		for _, e := range out {
			if _, err := io.WriteString(w, e); err != nil {
				return
			}
		}
		w.(http.Flusher).Flush()
		if status == "revoked" {
			return
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
		s.mu.Lock()
	}
}

// news are the challenges that came and ended since the last look.
func (s *Server) news(d protocol.DeviceID, sent map[string]protocol.ChallengeID) []string {
	var out []string
	pending := map[string]bool{}
	for _, c := range s.pending(d) {
		pending[c.raw] = true
		if _, ok := sent[c.raw]; !ok {
			sent[c.raw] = c.id
			out = append(out, event("challenge", map[string]string{"challenge": c.raw}))
		}
	}
	for raw, id := range sent {
		if c := s.find(id); !pending[raw] && c.status.Final() {
			delete(sent, raw)
			out = append(out, event("closed", map[string]string{"id": string(id), "status": string(c.status)}))
		}
	}
	return out
}

func event(name string, data any) string {
	b, err := json.Marshal(data)
	if err != nil {
		panic(err)
	}
	return "event: " + name + "\ndata: " + string(b) + "\n\n"
}

func (s *Server) decide(w http.ResponseWriter, r *http.Request, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var by *device
	var approves bool
	d, err := protocol.VerifyDecision(body, func(kid protocol.Thumbprint) protocol.JWK {
		for _, o := range s.devices {
			if o.key.Thumbprint() == kid || o.approval.Thumbprint() == kid {
				by, approves = o, o.approval.Thumbprint() == kid
				if approves {
					return o.approval
				}
				return o.key
			}
		}
		return protocol.JWK{}
	})
	if err != nil || by.id != d.Issuer || by.status == "revoked" {
		Problem(w, problem.DeviceUnauthorized)
		return
	}
	if code := s.judge(by, d, approves, protocol.ChallengeID(r.PathValue("id")), body); code != "" {
		Problem(w, code)
		return
	}
	reply(w, http.StatusOK, map[string]any{"id": d.Challenge, "status": s.find(d.Challenge).status})
}

// judge records a decision or says why not.
func (s *Server) judge(by *device, d *protocol.Decision, approves bool, id protocol.ChallengeID, body string) problem.Code {
	c := s.find(id)
	switch {
	case c == nil || d.Challenge != id:
		return problem.NotFound
	case c.decision == body && c.status == protocol.StatusFailed:
		return problem.NumberWrong
	case c.decision == body:
		return ""
	}
	s.expire(c)
	switch {
	case d.ChallengeHash != protocol.Hash(c.raw):
		return problem.ChallengeHashMismatch
	case d.Answer == protocol.Report && c.status.Final():
		c.reported = true
		return ""
	case c.status == protocol.StatusExpired:
		return problem.ChallengeExpired
	case c.status.Final():
		return problem.ChallengeAlreadyDecided
	case by.status != "active":
		return problem.DeviceInactive
	case (d.Answer == protocol.Approve) != approves:
		return problem.RequirementNotMet
	case d.Answer == protocol.Approve && d.Counter <= by.counter:
		return problem.CounterRegressed
	}
	by.counter = max(by.counter, d.Counter)
	c.decision, c.decided = body, d
	defer s.notify()
	switch {
	case d.Answer == protocol.Deny:
		c.status = protocol.StatusDenied
	case d.Answer == protocol.Report:
		c.status, c.reported = protocol.StatusReported, true
	case c.content.Match.Mode.Checked() && !c.content.Match.Opens(c.salt, c.id, d.Number):
		c.status = protocol.StatusFailed
		return problem.NumberWrong
	default:
		c.status = protocol.StatusApproved
	}
	return ""
}

func (s *Server) update(w http.ResponseWriter, r *http.Request, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var by *device
	var approves bool
	u, err := protocol.VerifyUpdate(body, func(kid protocol.Thumbprint) protocol.JWK {
		for _, o := range s.devices {
			if o.key.Thumbprint() == kid {
				by = o
				return o.key
			}
			if o.approval.Thumbprint() == kid {
				by, approves = o, true
				return o.approval
			}
		}
		return protocol.JWK{}
	}, func(role protocol.KeyRole) protocol.Thumbprint {
		if role == protocol.RoleApproval {
			return by.approval.Thumbprint()
		}
		return by.key.Thumbprint()
	})
	if errors.Is(err, &protocol.Error{Code: protocol.CodeMismatch}) {
		Problem(w, problem.ValidationFailed)
		return
	}
	if err != nil || by.status == "revoked" || (u.Action == protocol.UpdateReplaceKey) != approves || u.URL != s.URL+r.URL.Path {
		Problem(w, problem.DeviceUnauthorized)
		return
	}
	if u.Nonce != s.nonce {
		Problem(w, problem.UseDPoPNonce)
		return
	}
	if by.lastUpdate == u.ID {
		Problem(w, problem.Replayed)
		return
	}
	by.lastUpdate = u.ID
	by.apply(u)
	s.notify()
	reply(w, http.StatusOK, map[string]string{"status": by.status})
}

func (d *device) apply(u *protocol.Update) {
	switch u.Action {
	case protocol.UpdateRename:
		d.name = u.Name
	case protocol.UpdatePush:
		d.push = u.Push
	case protocol.UpdateUnenroll:
		d.status = "revoked"
	case protocol.UpdateReplaceKey:
		if u.Key.Role == protocol.RoleApproval {
			d.approval = u.Key.JWK
		} else {
			d.key = u.Key.JWK
		}
	}
}

// NewNonce makes every nonce given out so far stale.
func (s *Server) NewNonce() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nonce = protocol.RandomText(16)
}

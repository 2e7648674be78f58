package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/nod-auth/nod/shared/client/application"
	"github.com/nod-auth/nod/shared/problem"
	"github.com/nod-auth/nod/shared/protocol"
)

// verdict is the demo's last line, counted from what happened.
type verdict struct {
	Approved         int  `json:"approved"`
	Denied           int  `json:"denied"`
	Failed           int  `json:"failed"`
	Expired          int  `json:"expired"`
	ReplayRefused    int  `json:"replay_refused"`
	EvidenceVerified bool `json:"evidence_verified"`
}

// tally collects outcomes from scenes that run at the same time.
type tally struct {
	mu sync.Mutex
	verdict
	errs []error
}

// scene is one user, one device, one outcome.
type scene struct {
	user string
	how  []string // nodsim answer flags; %s is the number
	ttl  int
	play func(context.Context, *demo, *tally, scene, played) error
}

// played is a challenge that came to its end.
type played struct {
	invitation protocol.Invitation
	request    application.ChallengeRequest
	final      application.Challenge
}

const shortest = 10 // seconds: the least lifetime of a challenge

var scenes = []scene{
	{user: "approve", how: []string{"--approve", "--number", "%s"}, play: seeApproved},
	{user: "wrong-number", how: []string{"--wrong-number", "--number", "%s"}, play: seeStatus(protocol.StatusFailed)},
	{user: "deny", how: []string{"--deny"}, play: seeStatus(protocol.StatusDenied)},
	{user: "expire", how: []string{"--sleep"}, ttl: shortest, play: seeStatus(protocol.StatusExpired)},
	{user: "replay", how: []string{"--approve", "--number", "%s"}, play: seeReplayRefused},
}

// once plays every scene with real devices over real HTTP and prints the verdict.
func (d *demo) once(ctx context.Context) error {
	d.p.printf("Nod server %s, %d users with a device each. One of them lets its request expire: that takes %d seconds.\n", d.url(), len(scenes), shortest)
	var t tally
	var wg sync.WaitGroup
	for _, s := range scenes {
		wg.Go(func() {
			if err := d.act(ctx, &t, s); err != nil {
				t.mu.Lock()
				t.errs = append(t.errs, fmt.Errorf("%s: %w", s.user, err))
				t.mu.Unlock()
			}
		})
	}
	wg.Wait()
	if t.verdict != (verdict{Approved: 1, Denied: 1, Failed: 1, Expired: 1, ReplayRefused: 1, EvidenceVerified: true}) {
		t.errs = append(t.errs, errors.New("the outcomes are not the expected ones"))
	}
	last, err := json.Marshal(t.verdict)
	if err != nil {
		return err
	}
	d.p.printf("%s\n", last)
	return errors.Join(t.errs...)
}

func (d *demo) act(ctx context.Context, t *tally, s scene) error {
	inv, err := d.enroll(ctx, s.user, "Simulated device")
	if err != nil {
		return err
	}
	p, err := d.ask(ctx, s)
	if err != nil {
		return err
	}
	p.invitation = inv
	return s.play(ctx, d, t, s, p)
}

// ask creates a challenge, lets the device answer it its way, and waits for the end.
func (d *demo) ask(ctx context.Context, s scene) (played, error) {
	request := application.ChallengeRequest{UserRef: s.user, Transaction: "demo-" + protocol.RandomText(12), Action: protocol.Action{Kind: "sign_in"},
		Context: application.Context{IP: "203.0.113.7", Location: "Porto, Portugal"}, TTLSeconds: s.ttl}
	made, err := d.nod.CreateChallenge(ctx, request)
	if err != nil {
		return played{}, fmt.Errorf("create: %w", err)
	}
	args := []string{"answer", "--json", "--state", d.state(s.user)}
	for _, a := range s.how {
		args = append(args, strings.ReplaceAll(a, "%s", made.Match.Number))
	}
	device := d.child(ctx, d.Nodsim, args...)
	device.Stderr = io.Discard // that a wrong number was wrong is what this scene is about
	if err := device.Start(); err != nil {
		return played{}, fmt.Errorf("start nodsim: %w", err)
	}
	final, err := d.nod.Wait(ctx, made.ID)
	var exit *exec.ExitError
	if werr := device.Wait(); werr != nil && !errors.As(werr, &exit) {
		err = errors.Join(err, werr)
	}
	return played{request: request, final: final}, err
}

func (t *tally) note(d *demo, s scene, outcome string, count func(*verdict)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	count(&t.verdict)
	d.p.printf("  %-13s %s\n", s.user, outcome)
}

// seeApproved verifies the result as an application does, and its evidence as an auditor does: offline, under the root
// that the invitation pinned.
func seeApproved(ctx context.Context, d *demo, t *tally, s scene, p played) error {
	r, err := d.nod.Verify(ctx, p.final.Result, application.Expect{Subject: s.user, Transaction: p.request.Transaction})
	if err != nil {
		return err
	}
	keys, err := d.pinnedKeys(ctx, p.invitation)
	if err != nil {
		return err
	}
	_, decision, err := r.VerifyEvidence(keys)
	if err != nil || decision == nil || decision.Answer != protocol.Approve {
		return fmt.Errorf("the evidence does not prove the approval: %w", err)
	}
	t.note(d, s, "approved: right number, result and evidence verified, "+r.ACR, func(v *verdict) { v.Approved++; v.EvidenceVerified = true })
	return nil
}

// pinnedKeys reads the tenant's keys under the pinned root.
func (d *demo) pinnedKeys(ctx context.Context, inv protocol.Invitation) (*protocol.Keys, error) {
	body, _, err := call(ctx, http.MethodGet, d.url()+"/.well-known/nod/"+string(d.tenant.ID)+"/keys", "")
	if err != nil {
		return nil, err
	}
	return protocol.VerifyKeys(strings.TrimSpace(string(body)), inv.Root, 0, time.Now())
}

// seeStatus expects a final status other than approved: a genuine result that lets nobody in.
func seeStatus(want protocol.Status) func(context.Context, *demo, *tally, scene, played) error {
	return func(ctx context.Context, d *demo, t *tally, s scene, p played) error {
		_, err := d.nod.Verify(ctx, p.final.Result, application.Expect{Subject: s.user, Transaction: p.request.Transaction})
		var no *application.NotApprovedError
		if !errors.As(err, &no) || no.Result.Status != want {
			return fmt.Errorf("want %s, got %s: %w", want, p.final.Status, err)
		}
		t.note(d, s, string(want)+": nobody was let in", func(v *verdict) {
			switch want { //nolint:exhaustive // the scenes have no others
			case protocol.StatusDenied:
				v.Denied++
			case protocol.StatusFailed:
				v.Failed++
			case protocol.StatusExpired:
				v.Expired++
			}
		})
		return nil
	}
}

// seeReplayRefused takes the device's own signed approval out of the evidence and sends it for a new request.
func seeReplayRefused(ctx context.Context, d *demo, t *tally, s scene, p played) error {
	r, err := d.nod.Verify(ctx, p.final.Result, application.Expect{Subject: s.user, Transaction: p.request.Transaction})
	if err != nil {
		return err
	}
	made, err := d.nod.CreateChallenge(ctx, application.ChallengeRequest{UserRef: s.user, Transaction: "demo-" + protocol.RandomText(12), Action: protocol.Action{Kind: "sign_in"}})
	if err != nil {
		return fmt.Errorf("create: %w", err)
	}
	body, status, err := call(ctx, http.MethodPost, d.url()+"/device/v1/challenges/"+string(made.ID)+"/decision", r.Evidence.Decision)
	if err != nil {
		return err
	}
	after, err := d.nod.Challenge(ctx, made.ID)
	if err != nil {
		return err
	}
	if status < http.StatusBadRequest || after.Status != protocol.StatusPending {
		return fmt.Errorf("a replayed approval was answered %d and the request is %s", status, after.Status)
	}
	var why problem.Problem
	if err := json.Unmarshal(body, &why); err != nil {
		return fmt.Errorf("read the refusal: %w", err)
	}
	t.note(d, s, fmt.Sprintf("replay refused: %d %s, the new request is still %s", status, why.Code, after.Status), func(v *verdict) { v.ReplayRefused++ })
	_, err = d.nod.Cancel(ctx, made.ID)
	return err
}

// call sends one request to the demo's own server; a body is a compact JWS.
func call(ctx context.Context, method, url, jws string) (body []byte, status int, err error) {
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(jws))
	if err != nil {
		return nil, 0, err
	}
	if jws != "" {
		r.Header.Set("Content-Type", protocol.ContentType)
	}
	resp, err := local.Do(r)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err = io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return body, resp.StatusCode, err
}

package device_test

import (
	"context"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/nod-auth/nod/mobile/device"
	"github.com/nod-auth/nod/mobile/device/devicetest"
	"github.com/nod-auth/nod/shared/protocol"
)

// TestT05_T13_WhateverBreaksTheServerAndTheHistoryAgree lets replies get lost, saves
// die and the program restart at random, and then compares what the device
// believes with what the server has.
func TestT05_T13_WhateverBreaksTheServerAndTheHistoryAgree(t *testing.T) {
	s := devicetest.New(t)
	rapid.Check(t, func(rt *rapid.T) {
		r := newRig(t, nil)
		defer func() { _ = r.core.Close() }()
		user := protocol.RandomText(8)
		r.enroll(s, user)
		var asked []protocol.ChallengeID
		ctx := context.Background()
		for range rapid.IntRange(1, 25).Draw(rt, "steps") {
			switch rapid.SampledFrom([]string{"ask", "sync", "decide", "decide", "lose", "down", "kill", "restart", "close"}).Draw(rt, "step") {
			case "ask":
				id, _ := s.Ask(user, nil)
				asked = append(asked, id)
				_ = r.core.Sync(ctx) // may be cut off
			case "sync":
				_ = r.core.Sync(ctx)
			case "decide":
				decideAny(ctx, rt, r)
			case "lose":
				s.LoseReplies(devicetest.Decide, 1)
			case "down":
				s.Fail(devicetest.Decide, 1, 502)
			case "kill":
				r.core.KillAtByte(rapid.IntRange(0, 4000).Draw(rt, "byte"))
			case "restart":
				r.reopen()
			case "close":
				if len(asked) > 0 {
					if id := rapid.SampledFrom(asked).Draw(rt, "which"); s.Decision(id) == nil {
						s.Close(id, protocol.StatusCanceled)
					}
				}
			}
		}
		s.Fail(devicetest.Decide, 0, 0)
		r.reopen() // a network and a disk that work again
		r.sync()
		checkAgreement(rt, s, r, asked)
	})
}

func decideAny(ctx context.Context, rt *rapid.T, r *rig) {
	list := r.core.Pending()
	if len(list) == 0 {
		return
	}
	c := rapid.SampledFrom(list).Draw(rt, "challenge")
	p := device.DecideParams{Account: c.Account, Challenge: c.ID, Answer: rapid.SampledFrom([]protocol.Answer{protocol.Approve, protocol.Deny}).Draw(rt, "answer")}
	if p.Answer == protocol.Approve {
		p.Number, p.Verification = rapid.SampledFrom([]string{"47", "99"}).Draw(rt, "number"), withPIN(pin)
	}
	if _, err := r.core.Decide(ctx, p); err != nil && !errors.Is(err, device.ErrStateIO) {
		rt.Fatalf("decide: %v", err)
	}
}

func checkAgreement(rt *rapid.T, s *devicetest.Server, r *rig, asked []protocol.ChallengeID) {
	history := map[protocol.ChallengeID]device.Entry{}
	for _, e := range r.core.Activity() {
		history[e.Challenge] = e
	}
	if n := r.core.Diagnostics().Accounts[0].Unsent; n != 0 {
		rt.Errorf("%d answers were never settled", n)
	}
	counters := map[uint64]bool{}
	for _, id := range asked {
		status, _ := s.Status(id)
		d := s.Decision(id)
		if d == nil {
			continue
		}
		if counters[d.Counter] {
			rt.Errorf("the counter %d was used twice", d.Counter)
		}
		counters[d.Counter] = true
		if e, ok := history[id]; !ok || e.Status != status {
			rt.Errorf("the server has %s, the history %q (known: %t)", status, e.Status, ok)
		}
	}
}

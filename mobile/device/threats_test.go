package device_test

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nod-auth/nod/mobile/device"
	"github.com/nod-auth/nod/mobile/device/devicetest"
	"github.com/nod-auth/nod/shared/protocol"
)

func TestT04_AnAddressIsSignedByTheDeviceKeyAndNotKeptOnDisk(t *testing.T) {
	s, r := devicetest.New(t), newRig(t, nil)
	a := r.enroll(s, "ada")
	ctx := context.Background()
	address := &protocol.PushAddress{Channel: "webpush", Address: "https://push.example.com/abc", Auth: "canary-push-secret"}
	for range 2 { // the second time nothing is sent
		if err := r.core.SetPush(ctx, a.ID, address); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.PushAddress(a.Device); got == nil || got.Address != address.Address {
		t.Errorf("the server has %+v", got)
	}
	sent := s.Bodies(devicetest.Update)
	if len(sent) != 1 {
		t.Fatalf("%d updates were sent, want 1", len(sent))
	}
	kid, err := protocol.Peek(sent[0], protocol.TypeUpdate)
	if deviceKey, _ := s.DeviceKeys(a.Device); err != nil || kid != deviceKey {
		t.Errorf("signed by %s, %v", kid, err)
	}
	data, err := os.ReadFile(r.dir + "/device.json")
	if err != nil || strings.Contains(string(data), "canary-push-secret") || strings.Contains(string(data), "push.example.com") {
		t.Errorf("the address is on disk, or %v", err)
	}
	if err := r.core.SetPush(ctx, a.ID, nil); err != nil || s.PushAddress(a.Device) != nil {
		t.Errorf("push did not end: %v", err)
	}
}

func TestT05_ALostReplyIsAskedForAgainWithTheSameBytes(t *testing.T) {
	s, r := devicetest.New(t), newRig(t, nil)
	r.enroll(s, "ada")
	id, number := s.Ask("ada", nil)
	r.sync()
	s.LoseReplies(devicetest.Decide, 1)
	c := r.one()
	if out := r.decide(c, protocol.Approve, number); out.Kind != device.OutcomeOffline {
		t.Fatalf("outcome is %+v", out)
	}
	if got := r.one().Sending; got != protocol.Approve {
		t.Errorf("sending %q", got)
	}
	r.reopen() // a kill between
	r.sync()
	sent := s.Bodies(devicetest.Decide)
	if len(sent) != 2 || sent[0] != sent[1] {
		t.Fatalf("%d decisions were sent, the same: %t", len(sent), len(sent) == 2 && sent[0] == sent[1])
	}
	if status, _ := s.Status(id); status != protocol.StatusApproved {
		t.Errorf("the server says %s", status)
	}
	if h := r.core.Activity(); len(h) != 1 || h[0].Status != protocol.StatusApproved {
		t.Errorf("activity is %+v", h)
	}
	r.sync()
	if n := s.Count(devicetest.Decide); n != 2 {
		t.Errorf("%d decisions were sent in the end", n)
	}
}

func TestT05_TheSameAnswerTwiceIsOneDecision(t *testing.T) {
	s, r := devicetest.New(t), newRig(t, nil)
	r.enroll(s, "ada")
	id, number := s.Ask("ada", nil)
	r.sync()
	s.LoseReplies(devicetest.Decide, 1)
	c := r.one()
	r.decide(c, protocol.Approve, number)
	if out := r.decide(c, protocol.Approve, number); out.Kind != device.OutcomeApproved {
		t.Errorf("outcome is %+v", out)
	}
	if sent := s.Bodies(devicetest.Decide); sent[0] != sent[1] {
		t.Error("the second time other bytes were sent")
	}
	if d := s.Decision(id); d.Counter != 1 {
		t.Errorf("counter is %d", d.Counter)
	}
}

func TestT06_AChallengeThatWasAlteredOrSwappedIsNotShown(t *testing.T) {
	s, r := devicetest.New(t), newRig(t, nil)
	a := r.enroll(s, "ada")
	id, _ := s.Ask("ada", nil)
	r.sync()
	genuine := r.one()
	raw := s.Raw(id)
	payload := strings.Split(raw, ".")
	t.Run("an altered payload", func(t *testing.T) {
		s.Replace(id, payload[0]+"."+payload[1][:40]+"A"+payload[1][41:]+"."+payload[2])
		r.sync()
		if len(r.core.Pending()) != 0 {
			t.Error("it is shown")
		}
		if d := r.core.Diagnostics().Accounts[0]; d.Refused != 1 {
			t.Errorf("%d are counted as refused", d.Refused)
		}
	})
	t.Run("other content under the id of one that is shown", func(t *testing.T) {
		s.Replace(id, raw)
		r.sync()
		s.Ask("ada", func(c *protocol.Challenge) { c.ID, c.Action.Title = id, "Send all the money" })
		r.sync()
		if c := r.one(); c.Action.Title != genuine.Action.Title {
			t.Errorf("the title became %q", c.Action.Title)
		}
	})
	t.Run("the answer is over the bytes that were shown", func(t *testing.T) {
		out := r.decide(r.one(), protocol.Deny, "")
		if d := s.Decision(id); out.Kind != device.OutcomeDenied || d.ChallengeHash != protocol.Hash(raw) || d.Issuer != a.Device {
			t.Errorf("outcome %+v, decision %+v", out, d)
		}
	})
}

func TestT12_AChallengeByAnotherKeyIsNotShown(t *testing.T) {
	s, r := devicetest.New(t), newRig(t, nil)
	r.enroll(s, "ada")
	s.AskAs(s.UseStrangeKey(), "ada", nil)
	r.sync()
	if len(r.core.Pending()) != 0 {
		t.Error("it is shown")
	}
	if n := s.Count(devicetest.Keys); n != 1 {
		t.Errorf("the keys were fetched %d times for an unknown key, want once", n)
	}
	s.AskAs(s.UseStrangeKey(), "ada", nil)
	r.sync()
	if n := s.Count(devicetest.Keys); n != 1 {
		t.Errorf("a flood of unknown keys fetched %d times", n)
	}
}

func TestT12_ANewSigningKeyIsLearned(t *testing.T) {
	s, r := devicetest.New(t), newRig(t, nil)
	r.enroll(s, "ada")
	s.RotateSigningKey()
	s.Ask("ada", nil)
	r.sync()
	r.one()
	if d := r.core.Diagnostics().Accounts[0]; d.KeysSequence != 2 {
		t.Errorf("sequence is %d", d.KeysSequence)
	}
	t.Run("and an older list is refused", func(t *testing.T) {
		s.RollBackKeys()
		s.Ask("ada", nil)
		r.ahead.Add(int64(time.Minute)) // keys may be fetched again
		fetched := s.Count(devicetest.Keys)
		r.sync()
		if s.Count(devicetest.Keys) != fetched+1 {
			t.Error("the older list was not even looked at")
		}
		if n := len(r.core.Pending()); n != 1 {
			t.Errorf("%d are shown, want the first only", n)
		}
		if d := r.core.Diagnostics().Accounts[0]; d.KeysSequence != 2 || d.Refused != 1 {
			t.Errorf("sequence %d, refused %d", d.KeysSequence, d.Refused)
		}
	})
	t.Run("also after a restart", func(t *testing.T) {
		r.reopen()
		r.sync()
		if d := r.core.Diagnostics().Accounts[0]; d.KeysSequence != 2 {
			t.Errorf("sequence is %d", d.KeysSequence)
		}
	})
}

func TestT12_InvitationsThatMustNotBeFollowed(t *testing.T) {
	r := newRig(t, nil)
	tail := "#t=" + protocol.RandomText(32) + "&k=" + protocol.RandomText(32)
	for name, tc := range map[string]struct {
		uri  string
		want error
	}{
		"plain http":             {"nod://enroll?s=http://auth.example.com" + tail, device.ErrInsecure},
		"an address":             {"nod://enroll?s=https://192.0.2.1" + tail, device.ErrInsecure},
		"user information":       {"nod://enroll?s=https://bank.example@evil.example" + tail, device.ErrInsecure},
		"a token in the query":   {"nod://enroll?s=https://auth.example.com&t=" + protocol.RandomText(32), device.ErrInvitation},
		"another scheme":         {"other://enroll?s=https://auth.example.com" + tail, device.ErrInvitation},
		"a link to another host": {"https://evil.example/enroll?s=https://auth.example.com" + tail, device.ErrInvitation},
		"any text":               {"hello", device.ErrInvitation},
		"nothing":                {"", device.ErrInvitation},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := r.core.Inspect(tc.uri); !errors.Is(err, tc.want) {
				t.Errorf("error is %v", err)
			}
		})
	}
	t.Run("a good one is read without any request", func(t *testing.T) {
		in, err := r.core.Inspect("  nod://enroll?s=https://auth.example.com&n=Bank&u=Ada" + tail + "\n")
		if err != nil || in.Host != "auth.example.com" || in.Company != "Bank" || in.User != "Ada" || in.Level != protocol.LevelSoftware || in.Plain {
			t.Errorf("invitation is %+v, %v", in, err)
		}
	})
	t.Run("a branded app accepts its own hosts only", func(t *testing.T) {
		branded := newRig(t, func(p *device.Params) { p.Hosts = []string{"auth.brand.example"} })
		if _, err := branded.core.Inspect("nod://enroll?s=https://auth.example.com" + tail); !errors.Is(err, device.ErrHostNotAllowed) {
			t.Errorf("error is %v", err)
		}
	})
}

func TestT12_AReplyThatCannotBeTrustedAddsNothing(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*protocol.Invitation)
		want   error
	}{
		"another company than invited":       {func(i *protocol.Invitation) { i.Company = "Another Bank" }, device.ErrHintsDiffer},
		"another user than invited":          {func(i *protocol.Invitation) { i.User = "eve" }, device.ErrHintsDiffer},
		"a root that is not the pinned one":  {func(i *protocol.Invitation) { i.Root = protocol.Thumbprint(protocol.RandomText(32)) }, device.ErrRefused},
		"an invitation the server knows not": {func(i *protocol.Invitation) { i.Token = protocol.RandomText(32) }, device.ErrRefused},
	} {
		t.Run(name, func(t *testing.T) {
			s, r := devicetest.New(t), newRig(t, nil)
			in := s.Invitation("ada")
			tc.change(&in)
			if _, err := r.core.Enroll(context.Background(), r.enrollParams(in.URI(protocol.Scheme))); !errors.Is(err, tc.want) {
				t.Errorf("error is %v", err)
			}
			if n := len(r.core.Accounts()); n != 0 {
				t.Errorf("%d accounts were added", n)
			}
		})
	}
}

func TestT13_TheCounterIsNeverUsedTwice(t *testing.T) {
	s, r := devicetest.New(t), newRig(t, nil)
	r.enroll(s, "ada")
	last := uint64(0)
	for i := range 4 {
		id, _ := s.Ask("ada", nil)
		r.sync()
		if i == 1 { // sent, the reply lost, killed, answered anew otherwise
			s.LoseReplies(devicetest.Decide, 1)
			r.decide(r.one(), protocol.Deny, "")
			r.reopen()
			r.sync()
		} else {
			r.decide(r.one(), protocol.Deny, "")
		}
		if d := s.Decision(id); d == nil || d.Counter <= last {
			t.Fatalf("decision %d is %+v, the last counter was %d", i, d, last)
		} else {
			last = d.Counter
		}
		r.reopen()
	}
}

func TestT16_NothingButDecideApproves(t *testing.T) {
	s, r := devicetest.New(t), newRig(t, nil)
	a := r.enroll(s, "ada")
	id, _ := s.Ask("ada", nil)
	r.run()
	r.until("the challenge is shown", func() bool { return len(r.core.Pending()) == 1 })
	for range 3 { // a wake-up with the challenge, as a notification's tap would give
		r.core.Wake(a.WakeHandle, "fcm")
		r.sync()
	}
	if n := s.Count(devicetest.Decide); n != 0 {
		t.Errorf("%d decisions were sent", n)
	}
	if status, _ := s.Status(id); status != protocol.StatusPending {
		t.Errorf("the server says %s", status)
	}
}

func TestT42_AClockThatIsADayOff(t *testing.T) {
	for name, skew := range map[string]time.Duration{"the device is a day late": 24 * time.Hour, "the device is a day early": -24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			s, r := devicetest.New(t), newRig(t, nil)
			s.Skew(skew)
			r.enroll(s, "ada")
			_, number := s.Ask("ada", nil)
			r.reopen()
			r.sync()
			c := r.one()
			if left := time.Until(c.Deadline); left < 80*time.Second || left > 92*time.Second {
				t.Errorf("time left is %s", left)
			}
			if out := r.decide(c, protocol.Approve, number); out.Kind != device.OutcomeApproved {
				t.Errorf("outcome is %+v", out)
			}
			d := r.core.Diagnostics().Accounts[0]
			if off := (d.ClockSkew + skew).Abs(); off > 3*time.Second || !d.ClockKnown {
				t.Errorf("clock skew is %s", d.ClockSkew)
			}
		})
	}
}

func TestAChallengeWithUnknownMembersCanOnlyBeDenied(t *testing.T) {
	s, r := devicetest.New(t), newRig(t, nil)
	r.enroll(s, "ada")
	s.Ask("ada", func(c *protocol.Challenge) { c.Requirements.KeyLevel = protocol.LevelTPM })
	r.sync()
	c := r.one()
	if len(c.Blockers) != 1 || c.Blockers[0] != device.BlockKeyLevel {
		t.Errorf("blockers are %v", c.Blockers)
	}
	p := device.DecideParams{Account: c.Account, Challenge: c.ID, Answer: protocol.Approve, Number: "47", Verification: withPIN(pin)}
	if _, err := r.core.Decide(context.Background(), p); !errors.Is(err, device.ErrCannotApprove) {
		t.Errorf("error is %v", err)
	}
	if out := r.decide(c, protocol.Deny, ""); out.Kind != device.OutcomeDenied {
		t.Errorf("outcome is %+v", out)
	}
}

func TestServerAnswersThatAreNotNods(t *testing.T) {
	s, r := devicetest.New(t), newRig(t, nil)
	r.enroll(s, "ada")
	id, number := s.Ask("ada", nil)
	r.sync()
	s.Fail(devicetest.Decide, 2, http.StatusBadGateway)
	if out := r.decide(r.one(), protocol.Approve, number); out.Kind != device.OutcomeOffline {
		t.Errorf("outcome is %+v", out)
	}
	if err := r.core.Sync(context.Background()); !errors.Is(err, device.ErrOffline) {
		t.Errorf("error is %v", err)
	}
	r.sync()
	if status, _ := s.Status(id); status != protocol.StatusApproved {
		t.Errorf("the server says %s", status)
	}
}

func TestT05_AnotherAnswerAfterALostReplyTellsWhatTheServerHas(t *testing.T) {
	s, r := devicetest.New(t), newRig(t, nil)
	r.enroll(s, "ada")
	t.Run("the first answer had arrived", func(t *testing.T) {
		id, number := s.Ask("ada", nil)
		r.sync()
		s.LoseReplies(devicetest.Decide, 1)
		c := r.one()
		r.decide(c, protocol.Approve, number)
		if out := r.decide(c, protocol.Deny, ""); out.Kind != device.OutcomeApproved {
			t.Errorf("outcome is %+v", out)
		}
		if status, _ := s.Status(id); status != protocol.StatusApproved || r.core.Activity()[0].Answer != protocol.Approve {
			t.Errorf("the server says %s, the history %+v", status, r.core.Activity()[0])
		}
	})
	t.Run("the first answer had not arrived", func(t *testing.T) {
		id, number := s.Ask("ada", nil)
		r.sync()
		s.Fail(devicetest.Decide, 1, http.StatusBadGateway)
		c := r.one()
		r.decide(c, protocol.Approve, number)
		if out := r.decide(c, protocol.Deny, ""); out.Kind != device.OutcomeDenied {
			t.Errorf("outcome is %+v", out)
		}
		if status, _ := s.Status(id); status != protocol.StatusDenied {
			t.Errorf("the server says %s", status)
		}
	})
}

func TestT12_AServerWithAnUntrustedCertificateHearsNothing(t *testing.T) {
	heard := 0
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { heard++ }))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.StartTLS()
	defer s.Close()
	r := newRig(t, nil)
	in := protocol.Invitation{Server: s.URL, Token: protocol.RandomText(32), Root: protocol.Thumbprint(protocol.RandomText(32))}
	_, err := r.core.Enroll(context.Background(), r.enrollParams(in.URI(protocol.Scheme)))
	if !errors.Is(err, device.ErrOffline) || !errors.As(err, new(*tls.CertificateVerificationError)) {
		t.Errorf("error is %v", err)
	}
	if heard != 0 {
		t.Errorf("%d requests were heard", heard)
	}
	if a := r.core.Accounts()[0]; a.Status != device.AccountRegistering {
		t.Errorf("account is %s", a.Status)
	}
	if err := r.core.Forget(context.Background(), r.core.Accounts()[0].ID); err != nil || len(r.core.Accounts()) != 0 {
		t.Errorf("the enrollment cannot be given up: %v", err)
	}
}

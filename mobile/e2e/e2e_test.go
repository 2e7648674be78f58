package e2e_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nod-auth/nod/mobile/device"
	"github.com/nod-auth/nod/shared/client/application"
	"github.com/nod-auth/nod/shared/problem"
	"github.com/nod-auth/nod/shared/protocol"
)

func TestEnrollConfirmApproveVerify(t *testing.T) {
	s, p := newServer(t), newPhone(t, nil)
	e, a := p.register(s, "ada")
	if a.Status != device.AccountUnconfirmed || len(a.ConfirmCode) != protocol.ConfirmDigits || a.Label() != "Person ada" {
		t.Fatalf("account is %+v", a)
	}
	got, err := s.client.Confirm(t.Context(), e.ID, a.ConfirmCode)
	if err != nil || got.Status != application.EnrollmentActive {
		t.Fatalf("enrollment is %+v, %v", got, err)
	}
	p.run()
	eventually(t, "the account is active", func() bool { a, _ := p.core.Account(a.ID); return a.Status == device.AccountActive })
	made := s.ask("ada", nil)
	eventually(t, "the challenge is shown", func() bool { return len(p.core.Pending()) == 1 })
	c := p.one()
	if c.ID != made.ID || c.Context.Location != "Porto, Portugal" || len(c.Blockers) != 0 {
		t.Errorf("challenge is %+v", c)
	}
	if out := p.decide(c, protocol.Approve, made.Match.Number); out.Kind != device.OutcomeApproved {
		t.Fatalf("outcome is %+v", out)
	}
	end := s.result(made.ID)
	result, err := s.client.Verify(t.Context(), end.Result, application.Expect{Subject: "ada", Transaction: made.Transaction})
	if err != nil {
		t.Fatal(err)
	}
	if result.ACR != protocol.ACRNumberUser || result.Level != protocol.LevelSoftware || result.Device.ID != a.Device {
		t.Errorf("result is %+v", result)
	}
	if _, err := s.client.Verify(t.Context(), end.Result, application.Expect{Subject: "ada", Transaction: made.Transaction}); !errors.Is(err, application.ErrUsed) {
		t.Errorf("a second use: %v", err)
	}
}

func TestWrongNumberDenyReportExpiry(t *testing.T) {
	s, p := newServer(t), newPhone(t, nil)
	p.account(s, "ada")
	other := func(n string) string {
		if n == "11" {
			return "22"
		}
		return "11"
	}
	for _, tc := range []struct {
		name   string
		answer protocol.Answer
		number func(string) string
		want   device.OutcomeKind
		status protocol.Status
	}{
		{"a wrong number", protocol.Approve, other, device.OutcomeNumberWrong, protocol.StatusFailed},
		{"deny", protocol.Deny, func(string) string { return "" }, device.OutcomeDenied, protocol.StatusDenied},
		{"report", protocol.Report, func(string) string { return "" }, device.OutcomeReported, protocol.StatusReported},
	} {
		t.Run(tc.name, func(t *testing.T) {
			made := s.ask("ada", nil)
			p.sync()
			if out := p.decide(p.one(), tc.answer, tc.number(made.Match.Number)); out.Kind != tc.want || out.Status != tc.status {
				t.Errorf("outcome is %+v", out)
			}
			if end := s.result(made.ID); end.Status != tc.status {
				t.Errorf("the server says %s", end.Status)
			}
		})
	}
	t.Run("expired, then reported", func(t *testing.T) {
		made := s.ask("ada", func(r *application.ChallengeRequest) { r.TTLSeconds = 10 })
		p.sync()
		c := p.one()
		eventually(t, "it is gone here", func() bool { return len(p.core.Pending()) == 0 })
		if end := s.result(made.ID); end.Status != protocol.StatusExpired {
			t.Errorf("the server says %s", end.Status)
		}
		if out := p.decide(c, protocol.Report, ""); out.Kind != device.OutcomeReported {
			t.Errorf("outcome is %+v", out)
		}
		if end := s.result(made.ID); !end.Reported || end.Status != protocol.StatusExpired {
			t.Errorf("the server says %+v", end)
		}
	})
}

func TestT05_LostRepliesAreAskedForAgainWithTheSameBytes(t *testing.T) {
	s, p := newServer(t), newPhone(t, nil)
	e, err := s.client.CreateEnrollment(t.Context(), application.EnrollmentRequest{UserRef: "ada"})
	if err != nil {
		t.Fatal(err)
	}
	p.net.loseNext("/enrollments")
	if _, err := p.enroll(e.InvitationURI); !errors.Is(err, device.ErrOffline) {
		t.Fatalf("error is %v", err)
	}
	p.reopen()
	p.sync()
	if sent := p.net.bodies(); len(sent) != 2 || sent[0] != sent[1] {
		t.Fatalf("%d enrollments were sent, or other bytes", len(sent))
	}
	if _, err := s.client.Confirm(t.Context(), e.ID, p.core.Accounts()[0].ConfirmCode); err != nil {
		t.Fatal(err)
	}
	p.sync()
	made := s.ask("ada", nil)
	p.sync()
	p.net.loseNext("/decision")
	if out := p.decide(p.one(), protocol.Approve, made.Match.Number); out.Kind != device.OutcomeOffline {
		t.Fatalf("outcome is %+v", out)
	}
	p.reopen()
	p.sync()
	if sent := p.net.bodies(); len(sent) != 2 || sent[0] != sent[1] {
		t.Fatalf("%d decisions were sent, or other bytes", len(sent))
	}
	if h := p.core.Activity(); len(h) != 1 || h[0].Status != protocol.StatusApproved {
		t.Errorf("activity is %+v", h)
	}
	if end := s.result(made.ID); end.Status != protocol.StatusApproved {
		t.Errorf("the server says %s", end.Status)
	}
}

func TestAServerThatIsKilledAndComesBack(t *testing.T) {
	s, p := newServer(t), newPhone(t, nil)
	p.account(s, "ada")
	p.run()
	made := s.ask("ada", func(r *application.ChallengeRequest) { r.TTLSeconds = 300 })
	eventually(t, "the challenge is shown", func() bool { return len(p.core.Pending()) == 1 })
	c := p.one()
	s.kill()
	if out := p.decide(c, protocol.Approve, made.Match.Number); out.Kind != device.OutcomeOffline {
		t.Fatalf("outcome is %+v", out)
	}
	s.restart()
	p.core.Wake("", "network")
	if end := s.result(made.ID); end.Status != protocol.StatusApproved {
		t.Errorf("the server says %s", end.Status)
	}
	eventually(t, "the outcome is known here", func() bool {
		h := p.core.Activity()
		return len(h) == 1 && h[0].Status == protocol.StatusApproved
	})
	next := s.ask("ada", nil)
	eventually(t, "the next challenge comes by the new stream", func() bool { l := p.core.Pending(); return len(l) == 1 && l[0].ID == next.ID })
}

func TestTwoAccountsOnTwoServers(t *testing.T) {
	s1, s2, p := newServer(t), newServer(t), newPhone(t, nil)
	p.account(s1, "ada")
	p.account(s2, "ada")
	p.account(s2, "bob")
	p.run()
	numbers := map[protocol.ChallengeID]string{}
	for _, a := range []struct {
		s    *server
		user string
	}{{s1, "ada"}, {s2, "ada"}, {s2, "bob"}} {
		made := a.s.ask(a.user, nil)
		numbers[made.ID] = made.Match.Number
	}
	eventually(t, "all are shown", func() bool { return len(p.core.Pending()) == 3 })
	for _, c := range p.core.Pending() {
		if out := p.decide(c, protocol.Approve, numbers[c.ID]); out.Kind != device.OutcomeApproved {
			t.Errorf("outcome is %+v", out)
		}
	}
}

func TestASecondDeviceIsApprovedByTheFirst(t *testing.T) {
	s, first, second := newServer(t), newPhone(t, nil), newPhone(t, nil)
	first.account(s, "ada")
	e, a := second.register(s, "ada")
	got, err := s.client.Confirm(t.Context(), e.ID, a.ConfirmCode)
	if err != nil || got.Status != application.EnrollmentAwaitingApproval {
		t.Fatalf("enrollment is %+v, %v", got, err)
	}
	first.sync()
	c := first.one()
	if c.Action.Kind != "add_device" {
		t.Errorf("the first device is asked for %q", c.Action.Kind)
	}
	if out := first.decide(c, protocol.Approve, got.Approval.Match.Number); out.Kind != device.OutcomeApproved {
		t.Fatalf("outcome is %+v", out)
	}
	eventually(t, "the second device is active", func() bool {
		second.sync()
		a, _ := second.core.Account(a.ID)
		return a.Status == device.AccountActive
	})
	made := s.ask("ada", nil)
	first.sync()
	second.sync()
	c = first.one()
	if out := second.decide(second.one(), protocol.Deny, ""); out.Kind != device.OutcomeDenied {
		t.Errorf("outcome is %+v", out)
	}
	if out := first.decide(c, protocol.Approve, made.Match.Number); out.Kind != device.OutcomeDecidedElsewhere {
		t.Errorf("the slower device: %+v", out)
	}
}

func TestT04_PushAddressRenameAndUnenroll(t *testing.T) {
	s, p := newServer(t), newPhone(t, nil)
	a := p.account(s, "ada")
	ctx := t.Context()
	if err := p.core.Rename(ctx, a.ID, "Ada's laptop"); err != nil {
		t.Fatal(err)
	}
	address := &protocol.PushAddress{Channel: "fcm", Kind: "token", Address: "registration-1", App: "app.example"}
	if err := p.core.SetPush(ctx, a.ID, address); err != nil {
		t.Fatal(err)
	}
	list, err := s.client.Devices(ctx, "ada")
	if err != nil || len(list) != 1 || list[0].Name != "Ada's laptop" {
		t.Fatalf("devices are %+v, %v", list, err)
	}
	if err := p.core.Unenroll(ctx, a.ID); err != nil {
		t.Fatal(err)
	}
	if len(p.core.Accounts()) != 0 {
		t.Error("the account is still here")
	}
	if list, err = s.client.Devices(ctx, "ada"); err != nil || len(list) > 0 && list[0].Status != application.DeviceRevoked {
		t.Errorf("devices are %+v, %v", list, err)
	}
}

func TestKeysAreReplaced(t *testing.T) {
	s, p := newServer(t), newPhone(t, nil)
	a := p.account(s, "ada")
	params := device.RotateParams{Account: a.ID, Current: verification(), New: verification()}
	if err := p.core.RotateKeys(t.Context(), params); err != nil {
		t.Fatal(err)
	}
	for range 2 { // device key, then approval key, with the reply lost
		p.net.loseNext("/updates")
		if err := p.core.RotateKeys(t.Context(), params); !errors.Is(err, device.ErrOffline) {
			t.Fatalf("error is %v", err)
		}
		p.reopen()
		p.sync()
		if d := p.core.Diagnostics().Accounts[0]; d.Unsent != 0 {
			t.Errorf("%d are still open", d.Unsent)
		}
	}
	made := s.ask("ada", nil)
	p.sync()
	if out := p.decide(p.one(), protocol.Approve, made.Match.Number); out.Kind != device.OutcomeApproved {
		t.Errorf("outcome is %+v", out)
	}
	if end := s.result(made.ID); end.Status != protocol.StatusApproved {
		t.Errorf("the server says %s", end.Status)
	}
}

func TestT42_ADeviceWhoseClockIsADayOff(t *testing.T) {
	for name, off := range map[string]time.Duration{"ahead": 24 * time.Hour, "behind": -24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			p := newPhone(t, func() time.Time { return time.Now().Add(off) })
			p.account(s, "ada")
			made := s.ask("ada", nil)
			p.sync()
			c := p.one()
			if left := c.Deadline.Sub(p.now()); left < 80*time.Second || left > 92*time.Second {
				t.Errorf("time left is %s", left)
			}
			if out := p.decide(c, protocol.Approve, made.Match.Number); out.Kind != device.OutcomeApproved {
				t.Errorf("outcome is %+v", out)
			}
		})
	}
}

func TestT12_TheServersRefusalsAddNoAccount(t *testing.T) {
	s, p := newServer(t), newPhone(t, nil)
	e, err := s.client.CreateEnrollment(t.Context(), application.EnrollmentRequest{UserRef: "ada"})
	if err != nil {
		t.Fatal(err)
	}
	in, err := protocol.ParseInvitation(e.InvitationURI, protocol.Scheme)
	if err != nil {
		t.Fatal(err)
	}
	renamed := in
	renamed.Company = "Another Bank"
	if _, err := p.enroll(renamed.URI(protocol.Scheme)); !errors.Is(err, device.ErrHintsDiffer) {
		t.Errorf("another company: %v", err)
	}
	if _, err := p.enroll(in.URI(protocol.Scheme)); problem.CodeOf(err) != problem.InvitationInvalid {
		t.Errorf("the same invitation a second time (T10): %v", err)
	}
	if n := len(p.core.Accounts()); n != 0 {
		t.Errorf("%d accounts were added", n)
	}
}

func TestT12_ANewSigningKeyOfTheTenantIsLearned(t *testing.T) {
	s, p := newServer(t), newPhone(t, nil)
	p.account(s, "ada")
	before := p.core.Diagnostics().Accounts[0].KeysSequence
	s.kill() // one process at a time has the database; the next start reads the new key
	s.command("key", "rotate")
	s.restart()
	made := s.ask("ada", nil)
	p.sync()
	if out := p.decide(p.one(), protocol.Approve, made.Match.Number); out.Kind != device.OutcomeApproved {
		t.Errorf("outcome is %+v", out)
	}
	if after := p.core.Diagnostics().Accounts[0].KeysSequence; after <= before {
		t.Errorf("the key sequence went from %d to %d", before, after)
	}
}

func TestALinkWorksLikeTheURI(t *testing.T) {
	s, p := newServer(t), newPhone(t, nil)
	e, err := s.client.CreateEnrollment(t.Context(), application.EnrollmentRequest{UserRef: "ada", UserLabel: "Ada Lovelace, née Byron"})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(e.InvitationURL, s.url()+"/enroll?") {
		t.Errorf("the link is %q", strings.Split(e.InvitationURL, "#")[0])
	}
	a, err := p.enroll(e.InvitationURL)
	if err != nil || a.Label() != "Ada Lovelace, née Byron" {
		t.Errorf("account is %+v, %v", a, err)
	}
}

func TestARemovedDeviceHearsOfIt(t *testing.T) {
	s, p := newServer(t), newPhone(t, nil)
	a := p.account(s, "ada")
	p.run()
	eventually(t, "the stream is open", func() bool { return !p.core.Diagnostics().Accounts[0].StreamSince.IsZero() })
	if err := s.client.RemoveDevice(t.Context(), "ada", a.Device); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the account is revoked here", func() bool { a, _ := p.core.Account(a.ID); return a.Status == device.AccountRevoked })
	if err := p.core.Unenroll(context.Background(), a.ID); err != nil {
		t.Errorf("it cannot be removed: %v", err)
	}
}

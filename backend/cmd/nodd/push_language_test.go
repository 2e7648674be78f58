package main

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/nod-auth/nod/backend/internal/enrollment"
	"github.com/nod-auth/nod/backend/internal/testkit"
	"github.com/nod-auth/nod/shared/protocol"
)

// A device subscribes for the key in the signed reply, so the service takes this server's messages and nobody else's; and the
// notification speaks its language.
func TestADeviceSubscribesForTheServersKeyAndIsRungInItsLanguage(t *testing.T) {
	r := newRung(t)
	invited, err := r.Enrollments.Invite(t.Context(), enrollment.Invite{Caller: r.Caller, UserRef: "bob"})
	if err != nil {
		t.Fatal(err)
	}
	raw := r.Enrollment(invited.Invitation, &testkit.Device{Key: testkit.NewSigner(t), Approval: testkit.NewSigner(t)}, nil)
	reply, err := r.Enrollments.Register(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := protocol.VerifyKeys(reply.Keys, invited.Invitation.Root, 0, r.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	enrolled, err := protocol.VerifyEnrolled(reply.Reply, keys, raw)
	if err != nil || enrolled.VAPID == nil {
		t.Fatalf("no key in the reply: %v", err)
	}
	point, err := enrolled.VAPID.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	sub, err := r.web.Subscribe(base64.RawURLEncoding.EncodeToString(point))
	if err != nil {
		t.Fatal(err)
	}
	r.register(protocol.PushAddress{Channel: "webpush", Address: sub.Endpoint, P256DH: base64.RawURLEncoding.EncodeToString(sub.P256DH),
		Auth: base64.RawURLEncoding.EncodeToString(sub.Auth), Language: "de-AT"})
	r.MustCreate("ada", nil)
	until(t, "the push", func() bool { return len(r.web.Pushes.All()) == 1 })
	if text := string(r.web.Pushes.All()[0].Plaintext); !strings.Contains(text, "Anfrage zur Freigabe") {
		t.Errorf("the notification says %s", text)
	}
	if code, out := r.command("push", "test", "--tenant", string(r.Tenant.ID), string(r.device.ID)); code != 0 {
		t.Fatalf("%d %s", code, out)
	}
	if text := string(r.web.Pushes.All()[1].Plaintext); !strings.Contains(text, "Testbenachrichtigung") {
		t.Errorf("the test notification says %s", text)
	}
}

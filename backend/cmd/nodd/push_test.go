package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nod-auth/nod/backend/internal/challenge"
	"github.com/nod-auth/nod/backend/internal/config"
	"github.com/nod-auth/nod/backend/internal/delivery"
	"github.com/nod-auth/nod/backend/internal/fakepush"
	fakeapns "github.com/nod-auth/nod/backend/internal/fakepush/apns"
	fakefcm "github.com/nod-auth/nod/backend/internal/fakepush/fcm"
	fakeweb "github.com/nod-auth/nod/backend/internal/fakepush/webpush"
	"github.com/nod-auth/nod/backend/internal/sqlstore"
	"github.com/nod-auth/nod/backend/internal/testkit"
	"github.com/nod-auth/nod/shared/protocol"
)

const testApp = "dev.nod.app"

// rung is a running server, the fakes it pushes to, and a user with a device.
type rung struct {
	*testkit.Kit
	apple  *fakeapns.Service
	google *fakefcm.Service
	web    *fakeweb.Service
	device *testkit.Device
	dir    string

	stopServer func()
}

func newRung(t *testing.T) *rung {
	t.Helper()
	r := &rung{dir: t.TempDir()}
	var err error
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	r.apple, err = fakeapns.Start(fakeapns.Params{Topics: []string{testApp}})
	check(err)
	t.Cleanup(r.apple.Close)
	r.google, err = fakefcm.Start("")
	check(err)
	t.Cleanup(r.google.Close)
	r.web, err = fakeweb.Start("")
	check(err)
	t.Cleanup(r.web.Close)
	check(fakepushCmd{Dir: r.dir, App: testApp}.write(r.apple, r.google, r.web))
	r.Kit = &testkit.Kit{T: t, Clock: testkit.NewClock()}
	r.serve()
	t.Cleanup(func() { r.stopServer() })
	r.Clock.Advance(time.Since(r.Clock.Now()))
	r.Tenant, err = r.Tenants.Create(context.Background(), "Example Bank")
	check(err)
	r.App, r.Caller, r.Secret = r.NewApplication(r.Tenant, "Online banking")
	r.device = r.Enroll("ada")
	return r
}

// serve starts the server on the rung's database and push file.
func (r *rung) serve() {
	r.T.Helper()
	c, err := config.Load(config.Sources{Flags: map[string]string{
		"public_url": testkit.Issuer, "listen": "127.0.0.1:0", "data": filepath.Join(r.dir, "nod.db"), "push_file": filepath.Join(r.dir, "push.json"),
	}})
	if err != nil {
		r.T.Fatal(err)
	}
	server, err := (&program{Out: io.Discard, Err: io.Discard}).start(context.Background(), c)
	if err != nil {
		r.T.Fatal(err)
	}
	r.stopServer = sync.OnceFunc(func() {
		if err := server.stop(); err != nil {
			r.T.Error(err)
		}
	})
	r.DB, r.Tenants, r.Devices, r.Enrollments, r.Challenges = server.db, server.tenants, server.devices, server.enrollments, server.challenges
}

func (r *rung) restart() {
	r.T.Helper()
	r.stopServer()
	r.serve()
}

func (r *rung) register(p protocol.PushAddress) {
	r.T.Helper()
	err := r.DB.Update(context.Background(), func(tx *sqlstore.Tx) error {
		d, err := tx.Device(r.Tenant.ID, r.device.ID)
		if err != nil {
			return err
		}
		d.Push = &p
		return tx.SaveDevice(d)
	})
	if err != nil {
		r.T.Fatal(err)
	}
}

func (r *rung) webAddress() protocol.PushAddress {
	r.T.Helper()
	sub, err := r.web.Subscribe("")
	if err != nil {
		r.T.Fatal(err)
	}
	return protocol.PushAddress{Channel: "webpush", Address: sub.Endpoint, P256DH: base64.RawURLEncoding.EncodeToString(sub.P256DH),
		Auth: base64.RawURLEncoding.EncodeToString(sub.Auth)}
}

// until polls a condition.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			t.Fatal("never: " + what)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// command runs one command line against the server's database.
func (r *rung) command(args ...string) (code int, out string) {
	r.T.Helper()
	var buffer bytes.Buffer
	args = append(args, "--data", filepath.Join(r.dir, "nod.db"), "--push-file", filepath.Join(r.dir, "push.json"), "--public-url", testkit.Issuer)
	code = run(context.Background(), args, program{Out: &buffer, Err: &buffer})
	return code, buffer.String()
}

func TestAChallengeRingsTheDevicesOnTheirChannels(t *testing.T) {
	r := newRung(t)
	channels := map[string]struct {
		address protocol.PushAddress
		arrived func() int
	}{
		"apns":    {protocol.PushAddress{Channel: "apns", Address: strings.Repeat("ab", 32), App: testApp}, func() int { return len(r.apple.Pushes.All()) }},
		"webpush": {r.webAddress(), func() int { return len(r.web.Pushes.All()) }},
	}
	if builtWithFCM {
		channels["fcm"] = struct {
			address protocol.PushAddress
			arrived func() int
		}{protocol.PushAddress{Channel: "fcm", Kind: "fid", Address: "installation", App: testApp}, func() int { return len(r.google.Pushes.All()) }}
	} else {
		t.Log("SKIPPED fcm: this build is without the tag fcm")
	}
	for name, channel := range channels {
		r.register(channel.address)
		made := r.MustCreate("ada", func(q *challenge.Request) {
			q.Session = "one"
			q.Details = []protocol.Detail{{Label: "Amount", Value: "1500.00 EUR"}}
		})
		until(t, name+" rings", func() bool { return channel.arrived() == 1 })
		until(t, name+" is recorded", func() bool {
			_, out := r.command("deliveries", "--limit", "1")
			return strings.Contains(out, name) && strings.Contains(out, "sent")
		})
		if made.Number == "" {
			t.Error("the challenge has no number to look for")
		}
	}
	for _, leak := range []string{"ada", "1500", "Example Bank", "Online banking", "203.0.113.7", "Porto"} { // T15, end to end
		for _, push := range r.web.Pushes.All() {
			if bytes.Contains(push.Plaintext, []byte(leak)) {
				t.Errorf("a push holds %q", leak)
			}
		}
		for _, push := range r.apple.Pushes.All() {
			if bytes.Contains(push.Payload, []byte(leak)) {
				t.Errorf("a push holds %q", leak)
			}
		}
	}
}

func TestADeadAddressIsForgottenAndShown(t *testing.T) {
	r := newRung(t)
	r.register(protocol.PushAddress{Channel: "apns", Address: strings.Repeat("cd", 32), App: testApp})
	r.apple.Unregister(strings.Repeat("cd", 32), time.Now().Add(time.Hour))
	r.MustCreate("ada", nil)
	until(t, "the address is dropped", func() bool {
		var gone bool
		_ = r.DB.View(context.Background(), func(tx *sqlstore.Tx) error {
			d, err := tx.Device(r.Tenant.ID, r.device.ID)
			gone = d.Push == nil
			return err
		})
		return gone
	})
	if _, out := r.command("deliveries", "--failed"); !strings.Contains(out, "address_dead") || !strings.Contains(out, "The app was removed") {
		t.Errorf("the operator sees\n%s", out)
	}
}

func TestATestDoorbellSaysWhatTheServiceAnswered(t *testing.T) {
	r := newRung(t)
	tenantFlag := []string{"--tenant", string(r.Tenant.ID)}
	test := func() (int, string) {
		return r.command(append([]string{"push", "test", string(r.device.ID)}, tenantFlag...)...)
	}
	if code, out := test(); code == 0 || !strings.Contains(out, "no push address") {
		t.Errorf("without an address: %d\n%s", code, out)
	}
	r.register(protocol.PushAddress{Channel: "apns", Address: strings.Repeat("ef", 32), App: testApp})
	if code, out := test(); code != 0 || !strings.Contains(out, "accepted the test doorbell") {
		t.Errorf("to a good address: %d\n%s", code, out)
	}
	if pushes := r.apple.Pushes.All(); len(pushes) != 1 || !bytes.Contains(pushes[0].Payload, []byte(delivery.CategoryTest)) {
		t.Errorf("the doorbell was %v", pushes)
	}
	r.apple.Script.Next(fakepush.Answer{Status: 400, Body: `{"reason":"BadDeviceToken"}`})
	if code, out := test(); code == 0 || !strings.Contains(out, "BadDeviceToken") || !strings.Contains(out, "sandbox") {
		t.Errorf("to a token of the other environment: %d\n%s", code, out)
	}
	r.register(protocol.PushAddress{Channel: "apns", Address: strings.Repeat("ef", 32), App: "com.other"})
	if code, out := test(); code == 0 || !strings.Contains(out, "No credentials") {
		t.Errorf("to another app: %d\n%s", code, out)
	}
}

func TestAServerWithAWrongPushFileDoesNotStart(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "push.json")
	if err := os.WriteFile(path, []byte(`{"apns":[{"bundle_id":"a"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(config.Sources{Flags: map[string]string{"listen": "127.0.0.1:0", "data": filepath.Join(dir, "nod.db"), "push_file": path}})
	if err != nil {
		t.Fatal(err)
	}
	if s, err := (&program{Out: io.Discard, Err: io.Discard}).start(t.Context(), c); err == nil {
		_ = s.stop()
		t.Fatal("it started")
	} else if !strings.Contains(err.Error(), "apns[0]") {
		t.Fatalf("it says %v", err)
	}
}

package device_test

import (
	"context"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nod-auth/nod/backend/internal/audit"
	"github.com/nod-auth/nod/backend/internal/challenge"
	"github.com/nod-auth/nod/backend/internal/device"
	"github.com/nod-auth/nod/backend/internal/fault"
	"github.com/nod-auth/nod/backend/internal/sqlstore"
	"github.com/nod-auth/nod/backend/internal/testkit"
	"github.com/nod-auth/nod/shared/protocol"
)

var ctx = context.Background()

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCode(t testing.TB, err error, code fault.Code) {
	t.Helper()
	if fault.CodeOf(err) != code {
		t.Errorf("got %v, want %q", err, code)
	}
}

const inbox = testkit.Issuer + "/device/v1/challenges"

// proof signs a proof of d with key; change may alter it.
func proof(t testing.TB, k *testkit.Kit, d *testkit.Device, key *protocol.Signer, change func(*protocol.Proof)) string {
	t.Helper()
	p := &protocol.Proof{Issuer: d.ID, ID: protocol.RandomText(16), IssuedAt: protocol.At(k.Clock.Now()), Method: "GET", URL: inbox, Nonce: k.Devices.Nonces.Next()}
	if change != nil {
		change(p)
	}
	raw, err := protocol.Sign(key, p)
	must(t, err)
	return raw
}

func TestT04_AProofIsHeldToKeyTargetAndNonce(t *testing.T) {
	k := testkit.New(t)
	d, other := k.Enroll("ada"), k.Enroll("bob")
	old := k.Devices.Nonces.Next()
	for _, c := range []struct {
		name   string
		key    *protocol.Signer
		change func(*protocol.Proof)
		want   fault.Code
	}{
		{"as it should be", d.Key, nil, ""},
		{"a device clock that is a day off", d.Key, func(p *protocol.Proof) { p.IssuedAt -= 86400 }, ""},
		{"no nonce", d.Key, func(p *protocol.Proof) { p.Nonce = "" }, fault.UseNonce},
		{"an invented nonce", d.Key, func(p *protocol.Proof) { p.Nonce = protocol.RandomText(16) }, fault.UseNonce},
		{"another method", d.Key, func(p *protocol.Proof) { p.Method = "POST" }, fault.DeviceUnauthorized},
		{"another path", d.Key, func(p *protocol.Proof) { p.URL = testkit.Issuer + "/device/v1/events" }, fault.DeviceUnauthorized},
		{"another server", d.Key, func(p *protocol.Proof) { p.URL = "https://evil.example.com/device/v1/challenges" }, fault.DeviceUnauthorized},
		{"the approval key", d.Approval, nil, fault.DeviceUnauthorized},
		{"another device's key", other.Key, nil, fault.DeviceUnauthorized},
		{"a key nobody knows", testkit.NewSigner(t), nil, fault.DeviceUnauthorized},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := k.Devices.Authenticate(ctx, proof(t, k, d, c.key, c.change), "GET", inbox)
			wantCode(t, err, c.want)
			if err == nil && got.ID != d.ID {
				t.Errorf("it is taken for %s", got.ID)
			}
		})
	}
	for name, raw := range map[string]string{"nothing": "", "dots": "...", "no JWS": "nod_sk_secret"} {
		_, err := k.Devices.Authenticate(ctx, raw, "GET", inbox)
		if fault.CodeOf(err) != fault.DeviceUnauthorized {
			t.Errorf("%s: %v", name, err)
		}
	}
	use := func() error {
		_, err := k.Devices.Authenticate(ctx, proof(t, k, d, d.Key, func(p *protocol.Proof) { p.Nonce = old }), "GET", inbox)
		return err
	}
	k.Clock.Advance(2 * time.Minute)
	wantCode(t, use(), "")
	k.Clock.Advance(time.Minute)
	wantCode(t, use(), fault.UseNonce)
	must(t, k.Devices.Revoke(ctx, k.Tenant.ID, "", d.ID, "operator"))
	_, err := k.Devices.Authenticate(ctx, proof(t, k, d, d.Key, nil), "GET", inbox)
	wantCode(t, err, fault.DeviceUnauthorized)
}

// update signs an update of d with key.
func update(t testing.TB, k *testkit.Kit, d *testkit.Device, key *protocol.Signer, change func(*protocol.Update)) string {
	t.Helper()
	u := &protocol.Update{Issuer: d.ID, Audience: testkit.Issuer, Tenant: d.Tenant, ID: protocol.RandomText(16), IssuedAt: protocol.At(k.Clock.Now()),
		Nonce: k.Devices.Nonces.Next(), Method: "POST", URL: testkit.Issuer + device.UpdatesPath, Action: protocol.UpdateRename, Name: "New name"}
	if change != nil {
		change(u)
	}
	raw, err := protocol.Sign(key, u)
	must(t, err)
	return raw
}

func stored(t testing.TB, k *testkit.Kit, d *testkit.Device) (out device.Device) {
	t.Helper()
	must(t, k.DB.View(ctx, func(tx *sqlstore.Tx) (err error) { out, err = tx.Device(d.Tenant, d.ID); return err }))
	return out
}

func events(t testing.TB, k *testkit.Kit, want audit.Type) (n int) {
	t.Helper()
	must(t, k.DB.View(ctx, func(tx *sqlstore.Tx) error {
		list, err := tx.Events(k.Tenant.ID, 0, 10000)
		for _, e := range list {
			if e.Type == want {
				n++
			}
		}
		return err
	}))
	return n
}

func TestT04_AnUpdateIsHeldToItsDeviceAndServer(t *testing.T) {
	k := testkit.New(t)
	d, other := k.Enroll("ada"), k.Enroll("bob")
	push := func(u *protocol.Update) {
		u.Action, u.Name, u.Push = protocol.UpdatePush, "", &protocol.PushAddress{Channel: "fcm", Address: "stolen"}
	}
	for _, c := range []struct {
		name   string
		key    *protocol.Signer
		change func(*protocol.Update)
		want   fault.Code
	}{
		{"another device signs", other.Key, push, fault.DeviceUnauthorized},
		{"a stranger signs", testkit.NewSigner(t), push, fault.DeviceUnauthorized},
		{"the approval key signs", d.Approval, push, fault.RequirementNotMet},
		{"another tenant", d.Key, func(u *protocol.Update) { push(u); u.Tenant = protocol.NewID[protocol.TenantID]() }, fault.DeviceUnauthorized},
		{"another server", d.Key, func(u *protocol.Update) { push(u); u.Audience = "https://other.example.com" }, fault.DeviceUnauthorized},
		{"another target", d.Key, func(u *protocol.Update) { push(u); u.URL = testkit.Issuer + "/device/v1/enrollments" }, fault.DeviceUnauthorized},
		{"another method", d.Key, func(u *protocol.Update) { push(u); u.Method = "GET" }, fault.DeviceUnauthorized},
		{"an invented nonce", d.Key, func(u *protocol.Update) { push(u); u.Nonce = protocol.RandomText(16) }, fault.UseNonce},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := k.Devices.Update(ctx, update(t, k, d, c.key, c.change))
			wantCode(t, err, c.want)
			if stored(t, k, d).Push != nil {
				t.Error("the address was changed")
			}
		})
	}
}

func TestAnUpdateIsAppliedOnce(t *testing.T) {
	k := testkit.New(t)
	d := k.Enroll("ada")
	raw := update(t, k, d, d.Key, nil)
	got, err := k.Devices.Update(ctx, raw)
	must(t, err)
	if got.Info.Name != "New name" || stored(t, k, d).Info.Name != "New name" {
		t.Error("it was not renamed")
	}
	_, err = k.Devices.Update(ctx, raw)
	wantCode(t, err, fault.Replayed)
	if n := events(t, k, audit.DeviceRenamed); n != 1 {
		t.Errorf("%d events", n)
	}
}

// replacement puts a new key in the place of a role's.
func replacement(t testing.TB, d *testkit.Device, role protocol.KeyRole, fresh *protocol.Signer, level protocol.KeyLevel) func(*protocol.Update) {
	t.Helper()
	old := d.Key
	if role == protocol.RoleApproval {
		old = d.Approval
	}
	p, err := protocol.Sign(fresh, &protocol.KeyProof{Audience: testkit.Issuer, Tenant: d.Tenant, Device: d.ID, Replaces: old.KeyID()})
	must(t, err)
	return func(u *protocol.Update) {
		u.Action, u.Name, u.UserVerification = protocol.UpdateReplaceKey, "", "pin"
		u.Key = &protocol.NewKey{Role: role, JWK: fresh.Public(), Level: level, Proof: p}
	}
}

func TestT26_AReplacedKeySignsNothingMore(t *testing.T) {
	for _, role := range []protocol.KeyRole{protocol.RoleDevice, protocol.RoleApproval} {
		t.Run(string(role), func(t *testing.T) {
			k := testkit.New(t)
			d := k.Enroll("ada")
			made := k.MustCreate("ada", nil)
			fresh, old := testkit.NewSigner(t), *d
			_, err := k.Devices.Update(ctx, update(t, k, d, d.Approval, replacement(t, d, role, fresh, protocol.LevelSoftware)))
			must(t, err)
			if c, _ := k.Challenges.Get(ctx, k.App, made.Challenge.ID); c.Status != protocol.StatusCanceled {
				t.Errorf("what was pending is %s", c.Status)
			}
			again := k.MustCreate("ada", nil)
			if role == protocol.RoleApproval {
				d.Approval = fresh
				_, err = old.Decide(again.Challenge, protocol.Approve, again.Number)
			} else {
				d.Key = fresh
				_, err = old.Decide(again.Challenge, protocol.Deny, "")
			}
			wantCode(t, err, fault.DeviceUnauthorized)
			d.Counter = old.Counter
			_, err = d.Decide(again.Challenge, protocol.Approve, again.Number)
			must(t, err)
			c, err := d.Decide(k.MustCreate("ada", nil).Challenge, protocol.Deny, "")
			if err != nil || c.Status != protocol.StatusDenied {
				t.Errorf("%v %v", c.Status, err)
			}
		})
	}
}

func TestAKeyIsReplacedOnlyByANewOneThatIsNoWeaker(t *testing.T) {
	k := testkit.New(t)
	d := k.EnrollWith("ada", func(e *protocol.Enrollment) {
		e.Levels = protocol.KeyLevels{Device: protocol.LevelTPM, Approval: protocol.LevelTPM}
	})
	other := k.Enroll("bob")
	unconfirmed, _ := k.Register("carol")
	stranger := replacement(t, d, protocol.RoleApproval, testkit.NewSigner(t), protocol.LevelTPM)
	for _, c := range []struct {
		name   string
		device *testkit.Device
		key    *protocol.Signer
		change func(*protocol.Update)
		want   fault.Code
	}{
		{"a lower level", d, d.Approval, replacement(t, d, protocol.RoleApproval, testkit.NewSigner(t), protocol.LevelSoftware), fault.KeyLevelTooLow},
		{"its own key", d, d.Approval, replacement(t, d, protocol.RoleApproval, d.Approval, protocol.LevelTPM), fault.KeyAlreadyKnown},
		{"its other key", d, d.Approval, replacement(t, d, protocol.RoleApproval, d.Key, protocol.LevelTPM), fault.KeyAlreadyKnown},
		{"another device's key", d, d.Approval, replacement(t, d, protocol.RoleDevice, other.Key, protocol.LevelTPM), fault.KeyAlreadyKnown},
		{"signed by the device key", d, d.Key, replacement(t, d, protocol.RoleDevice, testkit.NewSigner(t), protocol.LevelTPM), fault.RequirementNotMet},
		{"without user verification", d, d.Approval, func(u *protocol.Update) { stranger(u); u.UserVerification = "" }, fault.RequirementNotMet},
		{"a proof for the other role", d, d.Approval, func(u *protocol.Update) { stranger(u); u.Key.Role = protocol.RoleDevice }, fault.ValidationFailed},
		{"a key that did not sign the proof", d, d.Approval, func(u *protocol.Update) { stranger(u); u.Key.JWK = testkit.NewSigner(t).Public() }, fault.ValidationFailed},
		{"of a device that is not confirmed", unconfirmed, unconfirmed.Approval,
			replacement(t, unconfirmed, protocol.RoleDevice, testkit.NewSigner(t), protocol.LevelSoftware), fault.DeviceInactive},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := stored(t, k, c.device)
			_, err := k.Devices.Update(ctx, update(t, k, c.device, c.key, c.change))
			if code := fault.CodeOf(err); code != c.want && !(c.want == fault.ValidationFailed && code == fault.DeviceUnauthorized) {
				t.Errorf("got %v, want %s", err, c.want)
			}
			if after := stored(t, k, c.device); after.Key.ID != before.Key.ID || after.Approval.ID != before.Approval.ID {
				t.Error("a key was replaced")
			}
		})
	}
}

func TestADeviceThatUnenrollsCanDoNothingMore(t *testing.T) {
	k := testkit.New(t)
	d := k.Enroll("ada")
	made := k.MustCreate("ada", nil)
	got, err := k.Devices.Update(ctx, update(t, k, d, d.Key, func(u *protocol.Update) { u.Action, u.Name = protocol.UpdateUnenroll, "" }))
	if err != nil || got.Status != device.StatusRevoked {
		t.Fatalf("%s %v", got.Status, err)
	}
	_, err = d.Decide(made.Challenge, protocol.Report, "")
	wantCode(t, err, fault.DeviceUnauthorized)
	_, err = k.Devices.Update(ctx, update(t, k, d, d.Key, nil))
	wantCode(t, err, fault.DeviceUnauthorized)
	_, err = k.Create("ada", nil)
	wantCode(t, err, fault.UserHasNoDevice)
	if c, _ := k.Challenges.Get(ctx, k.App, made.Challenge.ID); c.Status != protocol.StatusCanceled {
		t.Errorf("what was pending is %s", c.Status)
	}
}

func TestT09_NobodyRevokesAnotherUsersOrTenantsDevice(t *testing.T) {
	k := testkit.New(t)
	d := k.Enroll("ada")
	k.Enroll("bob")
	other, err := k.Tenants.Create(ctx, "Other")
	must(t, err)
	wantCode(t, k.Devices.Revoke(ctx, other.ID, "", d.ID, "operator"), fault.NotFound)
	made := k.MustCreate("bob", func(r *challenge.Request) { r.Session = "s" })
	wantCode(t, k.Devices.Revoke(ctx, k.Tenant.ID, made.Challenge.User, d.ID, "key"), fault.NotFound)
	if s := stored(t, k, d).Status; s != device.StatusActive {
		t.Errorf("the device is %s", s)
	}
}

func TestT13_TheCounterWindowTakesEachCounterOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var c device.Counter
		used := map[uint64]bool{0: true}
		highest := uint64(0)
		for range rapid.IntRange(1, 80).Draw(rt, "steps") {
			near := rapid.Int64Range(-40, 40).Draw(rt, "step")
			n := uint64(max(0, int64(highest)+near))
			if rapid.IntRange(0, 20).Draw(rt, "jump") == 0 {
				n = rapid.Uint64Range(0, 1<<53).Draw(rt, "n")
			}
			want := !used[n] && n+32 > highest
			next, ok := c.Advance(n)
			if ok != want {
				rt.Fatalf("counter %d after %d: taken %v, want %v", n, highest, ok, want)
			}
			if !ok && next != c {
				rt.Fatalf("a refused counter changed the window")
			}
			if ok {
				used[n], highest = true, max(highest, n)
			}
			if c = next; c.Max != highest {
				rt.Fatalf("the highest is %d, want %d", c.Max, highest)
			}
		}
	})
}

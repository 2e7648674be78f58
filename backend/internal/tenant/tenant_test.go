package tenant_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nod-auth/nod/backend/internal/fault"
	"github.com/nod-auth/nod/backend/internal/seal"
	"github.com/nod-auth/nod/backend/internal/sqlstore"
	"github.com/nod-auth/nod/backend/internal/tenant"
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

func ring(t testing.TB, k *testkit.Kit) *tenant.Ring {
	t.Helper()
	r, err := k.Tenants.Ring(ctx, k.Tenant.ID)
	must(t, err)
	return r
}

// checkpoint signs something with a ring's key at the clock's time.
func checkpoint(t testing.TB, k *testkit.Kit, s *protocol.Signer) string {
	t.Helper()
	raw, err := protocol.Sign(s, &protocol.Checkpoint{Tenant: k.Tenant.ID, IssuedAt: protocol.At(k.Clock.Now()), Sequence: 1, Hash: protocol.Hash("x")})
	must(t, err)
	return raw
}

func TestARotationEndsNoPendingChallengeAndVoidsNoReceipt(t *testing.T) {
	k := testkit.New(t)
	d := k.Enroll("ada")
	old := ring(t, k)
	decided, pending := k.MustCreate("ada", nil), k.MustCreate("ada", nil)
	c, err := d.Decide(decided.Challenge, protocol.Approve, decided.Number)
	must(t, err)
	receipt, err := k.Challenges.Result(ctx, c)
	must(t, err)
	k.Clock.Advance(time.Second)
	_, err = k.Tenants.RotateSigningKey(ctx, k.Tenant.ID, "operator")
	must(t, err)
	fresh := ring(t, k)
	if fresh.Signer.KeyID() == old.Signer.KeyID() || fresh.Tenant.KeysSeq != old.Tenant.KeysSeq+1 {
		t.Fatalf("sequence %d after %d, or the same key", fresh.Tenant.KeysSeq, old.Tenant.KeysSeq)
	}
	if _, err := protocol.VerifyChallenge(pending.Challenge.JWS, fresh.Keys, d.ID); err != nil {
		t.Errorf("a pending challenge: %v", err)
	}
	want := protocol.Expectation{Issuer: testkit.Issuer, Tenant: k.Tenant.ID, Audience: k.App.ID, Subject: "ada", Transaction: c.Transaction, Now: k.Clock.Now()}
	if _, err := protocol.VerifyResult(receipt, fresh.Keys, want); err != nil {
		t.Errorf("a receipt: %v", err)
	}
	if c, err = d.Decide(pending.Challenge, protocol.Approve, pending.Number); err != nil {
		t.Fatal(err)
	}
	mixed, err := k.Challenges.Result(ctx, c) // by the new key, over a challenge of the old one
	must(t, err)
	want.Transaction = c.Transaction
	if _, err := protocol.VerifyResult(mixed, fresh.Keys, want); err != nil {
		t.Errorf("a result across the rotation: %v", err)
	}
}

func TestARetiredKeySignsNothingNewOnceOtherNodesKnow(t *testing.T) {
	k := testkit.New(t)
	old := ring(t, k)
	_, err := k.Tenants.RotateSigningKey(ctx, k.Tenant.ID, "operator")
	must(t, err)
	fresh := ring(t, k)
	if _, err := protocol.VerifyCheckpoint(checkpoint(t, k, old.Signer), fresh.Keys); err != nil {
		t.Errorf("a node that has not heard of the rotation yet: %v", err)
	}
	k.Clock.Advance(11 * time.Second)
	if _, err := protocol.VerifyCheckpoint(checkpoint(t, k, old.Signer), fresh.Keys); err == nil {
		t.Error("the retired key still signs")
	}
	if _, err := protocol.VerifyKeys(old.Tenant.KeysJWS, old.Tenant.Root.Thumbprint(), fresh.Tenant.KeysSeq, k.Clock.Now()); err == nil {
		t.Error("the statement before the rotation is still taken")
	}
}

func TestTheKeyStatementIsRenewedBeforeItEnds(t *testing.T) {
	k := testkit.New(t)
	for range 3 {
		before := ring(t, k)
		k.Clock.Advance(before.Keys.ExpiresAt.Time().Sub(k.Clock.Now()) - 29*24*time.Hour)
		after := ring(t, k)
		if after.Tenant.KeysSeq != before.Tenant.KeysSeq+1 || !after.Keys.ExpiresAt.Time().After(before.Keys.ExpiresAt.Time()) {
			t.Errorf("a month before its end the statement is still %d", after.Tenant.KeysSeq)
		}
		if after.Signer.KeyID() != before.Signer.KeyID() {
			t.Error("the renewal changed the signing key")
		}
	}
	k.Clock.Advance(2 * 365 * 24 * time.Hour) // the server was off for two years
	if r := ring(t, k); !k.Clock.Now().Before(r.Keys.ExpiresAt.Time()) {
		t.Error("an ended statement is handed out")
	}
}

func TestAChangedPublicURLSignsTheStatementAnew(t *testing.T) {
	k := testkit.New(t)
	before := ring(t, k)
	moved, err := tenant.New(tenant.Params{Store: sqlstore.For[tenant.Tx](k.DB), Sealer: k.Sealer, Issuer: "https://new.example.com", Now: k.Clock.Now})
	must(t, err)
	after, err := moved.Ring(ctx, k.Tenant.ID)
	must(t, err)
	if after.Keys.Issuer != "https://new.example.com" || after.Keys.Sequence != before.Keys.Sequence+1 || after.Signer.KeyID() != before.Signer.KeyID() {
		t.Errorf("%s %d", after.Keys.Issuer, after.Keys.Sequence)
	}
}

func TestT41_AnotherKeyFileOpensNoTenant(t *testing.T) {
	k := testkit.New(t)
	key := make([]byte, seal.KeySize)
	key[0] = 1
	other, err := seal.New(key)
	must(t, err)
	s, err := tenant.New(tenant.Params{Store: sqlstore.For[tenant.Tx](k.DB), Sealer: other, Issuer: testkit.Issuer, Now: k.Clock.Now})
	must(t, err)
	if _, err := s.Ring(ctx, k.Tenant.ID); err == nil {
		t.Error("it opens")
	}
}

func TestT41_ASigningKeyOpensInItsOwnTenantOnly(t *testing.T) {
	k := testkit.New(t)
	other, err := k.Tenants.Create(ctx, "Other")
	must(t, err)
	must(t, k.DB.Update(ctx, func(tx *sqlstore.Tx) error {
		mine, err := tx.SigningKeys(k.Tenant.ID)
		if err != nil {
			return err
		}
		stolen := mine[0]
		stolen.Tenant, stolen.NotBefore = other.ID, k.Clock.Now().Add(-time.Hour) // comes first
		return tx.SaveSigningKey(stolen)
	}))
	if r, err := k.Tenants.Ring(ctx, other.ID); err == nil {
		t.Errorf("the other tenant signs with %s", r.Signer.KeyID())
	}
}

// A key that somebody wrote into the database verifies no checkpoint, whatever the key statement there says.
func TestT43_OwnKeysAreThoseThatThisInstallationSealed(t *testing.T) {
	k := testkit.New(t)
	thief := testkit.NewSigner(t)
	must(t, k.DB.Update(ctx, func(tx *sqlstore.Tx) error {
		return tx.SaveSigningKey(tenant.SigningKey{Tenant: k.Tenant.ID, ID: thief.KeyID(), JWK: thief.Public(), Sealed: []byte("made up"), Status: protocol.KeyRetired,
			NotBefore: k.Clock.Now(), RetiredAt: k.Clock.Now().Add(time.Hour)})
	}))
	keys, err := k.Tenants.OwnKeys(ctx, k.Tenant.ID)
	must(t, err)
	if _, err := protocol.VerifyCheckpoint(checkpoint(t, k, thief), keys); err == nil {
		t.Error("a checkpoint of the thief verifies")
	}
	if _, err := protocol.VerifyCheckpoint(checkpoint(t, k, ring(t, k).Signer), keys); err != nil {
		t.Errorf("a genuine one: %v", err)
	}
}

func TestT32_SecretsThatDifferInTheTailDoNotMatch(t *testing.T) {
	k := testkit.New(t)
	secret := string(k.Secret)
	caller, err := k.Tenants.Authenticate(ctx, secret)
	if err != nil || caller.Application.ID != k.App.ID {
		t.Fatal(err)
	}
	last := "A"
	if strings.HasSuffix(secret, "A") {
		last = "E"
	}
	for name, s := range map[string]string{
		"another last character":             secret[:len(secret)-1] + last,
		"one more character":                 secret + "A",
		"one less":                           secret[:len(secret)-1],
		"a long tail":                        secret + strings.Repeat("A", 100),
		"a NUL and a tail":                   secret + "\x00tail",
		"white space":                        secret + " ",
		"another prefix":                     "nod_bt_" + strings.TrimPrefix(secret, tenant.SecretPrefix),
		"no prefix":                          strings.TrimPrefix(secret, tenant.SecretPrefix),
		"its hash":                           tenant.HashSecret(secret),
		"nothing":                            "",
		"72 equal bytes and another tail":    tenant.SecretPrefix + strings.Repeat("A", 72) + "1",
		"other letters":                      strings.ToUpper(secret),
		"a secret of the right form":         string(tenant.NewSecret(tenant.SecretPrefix)),
		"a percent sign for a LIKE":          "nod_sk_%",
		"an equals sign, as base64 has them": secret + "=",
	} {
		if _, err := k.Tenants.Authenticate(ctx, s); fault.CodeOf(err) != fault.Unauthorized {
			t.Errorf("%s: %v", name, err)
		}
	}
	if a, b := tenant.HashSecret(strings.Repeat("x", 100)+"1"), tenant.HashSecret(strings.Repeat("x", 100)+"2"); a == b {
		t.Error("long secrets that differ in the tail have one hash")
	}
	if text := fmt.Sprintf("%v %+v %#v %s", k.Secret, k.Secret, k.Secret, k.Secret); strings.Contains(text, secret) {
		t.Error("T31: a secret shows in a format")
	}
}

func TestARevokedKeyAndADisabledApplicationAreRefused(t *testing.T) {
	k := testkit.New(t)
	app, caller, secret := k.NewApplication(k.Tenant, "Other")
	app.Disabled = true
	must(t, k.DB.Update(ctx, func(tx *sqlstore.Tx) error { return tx.SaveApplication(app) }))
	_, err := k.Tenants.Authenticate(ctx, string(secret))
	wantCode(t, err, fault.Unauthorized)
	other, err := k.Tenants.Create(ctx, "Other")
	must(t, err)
	wantCode(t, k.Tenants.RevokeAPIKey(ctx, other.ID, k.Caller.Key.ID), fault.NotFound) // T9
	for range 2 {
		must(t, k.Tenants.RevokeAPIKey(ctx, k.Tenant.ID, k.Caller.Key.ID))
	}
	_, err = k.Tenants.Authenticate(ctx, string(k.Secret))
	wantCode(t, err, fault.Unauthorized)
	if caller.Key.ID == k.Caller.Key.ID {
		t.Error("two keys of one id")
	}
}

func TestRotationsAtOnceLeaveOneActiveKey(t *testing.T) {
	k := testkit.New(t)
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			if _, err := k.Tenants.RotateSigningKey(ctx, k.Tenant.ID, "operator"); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			if _, err := k.Tenants.Ring(ctx, k.Tenant.ID); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	k.Clock.Advance(6 * time.Second) // over what a node remembers
	r := ring(t, k)
	active := 0
	for _, key := range r.Keys.Keys {
		if key.Status == protocol.KeyActive {
			active++
		}
	}
	if active != 1 || len(r.Keys.Keys) != 7 || r.Keys.Sequence != 7 {
		t.Errorf("%d active of %d keys, sequence %d", active, len(r.Keys.Keys), r.Keys.Sequence)
	}
}

func TestNamesOriginsAndScopesAreChecked(t *testing.T) {
	k := testkit.New(t)
	for name, err := range map[string]error{
		"no name":              second(k.Tenants.Create(ctx, "")),
		"hidden text":          second(k.Tenants.Create(ctx, "Bank\u202egnp")),
		"an origin with path":  second(k.Tenants.CreateApplication(ctx, k.Tenant.ID, "A", []string{"https://a.example.com/"})),
		"an origin of a star":  second(k.Tenants.CreateApplication(ctx, k.Tenant.ID, "A", []string{"*"})),
		"an unknown setting":   k.Tenants.SetDeviceAdd(ctx, k.Tenant.ID, "maybe"),
		"an unknown min_match": k.Tenants.SetMinMatch(ctx, k.Tenant.ID, k.App.ID, "guess"),
	} {
		if fault.CodeOf(err) != fault.ValidationFailed {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, _, err := k.Tenants.CreateAPIKey(ctx, k.App, "x", nil)
	wantCode(t, err, fault.ValidationFailed)
	_, _, err = k.Tenants.CreateAPIKey(ctx, k.App, "x", []tenant.Scope{"everything"})
	wantCode(t, err, fault.ValidationFailed)
	wantCode(t, second(k.Tenants.CreateApplication(ctx, "ten_none", "A", nil)), fault.NotFound)
}

func second[T any](_ T, err error) error { return err }

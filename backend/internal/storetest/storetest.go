// Package storetest owns the conformance suite of a store: what the domain packages rely on and no compiler checks.
//
// Every store passes it, SQLite now and PostgreSQL when it joins: a store's own test calls [Run] with a function that opens an
// empty database. What only one store has, such as a file that is full, stays in that store's own tests. It is imported by
// tests only and leaves every rule to the domain packages.
package storetest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nod-auth/nod/backend/internal/audit"
	"github.com/nod-auth/nod/backend/internal/challenge"
	"github.com/nod-auth/nod/backend/internal/device"
	"github.com/nod-auth/nod/backend/internal/enrollment"
	"github.com/nod-auth/nod/backend/internal/tenant"
	"github.com/nod-auth/nod/backend/internal/txn"
	"github.com/nod-auth/nod/backend/internal/user"
	"github.com/nod-auth/nod/shared/protocol"
)

// Tx is all that the domain packages need of a transaction.
type Tx interface {
	tenant.Tx
	enrollment.Tx
	challenge.Tx
	audit.Tx
	Upkeep
}

// Upkeep is what a server needs beside its domains.
type Upkeep interface {
	Meta(key string) (string, error)
	SetMeta(key, value string) error
	Lease(name, holder string, now time.Time, length time.Duration) (bool, error)
	Release(name, holder string) error
	Sweep(now, usedBefore time.Time) error
}

// Opener returns a store over an empty, migrated database, which it closes when the test ends.
type Opener func(t testing.TB) txn.Store[Tx]

// Run checks a store.
func Run(t *testing.T, open Opener) {
	for name, test := range map[string]func(*testing.T, *bench){
		"an error takes back all of its unit and nothing of another":   isolation,
		"a panic takes back all of its unit and nothing of another":    panics,
		"increments at once are all counted":                           increments,
		"a view sees one moment and writes nothing":                    views,
		"a context that is over begins nothing":                        contexts,
		"users are unique by their name in a tenant":                   users,
		"a clean lock-out is like none":                                lockouts,
		"a device is found by its current keys, past ones stay known":  devices,
		"a device's id is used once":                                   usedIDs,
		"an enrollment moves once":                                     enrollments,
		"a challenge ends once, in its time":                           challenges,
		"decisions at once have one winner":                            race,
		"a report is stored once":                                      reports,
		"recent challenges are the pending and the freshly denied":     recent,
		"a create is remembered once and swept":                        replays,
		"events are sealed once and in order":                          events,
		"a lease has one holder":                                       leases,
		"rows do not point into another tenant":                        tenants,
		"times keep their milliseconds, and no time stays no time":     times,
		"texts come back as they were, whatever stands in them":        texts,
		"keys, applications and API keys come back as they were saved": settings,
	} {
		t.Run(name, func(t *testing.T) { test(t, newBench(t, open(t))) })
	}
}

var now = time.Date(2026, 11, 23, 12, 0, 0, int(7*time.Millisecond), time.UTC)

// bench is a store with one tenant, application and user.
type bench struct {
	t     *testing.T
	store txn.Store[Tx]
	ctx   context.Context
	tn    tenant.Tenant
	app   tenant.Application
	user  user.User
}

func newBench(t *testing.T, s txn.Store[Tx]) *bench {
	b := &bench{t: t, store: s, ctx: context.Background()}
	b.tn, b.app, b.user = b.space("Example")
	return b
}

// space adds a tenant with an application and a user.
func (b *bench) space(name string) (tenant.Tenant, tenant.Application, user.User) {
	tn := tenant.Tenant{ID: protocol.NewID[protocol.TenantID](), Name: name, DeviceAdd: tenant.DeviceAddApprove, CreatedAt: now, Root: newKey(b.t), KeysSeq: 1, KeysJWS: "jws"}
	app := tenant.Application{Tenant: tn.ID, ID: protocol.NewID[protocol.ApplicationID](), Name: name, MinMatch: protocol.MatchEnter, CreatedAt: now}
	u := user.User{Tenant: tn.ID, ID: protocol.NewID[protocol.UserID](), Ref: "ada", CreatedAt: now}
	b.update(func(tx Tx) error { return errors.Join(tx.SaveTenant(tn), tx.SaveApplication(app), tx.SaveUser(u)) })
	return tn, app, u
}

func newKey(t testing.TB) protocol.JWK {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	jwk, err := protocol.NewJWK(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return jwk
}

func (b *bench) update(fn func(Tx) error) {
	b.t.Helper()
	if err := b.store.Update(b.ctx, fn); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) view(fn func(Tx) error) {
	b.t.Helper()
	if err := b.store.View(b.ctx, fn); err != nil {
		b.t.Fatal(err)
	}
}

// meta reads a value.
func (b *bench) meta(key string) (v string) {
	b.t.Helper()
	b.view(func(tx Tx) (err error) { v, err = tx.Meta(key); return err })
	return v
}

func (b *bench) want(what string, err, target error) {
	b.t.Helper()
	if !errors.Is(err, target) {
		b.t.Errorf("%s: got %v, want %v", what, err, target)
	}
}

func (b *bench) equal(what string, got, want any) {
	b.t.Helper()
	if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != w {
		b.t.Errorf("%s:\n got %s\nwant %s", what, g, w)
	}
}

// device makes one of the user's, not stored.
func (b *bench) device() device.Device {
	key, approval := newKey(b.t), newKey(b.t)
	return device.Device{Tenant: b.tn.ID, ID: protocol.NewID[protocol.DeviceID](), User: b.user.ID, Info: protocol.DeviceInfo{Name: "A", Platform: "linux"},
		Status: device.StatusActive, Key: device.Credential{ID: key.Thumbprint(), JWK: key, Claimed: protocol.LevelSoftware},
		Approval: device.Credential{ID: approval.Thumbprint(), JWK: approval, Claimed: protocol.LevelTPM}, Handle: "h", CreatedAt: now, SeenAt: now}
}

// challenge stores a pending one that ends after a minute and a half.
func (b *bench) challenge(change func(*challenge.Challenge)) challenge.Challenge {
	b.t.Helper()
	id := protocol.NewID[protocol.ChallengeID]()
	c := challenge.Challenge{Tenant: b.tn.ID, ID: id, Application: b.app.ID, User: b.user.ID, UserRef: b.user.Ref, Transaction: "t", Kind: "sign_in",
		Status: protocol.StatusPending, JWS: "jws of " + string(id), Match: protocol.Match{Mode: protocol.MatchEnter, Digits: 2}, SaltSealed: []byte{1, 2},
		Recipients: []protocol.DeviceID{protocol.NewID[protocol.DeviceID]()}, BrowserHash: string(id), CreatedAt: now, ExpiresAt: now.Add(90 * time.Second)}
	c.Hash = protocol.Hash(c.JWS)
	if change != nil {
		change(&c)
	}
	b.update(func(tx Tx) error { return tx.InsertChallenge(c) })
	return c
}

func (b *bench) finish(f challenge.Final) (won bool) {
	b.t.Helper()
	b.update(func(tx Tx) (err error) { won, err = tx.FinishChallenge(f); return err })
	return won
}

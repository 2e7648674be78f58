// Package testkit assembles the real domain services over a real SQLite file for tests, with a clock that the test
// moves and devices that sign with keys in memory. It is imported by tests only.
package testkit

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/nod-auth/nod/backend/internal/approval"
	"github.com/nod-auth/nod/backend/internal/bus"
	"github.com/nod-auth/nod/backend/internal/challenge"
	"github.com/nod-auth/nod/backend/internal/device"
	"github.com/nod-auth/nod/backend/internal/enrollment"
	"github.com/nod-auth/nod/backend/internal/seal"
	"github.com/nod-auth/nod/backend/internal/sqlstore"
	"github.com/nod-auth/nod/backend/internal/tenant"
	"github.com/nod-auth/nod/shared/protocol"
)

// Issuer is the server's base URL in tests.
const Issuer = "https://auth.example.com"

// Clock is a clock that a test moves. It is safe for concurrent use.
type Clock struct {
	mu sync.Mutex
	t  time.Time
}

// NewClock starts at a round time.
func NewClock() *Clock { return &Clock{t: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)} }

// Now returns the clock's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

// Advance moves the clock.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// Kit is a server without its edge.
type Kit struct {
	T           testing.TB
	Clock       *Clock
	DB          *sqlstore.DB
	Sealer      *seal.Sealer
	Bus         *bus.Bus
	Tenants     *tenant.Service
	Devices     *device.Service
	Enrollments *enrollment.Service
	Challenges  *challenge.Service
	Tenant      tenant.Tenant
	App         tenant.Application
	Caller      tenant.Caller
	Secret      tenant.Secret
}

// New starts a kit with one tenant, one application and one API key with every scope.
func New(t testing.TB) *Kit {
	t.Helper()
	k := &Kit{T: t, Clock: NewClock(), Bus: bus.New()}
	var err error
	k.DB, err = sqlstore.Open(context.Background(), sqlstore.Options{Path: filepath.Join(t.TempDir(), "nod.db"), Create: true, Migrate: true})
	k.must(err)
	t.Cleanup(func() { _ = k.DB.Close() })
	k.Sealer, err = seal.New(make([]byte, seal.KeySize))
	k.must(err)
	k.Tenants, err = tenant.New(tenant.Params{Store: sqlstore.For[tenant.Tx](k.DB), Sealer: k.Sealer, Issuer: Issuer, Now: k.Clock.Now})
	k.must(err)
	k.Devices, err = device.New(device.Params{Store: sqlstore.For[device.Tx](k.DB), Bus: k.Bus, Issuer: Issuer, Now: k.Clock.Now,
		Nonces: device.NewNonces(k.Sealer.Derive("nonce"), k.Clock.Now)})
	k.must(err)
	k.Enrollments, err = enrollment.New(enrollment.Params{Store: sqlstore.For[enrollment.Tx](k.DB), Tenants: k.Tenants, Sealer: k.Sealer, Bus: k.Bus,
		Issuer: Issuer, Now: k.Clock.Now})
	k.must(err)
	k.Challenges, err = challenge.New(challenge.Params{Store: sqlstore.For[challenge.Tx](k.DB), Tenants: k.Tenants, Devices: k.Devices, Sealer: k.Sealer,
		Bus: k.Bus, Issuer: Issuer, Now: k.Clock.Now,
		Observers: []challenge.Observer{approval.Observer(k.Enrollments, k.must)}})
	k.must(err)
	k.Enrollments.Approver = approval.Asker{Challenges: k.Challenges}
	k.Tenant, err = k.Tenants.Create(context.Background(), "Example Bank")
	k.must(err)
	k.App, k.Caller, k.Secret = k.NewApplication(k.Tenant, "Online banking")
	return k
}

// NewApplication adds an application with a key of every scope.
func (k *Kit) NewApplication(t tenant.Tenant, name string) (tenant.Application, tenant.Caller, tenant.Secret) {
	k.T.Helper()
	app, err := k.Tenants.CreateApplication(context.Background(), t.ID, name, nil)
	k.must(err)
	key, secret, err := k.Tenants.CreateAPIKey(context.Background(), app, "test", tenant.Scopes())
	k.must(err)
	return app, tenant.Caller{Key: key, Application: app}, secret
}

func (k *Kit) must(err error) {
	k.T.Helper()
	if err != nil {
		k.T.Fatal(err)
	}
}

// Device is an enrolled device with its keys in memory.
type Device struct {
	kit      *Kit
	ID       protocol.DeviceID
	Tenant   protocol.TenantID
	Key      *protocol.Signer
	Approval *protocol.Signer
	Code     string
	Counter  uint64
}

// NewSigner makes a key in memory.
func NewSigner(t testing.TB) *protocol.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := protocol.NewSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Enrollment builds a device's signed enrollment for an invitation; change may alter it before it is signed.
func (k *Kit) Enrollment(inv protocol.Invitation, d *Device, change func(*protocol.Enrollment)) string {
	k.T.Helper()
	proof, err := protocol.Sign(d.Approval, &protocol.ApprovalProof{Audience: inv.Server, TokenHash: protocol.TokenHash(inv.Token), DeviceKey: d.Key.KeyID()})
	k.must(err)
	now := k.Clock.Now()
	e := &protocol.Enrollment{Audience: inv.Server, IssuedAt: protocol.At(now), ExpiresAt: protocol.At(now.Add(time.Minute)), Token: inv.Token, Root: inv.Root,
		Approval: protocol.ApprovalKey{JWK: d.Approval.Public(), Proof: proof}, Device: protocol.DeviceInfo{Name: "Ada's laptop", Platform: "linux"},
		Levels: protocol.KeyLevels{Device: protocol.LevelSoftware, Approval: protocol.LevelSoftware}, Handle: protocol.RandomText(16)}
	if change != nil {
		change(e)
	}
	raw, err := protocol.Sign(d.Key, e)
	k.must(err)
	return raw
}

// Register invites a user and registers a device, which stays unconfirmed.
func (k *Kit) Register(userRef string) (*Device, enrollment.Invited) {
	k.T.Helper()
	return k.RegisterWith(userRef, nil)
}

// RegisterWith is Register with a change to the enrollment before it is signed.
func (k *Kit) RegisterWith(userRef string, change func(*protocol.Enrollment)) (*Device, enrollment.Invited) {
	k.T.Helper()
	ctx := context.Background()
	inv, err := k.Enrollments.Invite(ctx, enrollment.Invite{Caller: k.Caller, UserRef: userRef, UserLabel: userRef})
	k.must(err)
	d := &Device{kit: k, Tenant: k.Tenant.ID, Key: NewSigner(k.T), Approval: NewSigner(k.T)}
	raw := k.Enrollment(inv.Invitation, d, change)
	reply, err := k.Enrollments.Register(ctx, raw)
	k.must(err)
	keys, err := protocol.VerifyKeys(reply.Keys, inv.Invitation.Root, 0, k.Clock.Now())
	k.must(err)
	enrolled, err := protocol.VerifyEnrolled(reply.Reply, keys, raw)
	k.must(err)
	d.ID, d.Code = enrolled.Audience, enrolled.ConfirmCode
	return d, inv
}

// Enroll registers and confirms a first device of a user.
func (k *Kit) Enroll(userRef string) *Device {
	k.T.Helper()
	return k.EnrollWith(userRef, nil)
}

// EnrollWith is Enroll with a change to the enrollment before it is signed.
func (k *Kit) EnrollWith(userRef string, change func(*protocol.Enrollment)) *Device {
	k.T.Helper()
	d, inv := k.RegisterWith(userRef, change)
	c, err := k.Enrollments.Confirm(context.Background(), k.Caller, inv.Enrollment.ID, d.Code)
	k.must(err)
	if c.Enrollment.Status != enrollment.StatusActive {
		k.T.Fatalf("the enrollment is %s", c.Enrollment.Status)
	}
	return d
}

// Create makes a challenge with defaults; change may alter the request.
func (k *Kit) Create(userRef string, change func(*challenge.Request)) (challenge.Created, error) {
	r := challenge.Request{Application: k.App, Actor: k.Caller.Key.ID, UserRef: userRef, Transaction: protocol.RandomText(16), Action: protocol.Action{Kind: "sign_in"},
		Context: protocol.Context{IP: "203.0.113.7", Location: "Porto, Portugal", Browser: "Firefox on Windows"}}
	if change != nil {
		change(&r)
	}
	return k.Challenges.Create(context.Background(), r)
}

// MustCreate is Create that fails the test on an error.
func (k *Kit) MustCreate(userRef string, change func(*challenge.Request)) challenge.Created {
	k.T.Helper()
	c, err := k.Create(userRef, change)
	k.must(err)
	return c
}

// Sign signs a decision on a challenge with the key of the answer's role; change may alter it before.
func (d *Device) Sign(c challenge.Challenge, answer protocol.Answer, number string, change func(*protocol.Decision)) string {
	d.kit.T.Helper()
	d.Counter++
	in := &protocol.Decision{Issuer: d.ID, Audience: Issuer, Tenant: d.Tenant, ID: protocol.RandomText(16), IssuedAt: protocol.At(d.kit.Clock.Now()),
		Challenge: c.ID, ChallengeHash: c.Hash, Answer: answer, Number: number, Counter: d.Counter}
	if change != nil {
		change(in)
	}
	key := d.Key
	if answer == protocol.Approve {
		key = d.Approval
	}
	raw, err := protocol.Sign(key, in)
	d.kit.must(err)
	return raw
}

// Decide signs and sends a decision.
func (d *Device) Decide(c challenge.Challenge, answer protocol.Answer, number string) (challenge.Challenge, error) {
	d.kit.T.Helper()
	return d.kit.Challenges.Decide(context.Background(), c.ID, d.Sign(c, answer, number, nil))
}

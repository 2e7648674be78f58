package httpapi_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nod-auth/nod/backend/internal/audit"
	"github.com/nod-auth/nod/backend/internal/bus"
	"github.com/nod-auth/nod/backend/internal/challenge"
	"github.com/nod-auth/nod/backend/internal/config"
	"github.com/nod-auth/nod/backend/internal/device"
	"github.com/nod-auth/nod/backend/internal/enrollment"
	"github.com/nod-auth/nod/backend/internal/httpapi"
	"github.com/nod-auth/nod/backend/internal/seal"
	"github.com/nod-auth/nod/backend/internal/sqlstore"
	"github.com/nod-auth/nod/backend/internal/tenant"
	"github.com/nod-auth/nod/backend/internal/user"
	"github.com/nod-auth/nod/shared/protocol"
)

// publicURL is what the test server signs; the requests go to the address of httptest.
const publicURL = "https://nod.example.com"

// world is a real server over a real database, with a tenant, an application and a key with every scope.
type world struct {
	t           testing.TB
	URL         string
	api         *httpapi.API
	db          *sqlstore.DB
	bus         *bus.Bus
	tenants     *tenant.Service
	devices     *device.Service
	enrollments *enrollment.Service
	challenges  *challenge.Service
	metrics     *httpapi.Metrics
	logs        *logs
	tenant      tenant.Tenant
	app         tenant.Application
	key         string

	mu     sync.Mutex
	offset time.Duration
}

type option func(*httpapi.Params)

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().UTC().Add(w.offset).Truncate(time.Millisecond)
}

// advance moves the server's clock.
func (w *world) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.offset += d
}

// logs collects what is logged.
type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func newWorld(t testing.TB, options ...option) *world {
	t.Helper()
	w := &world{t: t, bus: bus.New(), logs: &logs{}}
	w.db = must[*sqlstore.DB](t)(sqlstore.Open(t.Context(), sqlstore.Options{Path: filepath.Join(t.TempDir(), "nod.db"), Create: true, Migrate: true}))
	t.Cleanup(func() { _ = w.db.Close() })
	sealer := must[*seal.Sealer](t)(seal.New(bytes.Repeat([]byte{7}, seal.KeySize)))
	log := config.Log{Level: "debug", Format: "json"}.Logger(w.logs)
	nonces := device.NewNonces(sealer.Derive("device-nonce"), w.now)
	w.tenants = must[*tenant.Service](t)(tenant.New(tenant.Params{Store: sqlstore.For[tenant.Tx](w.db), Sealer: sealer, Issuer: publicURL, Now: w.now}))
	w.devices = must[*device.Service](t)(device.New(device.Params{Store: sqlstore.For[device.Tx](w.db), Bus: w.bus, Nonces: nonces, Issuer: publicURL, Now: w.now}))
	w.challenges = must[*challenge.Service](t)(challenge.New(challenge.Params{Store: sqlstore.For[challenge.Tx](w.db), Tenants: w.tenants, Devices: w.devices,
		Sealer: sealer, Bus: w.bus, Issuer: publicURL, Now: w.now}))
	w.enrollments = must[*enrollment.Service](t)(enrollment.New(enrollment.Params{Store: sqlstore.For[enrollment.Tx](w.db), Tenants: w.tenants, Sealer: sealer,
		Bus: w.bus, Issuer: publicURL, Now: w.now, Approver: asker{w}}))
	w.challenges.Observers = append(w.challenges.Observers, func(ctx context.Context, c challenge.Challenge) {
		if err := w.enrollments.Decided(ctx, c.Tenant, c.ID); err != nil {
			t.Error(err)
		}
	})
	w.metrics = httpapi.NewMetrics("test")
	p := httpapi.Params{PublicURL: publicURL, Log: log, Now: w.now, Bus: w.bus, Nonces: nonces, Metrics: w.metrics, Ready: w.db.Ping, Tenants: w.tenants,
		Devices: w.devices, Enrollments: w.enrollments, Challenges: w.challenges, Audit: sqlstore.For[httpapi.AuditReader](w.db), Users: sqlstore.For[httpapi.Directory](w.db)}
	for _, o := range options {
		o(&p)
	}
	w.api = must[*httpapi.API](t)(httpapi.New(t.Context(), p))
	server := httptest.NewServer(holdToContract(t, w.api))
	t.Cleanup(server.Close)
	t.Cleanup(w.api.Close)
	w.URL = server.URL
	w.tenant, w.app, w.key = w.newTenant("Example Bank")
	return w
}

// newTenant makes a tenant, an application and a key with every scope.
func (w *world) newTenant(name string) (tenant.Tenant, tenant.Application, string) {
	w.t.Helper()
	t := must[tenant.Tenant](w.t)(w.tenants.Create(w.t.Context(), name))
	a := must[tenant.Application](w.t)(w.tenants.CreateApplication(w.t.Context(), t.ID, name+" sign-in", []string{"https://www.example.com"}))
	return t, a, w.newKey(a, tenant.Scopes()...)
}

func (w *world) newKey(a tenant.Application, scopes ...tenant.Scope) string {
	w.t.Helper()
	_, secret, err := w.tenants.CreateAPIKey(w.t.Context(), a, "test", scopes)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(secret)
}

// seal chains the audit events, as the server does in the background.
func (w *world) seal() {
	w.t.Helper()
	s := audit.Sealer{Store: sqlstore.For[audit.Tx](w.db), Now: w.now, Log: slog.New(slog.DiscardHandler)}
	if err := s.SealAll(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// answer is a response that was read to its end.
type answer struct {
	Status int
	Header http.Header
	Body   string
}

func (a answer) json(t testing.TB) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(a.Body), &m); err != nil {
		t.Fatalf("answer %d is no JSON object: %v\n%s", a.Status, err, a.Body)
	}
	return m
}

// code is the problem code, empty when the answer is no problem.
func (a answer) code() string {
	var p struct{ Code string }
	if a.Header.Get("Content-Type") != "application/problem+json" || json.Unmarshal([]byte(a.Body), &p) != nil {
		return ""
	}
	return p.Code
}

// call is one request; header values of "" leave the header out.
func (w *world) call(method, path, body string, header map[string]string) answer {
	w.t.Helper()
	return w.callWith(w.t.Context(), method, path, body, header)
}

func (w *world) callWith(ctx context.Context, method, path, body string, header map[string]string) answer {
	w.t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, w.URL+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	for k, v := range header {
		if v != "" {
			req.Header.Set(k, v)
		}
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(text)}
}

// app is a call of the application with its key.
func (w *world) appCall(method, path, body string) answer {
	w.t.Helper()
	return w.call(method, path, body, w.appHeader(body))
}

func (w *world) appHeader(body string) map[string]string {
	h := map[string]string{"Authorization": "Bearer " + w.key}
	if body != "" {
		h["Content-Type"] = "application/json"
	}
	return h
}

// phone is a device without a screen, with keys in memory.
type phone struct {
	w         *world
	ID        protocol.DeviceID
	Device    *protocol.Signer
	Approval  *protocol.Signer
	Keys      *protocol.Keys
	tenant    tenant.Tenant
	nonce     string
	counter   uint64
	Code      string
	Enrolling string // the enrollment JWS
}

func newSigner(t testing.TB) *protocol.Signer {
	t.Helper()
	key := must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	return must[*protocol.Signer](t)(protocol.NewSigner(key))
}

// invite makes an invitation and returns the enrollment's id and what the QR code holds.
func (w *world) invite(user string) (string, protocol.Invitation) {
	w.t.Helper()
	a := w.appCall("POST", "/v1/enrollments", `{"user_ref":"`+user+`"}`)
	if a.Status != 201 {
		w.t.Fatalf("invite: %d %s", a.Status, a.Body)
	}
	m := a.json(w.t)
	inv := must[protocol.Invitation](w.t)(protocol.ParseInvitation(m["invitation_uri"].(string), protocol.Scheme))
	return m["id"].(string), inv
}

// register sends the enrollment of a new phone.
func (w *world) register(inv protocol.Invitation, change func(*protocol.Enrollment)) (*phone, answer) {
	w.t.Helper()
	p := &phone{w: w, Device: newSigner(w.t), Approval: newSigner(w.t), tenant: w.tenant}
	proof := must[string](w.t)(protocol.Sign(p.Approval, &protocol.ApprovalProof{Audience: publicURL, TokenHash: protocol.TokenHash(inv.Token), DeviceKey: p.Device.KeyID()}))
	in := &protocol.Enrollment{Audience: publicURL, IssuedAt: protocol.At(w.now()), ExpiresAt: protocol.At(w.now().Add(5 * time.Minute)), Token: inv.Token, Root: inv.Root,
		Approval: protocol.ApprovalKey{JWK: p.Approval.Public(), Proof: proof}, Device: protocol.DeviceInfo{Name: "Test phone", Model: "T1", Platform: "simulator", AppVersion: "1.0"},
		Levels: protocol.KeyLevels{Device: protocol.LevelSoftware, Approval: protocol.LevelSoftware}, Handle: protocol.RandomText(16)}
	if change != nil {
		change(in)
	}
	p.Enrolling = must[string](w.t)(protocol.Sign(p.Device, in))
	a := w.call("POST", "/device/v1/enrollments", p.Enrolling, map[string]string{"Content-Type": "application/jose"})
	if a.Status == 201 {
		p.take(a, inv.Root)
	}
	return p, a
}

func (p *phone) take(a answer, root protocol.Thumbprint) {
	t := p.w.t
	t.Helper()
	m := a.json(t)
	p.Keys = must[*protocol.Keys](t)(protocol.VerifyKeys(m["keys"].(string), root, 0, p.w.now()))
	e := must[*protocol.Enrolled](t)(protocol.VerifyEnrolled(m["enrolled"].(string), p.Keys, p.Enrolling))
	p.ID, p.Code = e.Audience, e.ConfirmCode
	p.nonce = a.Header.Get("DPoP-Nonce")
}

// enroll makes an active phone of a user.
func (w *world) enroll(user string) *phone {
	w.t.Helper()
	id, inv := w.invite(user)
	p, a := w.register(inv, nil)
	if a.Status != 201 {
		w.t.Fatalf("register: %d %s", a.Status, a.Body)
	}
	if a := w.appCall("POST", "/v1/enrollments/"+id+"/confirm", `{"code":"`+p.Code+`"}`); a.Status != 200 {
		w.t.Fatalf("confirm: %d %s", a.Status, a.Body)
	}
	return p
}

// proof signs a DPoP proof.
func (p *phone) proof(method, path string) string {
	return must[string](p.w.t)(protocol.Sign(p.Device, &protocol.Proof{Issuer: p.ID, ID: protocol.RandomText(16), IssuedAt: protocol.At(p.w.now()), Method: method, URL: publicURL + path, Nonce: p.nonce}))
}

// get is a read with a proof; it takes the next nonce.
func (p *phone) get(path string) answer {
	p.w.t.Helper()
	a := p.w.call("GET", path, "", map[string]string{"DPoP": p.proof("GET", path)})
	p.nonce = a.Header.Get("DPoP-Nonce")
	return a
}

// pending fetches the challenges that the phone could answer.
func (p *phone) pending() []string {
	t := p.w.t
	t.Helper()
	a := p.get("/device/v1/challenges")
	if a.Status != 200 {
		t.Fatalf("pending: %d %s", a.Status, a.Body)
	}
	var out []string
	for _, c := range a.json(t)["challenges"].([]any) {
		out = append(out, c.(string))
	}
	return out
}

// decision signs an answer to a challenge.
func (p *phone) decision(raw string, answer protocol.Answer, number string) (protocol.ChallengeID, string) {
	t := p.w.t
	t.Helper()
	c := must[*protocol.Challenge](t)(protocol.VerifyChallenge(raw, p.Keys, p.ID))
	p.counter++
	d := &protocol.Decision{Issuer: p.ID, Audience: publicURL, Tenant: c.Tenant, ID: protocol.RandomText(16), IssuedAt: protocol.At(p.w.now()), Challenge: c.ID,
		ChallengeHash: protocol.Hash(raw), Answer: answer, Counter: p.counter}
	signer := p.Device
	if answer == protocol.Approve {
		d.Number, signer = number, p.Approval
	}
	if answer == protocol.Deny {
		d.Reason = "wrong_request"
	}
	return c.ID, must[string](t)(protocol.Sign(signer, d))
}

// decide answers a challenge.
func (p *phone) decide(raw string, verb protocol.Answer, number string) answer {
	p.w.t.Helper()
	id, jws := p.decision(raw, verb, number)
	return p.send(id, jws)
}

func (p *phone) send(id protocol.ChallengeID, jws string) answer {
	p.w.t.Helper()
	return p.w.call("POST", "/device/v1/challenges/"+string(id)+"/decision", jws, map[string]string{"Content-Type": "application/jose"})
}

// created is the answer to a create.
type created struct {
	ID, Number, Browser string
}

func (w *world) challenge(user, transaction string) created {
	w.t.Helper()
	a := w.appCall("POST", "/v1/challenges", `{"user_ref":"`+user+`","transaction":"`+transaction+`","action":{"kind":"sign_in"},"context":{"ip":"203.0.113.7"}}`)
	if a.Status != 201 {
		w.t.Fatalf("create: %d %s", a.Status, a.Body)
	}
	m := a.json(w.t)
	return created{m["id"].(string), m["match"].(map[string]any)["number"].(string), m["browser_token"].(string)}
}

func (w *world) setDisabled(ref string, disabled bool) {
	w.t.Helper()
	err := w.db.Update(w.t.Context(), func(tx *sqlstore.Tx) error {
		u, err := tx.UserByRef(w.tenant.ID, ref)
		if err != nil {
			return err
		}
		return user.SetDisabled(tx, u, disabled, w.now())
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// asker asks a user's other devices, as the program does.
type asker struct{ w *world }

func (a asker) RequestApproval(ctx context.Context, q enrollment.Question) (enrollment.Approval, error) {
	made, err := a.w.challenges.Create(ctx, challenge.Request{Application: a.w.app, Actor: "server", UserRef: q.UserRef, Transaction: string(q.Enrollment),
		Action: protocol.Action{Kind: challenge.KindAddDevice}, Mode: protocol.MatchEnter})
	c := made.Challenge
	return enrollment.Approval{Challenge: c.ID, Mode: c.Match.Mode, Number: made.Number, ExpiresAt: c.ExpiresAt}, err
}

func (a asker) ApprovalStatus(ctx context.Context, _ protocol.TenantID, id protocol.ChallengeID) (protocol.Status, error) {
	c, err := a.w.challenges.Get(ctx, a.w.app, id)
	return c.Status, err
}

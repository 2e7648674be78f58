package devicetest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/nod-auth/nod/shared/protocol"
)

// Server is the fake. Its fields may be set before it is used; its methods are
// safe for concurrent use.
type Server struct {
	// URL is the base URL.
	URL    string
	Tenant protocol.TenantID
	// Company is in the signed reply.
	Company string

	http *httptest.Server

	mu          sync.Mutex
	skew        time.Duration
	root        *protocol.Signer
	signing     []*protocol.Signer // the last one signs
	sequence    uint64
	nonce       string
	invitations map[string]*invitation // by token
	devices     map[protocol.DeviceID]*device
	challenges  []*challenge
	faults      map[string]*fault // by operation
	counts      map[string]int
	bodies      map[string][]string // what was sent, by operation
	changed     chan struct{}
}

type invitation struct {
	user    protocol.ChallengeUser
	raw     string // the enrollment that used it
	reply   string
	expires time.Time
}

type device struct {
	id            protocol.DeviceID
	status        string
	name          string
	handle        string
	code          string
	push          *protocol.PushAddress
	key, approval protocol.JWK
	counter       uint64
	lastUpdate    string
	user          protocol.ChallengeUser
}

type challenge struct {
	id       protocol.ChallengeID
	raw      string
	content  *protocol.Challenge
	number   string
	salt     []byte
	status   protocol.Status
	decision string
	decided  *protocol.Decision
	reported bool
}

// fault makes the next answers of one operation go wrong.
type fault struct {
	left int
	// before answers instead of the operation; after lets it happen and loses the reply.
	before, after func(http.ResponseWriter)
}

// New starts a server; it is closed with the test.
func New(t testing.TB) *Server {
	t.Helper()
	s := &Server{
		Tenant: protocol.NewID[protocol.TenantID](), Company: "Example Bank", root: newSigner(), signing: []*protocol.Signer{newSigner()}, sequence: 1,
		nonce: protocol.RandomText(16), invitations: map[string]*invitation{}, devices: map[protocol.DeviceID]*device{},
		faults: map[string]*fault{}, counts: map[string]int{}, bodies: map[string][]string{}, changed: make(chan struct{}),
	}
	s.http = httptest.NewServer(s.routes())
	s.URL = s.http.URL
	t.Cleanup(func() { s.http.CloseClientConnections(); s.http.Close() })
	return s
}

func newSigner() *protocol.Signer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // crypto/rand does not fail
	}
	s, err := protocol.NewSigner(key)
	if err != nil {
		panic(err)
	}
	return s
}

// Invite returns an invitation URI for a user.
func (s *Server) Invite(user string) string { return s.Invitation(user).URI(protocol.Scheme) }

// Invitation is Invite in parts, for tests that change some.
func (s *Server) Invitation(user string) protocol.Invitation {
	s.mu.Lock()
	defer s.mu.Unlock()
	token := protocol.RandomText(32)
	s.invitations[token] = &invitation{user: protocol.ChallengeUser{Ref: user, Name: user}, expires: s.now().Add(protocol.InvitationLifetime)}
	return protocol.Invitation{Server: s.URL, Company: s.Company, User: user, Token: token, Root: s.root.KeyID()}
}

// Confirm makes the device with this code active; false if there is none.
func (s *Server) Confirm(code string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.devices {
		if d.status == "unconfirmed" && d.code == code {
			d.status = "active"
			s.notify()
			return true
		}
	}
	return false
}

// Revoke removes a device at the server.
func (s *Server) Revoke(id protocol.DeviceID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.devices[id].status = "revoked"
	s.notify()
}

// DeviceName is what the device calls itself; "" if it is unknown.
func (s *Server) DeviceName(id protocol.DeviceID) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.devices[id]; d != nil {
		return d.name
	}
	return ""
}

// DeviceStatus is unconfirmed, active, revoked or "".
func (s *Server) DeviceStatus(id protocol.DeviceID) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.devices[id]; d != nil {
		return d.status
	}
	return ""
}

// DeviceKeys are the thumbprints of a device's two keys.
func (s *Server) DeviceKeys(id protocol.DeviceID) (deviceKey, approval protocol.Thumbprint) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.devices[id]
	return d.key.Thumbprint(), d.approval.Thumbprint()
}

// PushAddress is where wake-ups for the device go.
func (s *Server) PushAddress(id protocol.DeviceID) *protocol.PushAddress {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.devices[id].push
}

// Skew sets how far the server's clock is ahead.
func (s *Server) Skew(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.skew = d
}

func (s *Server) now() time.Time { return time.Now().Add(s.skew) }

// RotateSigningKey makes a new signing key and raises the key sequence.
func (s *Server) RotateSigningKey() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signing = append(s.signing, newSigner())
	s.sequence++
	s.notify()
}

// RollBackKeys makes the server serve an older key sequence, with a new signing key that only it names.
func (s *Server) RollBackKeys() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signing = append(s.signing, newSigner())
	s.sequence--
	s.notify()
}

// UseStrangeKey lets the server sign challenges with a key that its root does not name.
func (s *Server) UseStrangeKey() *protocol.Signer { return newSigner() }

// Fail answers the next n requests of an operation with this status and no problem document, before they are looked at.
func (s *Server) Fail(operation string, n, status int) {
	s.fault(operation, &fault{left: n, before: func(w http.ResponseWriter) { http.Error(w, "fault", status) }})
}

// Refuse answers the next n requests of an operation with write, before they are looked at.
func (s *Server) Refuse(operation string, n int, write func(http.ResponseWriter)) {
	s.fault(operation, &fault{left: n, before: write})
}

// LoseReplies lets the next n requests of an operation happen and drops the connection instead of answering.
func (s *Server) LoseReplies(operation string, n int) {
	s.fault(operation, &fault{left: n, after: func(http.ResponseWriter) { panic(http.ErrAbortHandler) }})
}

func (s *Server) fault(operation string, f *fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[operation] = f
}

// Count is how many requests of an operation arrived.
func (s *Server) Count(operation string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[operation]
}

// Bodies are what was sent to an operation, in order.
func (s *Server) Bodies(operation string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.bodies[operation]...)
}

// CutStreams ends every connection.
func (s *Server) CutStreams() { s.http.CloseClientConnections() }

// notify wakes the streams; the caller holds mu.
func (s *Server) notify() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// Package apns is a fake of Apple's push service: HTTP/2 over TLS, provider tokens checked (ES256, team, key, age),
// the headers and the payload checked, errors in Apple's words ("Sending notification requests to APNs" and "Handling
// notification responses from APNs" in Apple's documentation).
package apns

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/nod-auth/nod/backend/internal/fakepush"
)

// Limits that Apple documents.
const (
	maxPayload    = 4096
	maxCollapseID = 64
	maxTokenAge   = time.Hour
)

// Params configures the fake.
type Params struct {
	Address string   // to listen on; empty means a free port of loopback
	Topics  []string // bundle ids that the key may push to
	// Now is the fake's clock. Nil means time.Now.
	Now func() time.Time
}

// Push is one accepted notification.
type Push struct {
	Token   string
	Header  http.Header // apns-* headers as received
	Payload []byte
}

// Service is the running fake. It makes the provider's key itself, as Apple does.
type Service struct {
	*fakepush.Server
	KeyP8         []byte // content of the .p8 file
	KeyID, TeamID string
	Script        fakepush.Script
	Pushes        fakepush.Record[Push]

	p    Params
	key  *ecdsa.PublicKey
	mu   sync.Mutex
	gone map[string]time.Time
	// held is the last token whose signature held. Every request repeats it; checking it each time would measure the
	// fake instead of the client.
	held   string
	issued time.Time
}

// Start runs the fake until Close.
func Start(p Params) (*Service, error) {
	if p.Now == nil {
		p.Now = time.Now
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make provider key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode provider key: %w", err)
	}
	s := &Service{
		KeyP8: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), KeyID: "FAKEKEY001", TeamID: "FAKETEAM01",
		p: p, key: &key.PublicKey, gone: map[string]time.Time{},
	}
	s.Server, err = fakepush.Start(p.Address, s)
	return s, err
}

// Unregister makes a token dead since a time, as when the app was removed from the phone.
func (s *Service) Unregister(token string, since time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone[token] = since
}

// Authorization is the header with the last token that held, for posts beside the client under test.
func (s *Service) Authorization() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return "bearer " + s.held
}

type refusal struct {
	status int
	reason string
}

// ServeHTTP answers one notification request.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	token, found := strings.CutPrefix(r.URL.Path, "/3/device/")
	if s.Script.Play(w, r, token) {
		return
	}
	w.Header().Set("apns-id", apnsID(r))
	payload, err := io.ReadAll(io.LimitReader(r.Body, maxPayload+1))
	if err != nil {
		return
	}
	if !found {
		refuse(w, refusal{http.StatusNotFound, "BadPath"}, time.Time{})
		return
	}
	for _, check := range []func() *refusal{
		func() *refusal { return s.checkProvider(r) },
		func() *refusal { return s.checkHeaders(r) },
		func() *refusal { return checkToken(token) },
		func() *refusal { return checkPayload(payload) },
	} {
		if no := check(); no != nil {
			refuse(w, *no, time.Time{})
			return
		}
	}
	s.mu.Lock()
	since, dead := s.gone[token]
	s.mu.Unlock()
	if dead {
		refuse(w, refusal{http.StatusGone, "Unregistered"}, since)
		return
	}
	s.Pushes.Add(Push{Token: token, Header: apnsHeaders(r), Payload: payload})
	w.WriteHeader(http.StatusOK)
}

func (s *Service) checkProvider(r *http.Request) *refusal {
	if r.ProtoMajor != 2 || r.Method != http.MethodPost {
		return &refusal{http.StatusMethodNotAllowed, "MethodNotAllowed"}
	}
	raw, found := strings.CutPrefix(r.Header.Get("Authorization"), "bearer ")
	if !found {
		return &refusal{http.StatusForbidden, "MissingProviderToken"}
	}
	issued, holds := s.tokenIssued(raw)
	if !holds {
		return &refusal{http.StatusForbidden, "InvalidProviderToken"}
	}
	if age := s.p.Now().Sub(issued); age > maxTokenAge || age < -time.Minute {
		return &refusal{http.StatusForbidden, "ExpiredProviderToken"}
	}
	return nil
}

// tokenIssued checks a provider token's signature, key and team, and returns when it was made.
func (s *Service) tokenIssued(raw string) (time.Time, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if raw == s.held {
		return s.issued, true
	}
	token, err := jwt.ParseSigned(raw, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil || len(token.Headers) != 1 || token.Headers[0].KeyID != s.KeyID {
		return time.Time{}, false
	}
	var claims jwt.Claims
	if err := token.Claims(s.key, &claims); err != nil || claims.Issuer != s.TeamID || claims.IssuedAt == nil {
		return time.Time{}, false
	}
	s.held, s.issued = raw, claims.IssuedAt.Time()
	return s.issued, true
}

func (s *Service) checkHeaders(r *http.Request) *refusal {
	for name := range r.Header {
		if strings.HasPrefix(name, "Apns-") && len(r.Header.Values(name)) > 1 {
			return &refusal{http.StatusBadRequest, "DuplicateHeaders"}
		}
	}
	topic := r.Header.Get("apns-topic")
	if topic == "" {
		return &refusal{http.StatusBadRequest, "MissingTopic"}
	}
	known := false
	for _, allowed := range s.p.Topics {
		known = known || allowed == topic
	}
	expiration, err := strconv.ParseInt(r.Header.Get("apns-expiration"), 10, 64)
	switch {
	case !known:
		return &refusal{http.StatusBadRequest, "TopicDisallowed"}
	case r.Header.Get("apns-push-type") != "alert":
		return &refusal{http.StatusBadRequest, "InvalidPushType"}
	case err != nil || expiration < 0:
		return &refusal{http.StatusBadRequest, "BadExpirationDate"}
	case r.Header.Get("apns-priority") != "10" && r.Header.Get("apns-priority") != "5":
		return &refusal{http.StatusBadRequest, "BadPriority"}
	case len(r.Header.Get("apns-collapse-id")) > maxCollapseID:
		return &refusal{http.StatusBadRequest, "BadCollapseId"}
	}
	return nil
}

func checkToken(token string) *refusal {
	if token == "" {
		return &refusal{http.StatusBadRequest, "MissingDeviceToken"}
	}
	if raw, err := hex.DecodeString(token); err != nil || len(raw) < 32 {
		return &refusal{http.StatusBadRequest, "BadDeviceToken"}
	}
	return nil
}

func checkPayload(payload []byte) *refusal {
	if len(payload) > maxPayload {
		return &refusal{http.StatusRequestEntityTooLarge, "PayloadTooLarge"}
	}
	var content struct {
		APS map[string]any `json:"aps"`
	}
	if err := json.Unmarshal(payload, &content); err != nil || len(content.APS) == 0 {
		return &refusal{http.StatusBadRequest, "PayloadEmpty"}
	}
	return nil
}

func refuse(w http.ResponseWriter, no refusal, since time.Time) {
	body := map[string]any{"reason": no.reason}
	if !since.IsZero() {
		body["timestamp"] = since.UnixMilli()
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(no.status)
	_ = json.NewEncoder(w).Encode(body)
}

func apnsID(r *http.Request) string {
	if id := r.Header.Get("apns-id"); id != "" {
		return id
	}
	var b [16]byte
	_, _ = rand.Read(b[:])
	return fmt.Sprintf("%X-%X-%X-%X-%X", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func apnsHeaders(r *http.Request) http.Header {
	kept := http.Header{}
	for name, values := range r.Header {
		if strings.HasPrefix(name, "Apns-") || name == "Content-Type" {
			kept[name] = values
		}
	}
	return kept
}

// Package fcm is a fake of Firebase Cloud Messaging: the token address checks the OAuth assertion of the service
// account (RFC 7523), the v1 address checks the access token and the message, errors are Google's ("FCM v1 HTTP API"
// reference, "FCM error codes").
package fcm

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/nod-auth/nod/backend/internal/fakepush"
)

const (
	maxMessage = 4096
	tokenLife  = time.Hour
	project    = "fake-project"
	account    = "sender@fake-project.iam.gserviceaccount.com"
	keyID      = "fakekeyid"
)

// Push is one accepted message.
type Push struct {
	Kind     string // token or fid
	Address  string
	Data     map[string]string
	Priority string
	TTL      string
	Raw      []byte // the whole request
}

// Service is the running fake. It makes the service account itself, as Google does.
type Service struct {
	*fakepush.Server
	ServiceAccount []byte          // content of the JSON key file
	Endpoint       string          // for fcm.Params
	Script         fakepush.Script // of the v1 address; addresses are tokens and installation ids
	TokenScript    fakepush.Script // of the token address; the address is empty
	Pushes         fakepush.Record[Push]

	key    *rsa.PublicKey
	mu     sync.Mutex
	tokens map[string]time.Time
	gone   map[string]bool
}

// Start runs the fake on address (empty: a free port of loopback) until Close.
func Start(address string) (*Service, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("make account key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode account key: %w", err)
	}
	s := &Service{key: &key.PublicKey, tokens: map[string]time.Time{}, gone: map[string]bool{}}
	if s.Server, err = fakepush.Start(address, s); err != nil {
		return nil, err
	}
	s.Endpoint = s.URL + "/v1"
	s.ServiceAccount, err = json.MarshalIndent(map[string]string{
		"type": "service_account", "project_id": project, "private_key_id": keyID, "client_email": account,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), "token_uri": s.URL + "/token",
	}, "", "  ")
	return s, err
}

// Unregister makes an address dead, as when the app was removed from the phone.
func (s *Service) Unregister(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone[address] = true
}

// ForgetTokens makes every access token invalid, as when they expired.
func (s *Service) ForgetTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
}

// ServeHTTP answers the token address and the v1 address.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodPost && r.URL.Path == "/token":
		s.serveToken(w, r)
	case r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, "/v1/projects/"):
		s.serveSend(w, r)
	default:
		http.Error(w, "not found", http.StatusNotFound)
	}
}

func (s *Service) serveToken(w http.ResponseWriter, r *http.Request) {
	if s.TokenScript.Play(w, r, "") {
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxMessage)
	if err := r.ParseForm(); err != nil || r.PostForm.Get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
		answer(w, http.StatusBadRequest, map[string]any{"error": "unsupported_grant_type"})
		return
	}
	if !s.assertionHolds(r.PostForm.Get("assertion")) {
		answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant", "error_description": "Invalid JWT Signature."})
		return
	}
	raw := make([]byte, 24)
	_, _ = rand.Read(raw)
	token := "ya29." + base64.RawURLEncoding.EncodeToString(raw)
	s.mu.Lock()
	s.tokens[token] = time.Now().Add(tokenLife)
	s.mu.Unlock()
	answer(w, http.StatusOK, map[string]any{"access_token": token, "expires_in": int(tokenLife.Seconds()), "token_type": "Bearer"})
}

func (s *Service) assertionHolds(assertion string) bool {
	token, err := jwt.ParseSigned(assertion, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil || len(token.Headers) != 1 || token.Headers[0].KeyID != keyID {
		return false
	}
	var claims struct {
		jwt.Claims
		Scope string `json:"scope"`
	}
	if err := token.Claims(s.key, &claims); err != nil || claims.Expiry == nil || claims.IssuedAt == nil {
		return false
	}
	now := time.Now()
	life := claims.Expiry.Time().Sub(claims.IssuedAt.Time())
	return claims.Issuer == account && claims.Audience.Contains(s.URL+"/token") && life <= tokenLife &&
		now.Before(claims.Expiry.Time()) && now.After(claims.IssuedAt.Time().Add(-time.Minute)) &&
		strings.Contains(claims.Scope, "https://www.googleapis.com/auth/firebase.messaging")
}

type request struct {
	Message struct {
		Token        string            `json:"token"`
		FID          string            `json:"fid"`
		Data         map[string]string `json:"data"`
		Notification map[string]any    `json:"notification"`
		Android      struct {
			Priority     string         `json:"priority"`
			TTL          string         `json:"ttl"`
			Notification map[string]any `json:"notification"`
		} `json:"android"`
	} `json:"message"`
}

func (s *Service) serveSend(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(io.LimitReader(r.Body, 2*maxMessage))
	if err != nil {
		return
	}
	var in request
	parseErr := json.Unmarshal(raw, &in)
	kind, address := "token", in.Message.Token
	if in.Message.FID != "" {
		kind, address = "fid", in.Message.FID
	}
	if s.Script.Play(w, r, address) {
		return
	}
	s.mu.Lock()
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	authorized := time.Now().Before(s.tokens[token])
	gone := s.gone[address]
	s.mu.Unlock()
	switch {
	case !authorized:
		refuse(w, http.StatusUnauthorized, "UNAUTHENTICATED", "")
	case r.URL.Path != "/v1/projects/"+project+"/messages:send":
		refuse(w, http.StatusForbidden, "PERMISSION_DENIED", "")
	case parseErr != nil || !in.valid():
		refuse(w, http.StatusBadRequest, "INVALID_ARGUMENT", "INVALID_ARGUMENT")
	case gone:
		refuse(w, http.StatusNotFound, "NOT_FOUND", "UNREGISTERED")
	default:
		s.Pushes.Add(Push{Kind: kind, Address: address, Data: in.Message.Data, Priority: in.Message.Android.Priority, TTL: in.Message.Android.TTL, Raw: raw})
		answer(w, http.StatusOK, map[string]any{"name": fmt.Sprintf("projects/%s/messages/0:%d", project, time.Now().UnixMicro())})
	}
}

// valid checks what the reference demands of a data message to one address.
func (in *request) valid() bool {
	m := in.Message
	size := 0
	for name, value := range m.Data {
		// Reserved words by the reference of the field "data".
		if name == "from" || name == "message_type" || strings.HasPrefix(name, "google") || strings.HasPrefix(name, "gcm") {
			return false
		}
		size += len(name) + len(value)
	}
	_, ttlErr := time.ParseDuration(m.Android.TTL)
	return (m.Token == "") != (m.FID == "") && size <= maxMessage && ttlErr == nil && strings.HasSuffix(m.Android.TTL, "s") &&
		(m.Android.Priority == "high" || m.Android.Priority == "normal")
}

// ErrorBody is Google's error document, for scripts.
func ErrorBody(status int, platform, specific string) string {
	details := []map[string]string{}
	if specific != "" {
		details = append(details, map[string]string{"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": specific})
	}
	raw, err := json.Marshal(map[string]any{"error": map[string]any{"code": status, "message": "fake", "status": platform, "details": details}})
	if err != nil {
		return "{}"
	}
	return string(raw)
}

// refuse answers with Google's error document. An empty specific code leaves the FCM detail out.
func refuse(w http.ResponseWriter, status int, platform, specific string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, ErrorBody(status, platform, specific))
}

func answer(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

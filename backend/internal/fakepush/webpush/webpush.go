// Package webpush is a fake push service after RFC 8030. It holds the receivers' keys as well, so it checks the VAPID
// token (RFC 8292), decrypts each message (RFC 8291, RFC 8188) with code of its own and records what came out.
package webpush

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
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

const (
	maxBody     = 4096 // RFC 8030 section 7.2
	maxTopic    = 32   // section 5.4
	maxTokenAge = 24 * time.Hour
)

// Subscription is what an app gives to the server, and the receiver's secret half.
type Subscription struct {
	Endpoint     string
	P256DH, Auth []byte

	id      string
	private *ecdh.PrivateKey
	vapid   string // public key that may send; empty: any
	gone    bool
}

// Push is one accepted message.
type Push struct {
	Subscription string // its endpoint
	Header       http.Header
	Ciphertext   []byte
	Plaintext    []byte
}

// Service is the running fake.
type Service struct {
	*fakepush.Server
	Script fakepush.Script // addresses are endpoints
	Pushes fakepush.Record[Push]

	mu            sync.Mutex
	subscriptions map[string]*Subscription
}

// Start runs the fake on address (empty: a free port of loopback) until Close.
func Start(address string) (*Service, error) {
	s := &Service{subscriptions: map[string]*Subscription{}}
	var err error
	s.Server, err = fakepush.Start(address, s)
	return s, err
}

// Subscribe makes a subscription. A VAPID public key in base64url restricts it to one server.
func (s *Service) Subscribe(vapid string) (Subscription, error) {
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return Subscription{}, err
	}
	secret := make([]byte, 32)
	_, _ = rand.Read(secret)
	id := base64.RawURLEncoding.EncodeToString(secret[:16])
	sub := Subscription{
		Endpoint: s.URL + "/push/" + id, P256DH: key.PublicKey().Bytes(), Auth: secret[16:], id: id, private: key, vapid: vapid,
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	stored := sub
	s.subscriptions[id] = &stored
	return sub, nil
}

// Unsubscribe makes a subscription answer 410 Gone.
func (s *Service) Unsubscribe(sub Subscription) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if stored, ok := s.subscriptions[sub.id]; ok {
		stored.gone = true
	}
}

// ServeHTTP answers one push message (RFC 8030 section 5). POST /subscribe makes a subscription, for an app under
// development: its answer has the members of a push address.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.Script.Play(w, r, s.URL+r.URL.Path) {
		return
	}
	if r.URL.Path == "/subscribe" && r.Method == http.MethodPost {
		s.serveSubscribe(w)
		return
	}
	id, found := strings.CutPrefix(r.URL.Path, "/push/")
	if !found || r.Method != http.MethodPost {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return
	}
	s.mu.Lock()
	stored, known := s.subscriptions[id]
	var sub Subscription
	if known {
		sub = *stored
	}
	s.mu.Unlock()
	status, text := s.check(r, sub, known, body)
	if status != 0 {
		http.Error(w, text, status)
		return
	}
	plaintext, err := Open(body, sub.private, sub.Auth)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.Pushes.Add(Push{Subscription: sub.Endpoint, Header: r.Header.Clone(), Ciphertext: body, Plaintext: plaintext})
	w.Header().Set("Location", s.URL+"/message/"+id)
	w.WriteHeader(http.StatusCreated)
}

func (s *Service) serveSubscribe(w http.ResponseWriter) {
	sub, err := s.Subscribe("")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(map[string]string{
		"channel": "webpush", "address": sub.Endpoint,
		"p256dh": base64.RawURLEncoding.EncodeToString(sub.P256DH), "auth": base64.RawURLEncoding.EncodeToString(sub.Auth),
	})
}

func (s *Service) check(r *http.Request, sub Subscription, known bool, body []byte) (status int, text string) {
	ttl, ttlErr := strconv.Atoi(r.Header.Get("TTL"))
	urgency := r.Header.Get("Urgency")
	topic := r.Header.Get("Topic")
	switch {
	case !known:
		return http.StatusNotFound, "no such subscription"
	case sub.gone:
		return http.StatusGone, "the subscription is gone"
	case ttlErr != nil || ttl < 0:
		return http.StatusBadRequest, "TTL is missing or not a number"
	case urgency != "" && urgency != "very-low" && urgency != "low" && urgency != "normal" && urgency != "high":
		return http.StatusBadRequest, "Urgency is not known"
	case len(topic) > maxTopic || strings.Trim(topic, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "":
		return http.StatusBadRequest, "Topic is not 32 characters of base64url"
	case r.Header.Get("Content-Encoding") != "aes128gcm":
		return http.StatusUnsupportedMediaType, "Content-Encoding is not aes128gcm"
	case len(body) > maxBody:
		return http.StatusRequestEntityTooLarge, "the message is too large"
	}
	if err := s.checkVAPID(r.Header.Get("Authorization"), sub.vapid); err != nil {
		return http.StatusForbidden, err.Error()
	}
	return 0, ""
}

// checkVAPID checks the header of RFC 8292 section 3.
func (s *Service) checkVAPID(header, bound string) error {
	rest, found := strings.CutPrefix(header, "vapid ")
	if !found {
		return errors.New("no VAPID token")
	}
	parts := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		parts[name] = value
	}
	if bound != "" && parts["k"] != bound {
		return errors.New("the subscription is bound to another VAPID key")
	}
	point, err := base64.RawURLEncoding.DecodeString(parts["k"])
	if err != nil {
		return errors.New("k is not base64url")
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return errors.New("k is not a P-256 key")
	}
	token, err := jwt.ParseSigned(parts["t"], []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return errors.New("t is not an ES256 token")
	}
	var claims jwt.Claims
	if err := token.Claims(key, &claims); err != nil {
		return errors.New("the token's signature is wrong")
	}
	switch {
	case len(claims.Audience) != 1 || claims.Audience[0] != s.URL:
		return errors.New("the token is for another push service")
	case claims.Expiry == nil || time.Until(claims.Expiry.Time()) > maxTokenAge || time.Until(claims.Expiry.Time()) <= 0:
		return errors.New("the token is expired, or valid for more than 24 hours")
	case !strings.HasPrefix(claims.Subject, "mailto:") && !strings.HasPrefix(claims.Subject, "https:"):
		return errors.New("the token has no contact")
	}
	return nil
}

// Open decrypts a message as the receiver does (RFC 8291 section 3). It is written with HMAC alone, so that it shares
// nothing with the sender it tests.
func Open(body []byte, private *ecdh.PrivateKey, auth []byte) ([]byte, error) {
	if len(body) < 21 || len(body) < 21+int(body[20]) {
		return nil, errors.New("the message is too short")
	}
	salt, size, senderPoint := body[:16], binary.BigEndian.Uint32(body[16:20]), body[21:21+int(body[20])]
	record := body[21+len(senderPoint):]
	if uint64(len(record)) > uint64(size) {
		return nil, errors.New("the message has more than one record")
	}
	sender, err := ecdh.P256().NewPublicKey(senderPoint)
	if err != nil {
		return nil, errors.New("the sender's key is not a P-256 point")
	}
	shared, err := private.ECDH(sender)
	if err != nil {
		return nil, err
	}
	info := append(append([]byte("WebPush: info\x00"), private.PublicKey().Bytes()...), senderPoint...)
	ikm := mac(mac(auth, shared), append(info, 1))
	prk := mac(salt, ikm)
	block, err := aes.NewCipher(mac(prk, []byte("Content-Encoding: aes128gcm\x00\x01"))[:16])
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	plain, err := gcm.Open(nil, mac(prk, []byte("Content-Encoding: nonce\x00\x01"))[:12], record, nil)
	if err != nil {
		return nil, errors.New("the message can't be decrypted")
	}
	end := len(plain)
	for end > 0 && plain[end-1] == 0 {
		end--
	}
	if end == 0 || plain[end-1] != 2 {
		return nil, errors.New("the record has no delimiter")
	}
	return plain[:end-1], nil
}

func mac(key, data []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(data)
	return h.Sum(nil)
}

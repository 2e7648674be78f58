package main

import (
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/nod-auth/nod/backend/internal/delivery"
	"github.com/nod-auth/nod/backend/internal/delivery/apns"
	"github.com/nod-auth/nod/backend/internal/delivery/fcm"
	"github.com/nod-auth/nod/backend/internal/delivery/webpush"
	"github.com/nod-auth/nod/shared/protocol"
)

// Limits.
const (
	maxRequest = 8 << 10
	// maxMessage is what fits an APNs payload of 4096 bytes after base64 and the alert around it. RFC 8030 section 7.2
	// asks for 4096; Nod's messages have 1127.
	maxMessage  = 2800
	maxTopic    = 32 // RFC 8030 section 5.4
	maxTTL      = 10 * time.Minute
	sendTimeout = 15 * time.Second
	tokenBytes  = 32
)

// pusher sends ciphertext to a phone through the credentials that only the relay has.
type pusher interface {
	push(ctx context.Context, to subscription, m message) delivery.Result
}

// message is what an RFC 8030 request holds.
type message struct {
	body  []byte // RFC 8291 ciphertext; the relay has no key for it
	topic string
	ttl   time.Duration
}

// relay is the whole service.
type relay struct {
	store  *store
	push   pusher
	origin string // "https://relay.example"
	log    *slog.Logger
	now    func() time.Time

	perEndpoint, perSender, perVisitor *limiter
}

func newRelay(s *store, p pusher, origin string, log *slog.Logger, now func() time.Time) *relay {
	return &relay{
		store: s, push: p, origin: origin, log: log, now: now,
		perEndpoint: newLimiter(10, 6*time.Second),        // ten at once, then ten a minute: a challenge rings a few times at most
		perSender:   newLimiter(2000, 5*time.Millisecond), // one server's company in the morning, then 200 a second
		perVisitor:  newLimiter(20, 30*time.Second),       // new subscriptions from one network
	}
}

//go:embed page.html
var page []byte

func (r *relay) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/subscriptions", r.subscribe)
	mux.HandleFunc("PUT /v1/subscriptions/{token}", r.change)
	mux.HandleFunc("DELETE /v1/subscriptions/{token}", r.unsubscribe)
	mux.HandleFunc("POST /p/{token}", r.receive)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
		_, _ = w.Write(page)
	})
	return mux
}

// wish is what an app asks for.
type wish struct {
	Channel  string `json:"channel"`
	Kind     string `json:"kind"`
	Address  string `json:"address"`
	App      string `json:"app"`
	VAPID    string `json:"vapid"`    // the server's public key; then nobody else can push
	Language string `json:"language"` // chooses one of the generic texts
}

var errWish = errors.New("not a push address of this relay's apps")

func readWish(w http.ResponseWriter, req *http.Request) (subscription, error) {
	var in wish
	decoder := json.NewDecoder(http.MaxBytesReader(w, req.Body, maxRequest))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil {
		return subscription{}, errWish
	}
	address, err := delivery.FromProtocol(protocol.PushAddress{Channel: in.Channel, Kind: in.Kind, Address: in.Address, App: in.App})
	if err != nil || address.Channel != delivery.APNs && address.Channel != delivery.FCM {
		return subscription{}, errWish
	}
	if point, err := base64.RawURLEncoding.DecodeString(in.VAPID); err != nil || len(point) != 65 && len(point) != 0 || len(in.Language) > 35 {
		return subscription{}, errWish
	}
	return subscription{Channel: in.Channel, Kind: address.Kind, Address: in.Address, App: in.App, Sender: in.VAPID, Language: in.Language}, nil
}

// subscribe gives an app an endpoint for its push address, and a second address to change or revoke it.
func (r *relay) subscribe(w http.ResponseWriter, req *http.Request) {
	if !r.allow(w, r.perVisitor, visitor(req)) {
		return
	}
	sub, err := readWish(w, req)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	endpoint, manage := token(), token()
	sub.Endpoint, sub.Manage = hash(endpoint), hash(manage)
	if !r.save(w, req, sub) {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(map[string]string{
		"endpoint": r.origin + "/p/" + endpoint, "manage": r.origin + "/v1/subscriptions/" + manage,
	})
}

// change gives an endpoint a new push address, so that the app need not tell its servers.
func (r *relay) change(w http.ResponseWriter, req *http.Request) {
	old, ok := r.managed(w, req)
	if !ok {
		return
	}
	sub, err := readWish(w, req)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	sub.Endpoint, sub.Manage = old.Endpoint, old.Manage
	if r.save(w, req, sub) {
		w.WriteHeader(http.StatusNoContent)
	}
}

func (r *relay) unsubscribe(w http.ResponseWriter, req *http.Request) {
	old, ok := r.managed(w, req)
	if ok && r.save(w, req, subscription{Endpoint: old.Endpoint}) {
		w.WriteHeader(http.StatusNoContent)
	}
}

func (r *relay) managed(w http.ResponseWriter, req *http.Request) (subscription, bool) {
	if !r.allow(w, r.perVisitor, visitor(req)) {
		return subscription{}, false
	}
	sub, ok := r.store.findManaged(req.PathValue("token"))
	if !ok {
		refuse(w, http.StatusNotFound, "no such subscription")
	}
	return sub, ok
}

func (r *relay) save(w http.ResponseWriter, req *http.Request, sub subscription) bool {
	err := r.store.put(sub)
	if err == nil {
		return true
	}
	r.log.ErrorContext(req.Context(), "a subscription can't be stored", "error", err)
	w.Header().Set("Retry-After", "60")
	refuse(w, http.StatusServiceUnavailable, "try again later")
	return false
}

// receive takes one push message (RFC 8030 section 5) and forwards it.
func (r *relay) receive(w http.ResponseWriter, req *http.Request) {
	name := req.PathValue("token")
	sub, ok := r.store.find(name)
	if !ok {
		refuse(w, http.StatusNotFound, "no such subscription")
		return
	}
	sender, err := webpush.VerifyVAPID(req.Header.Get("Authorization"), r.origin, r.now())
	switch {
	case err != nil:
		refuse(w, http.StatusUnauthorized, "the VAPID signature does not hold")
		return
	case sub.Sender != "" && sub.Sender != sender:
		refuse(w, http.StatusForbidden, "the subscription is bound to another server")
		return
	case !r.allow(w, r.perEndpoint, sub.Endpoint), !r.allow(w, r.perSender, sender):
		return
	}
	m, status, text := readMessage(w, req)
	if status != 0 {
		refuse(w, status, text)
		return
	}
	ctx, cancel := context.WithTimeout(req.Context(), sendTimeout)
	defer cancel()
	r.answer(ctx, w, sub, r.push.push(ctx, sub, m))
}

func readMessage(w http.ResponseWriter, req *http.Request) (m message, status int, text string) {
	ttl, err := strconv.ParseUint(req.Header.Get("TTL"), 10, 31)
	m.ttl, m.topic = min(time.Duration(ttl)*time.Second, maxTTL), req.Header.Get("Topic") //nolint:gosec // 31 bits
	switch {
	case err != nil:
		return m, http.StatusBadRequest, "TTL is missing or not a number"
	case len(m.topic) > maxTopic || strings.Trim(m.topic, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "":
		return m, http.StatusBadRequest, "Topic is not 32 characters of base64url"
	case req.Header.Get("Content-Encoding") != "aes128gcm":
		return m, http.StatusUnsupportedMediaType, "the message is not encrypted (RFC 8291)"
	}
	m.body, err = io.ReadAll(http.MaxBytesReader(w, req.Body, maxMessage))
	if err != nil {
		return m, http.StatusRequestEntityTooLarge, "the message has more than " + strconv.Itoa(maxMessage) + " bytes"
	}
	return m, 0, ""
}

// answer turns what Apple or Google said into what RFC 8030 lets a push service say.
func (r *relay) answer(ctx context.Context, w http.ResponseWriter, sub subscription, result delivery.Result) {
	if result.Outcome != delivery.OutcomeSent {
		r.log.InfoContext(ctx, "not delivered", "channel", sub.Channel, "app", sub.App, "outcome", string(result.Outcome), "code", result.Code)
	}
	if result.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(result.RetryAfter.Seconds()))))
	}
	switch {
	case result.Outcome == delivery.OutcomeSent:
		w.Header().Set("Location", r.origin+"/m/"+token()) // section 5.1; nothing is kept there
		w.WriteHeader(http.StatusCreated)
	case result.Outcome == delivery.OutcomeAddressDead:
		if err := r.store.revoke(sub); err != nil {
			r.log.ErrorContext(ctx, "a dead subscription can't be dropped", "error", err)
		}
		refuse(w, http.StatusGone, "the subscription is gone")
	case result.ServiceFault:
		refuse(w, http.StatusServiceUnavailable, "the phone's push service is not available")
	case result.Outcome == delivery.OutcomeRetry:
		refuse(w, http.StatusTooManyRequests, "slow down")
	default:
		refuse(w, http.StatusBadRequest, "the phone's push service refuses this address")
	}
}

func (r *relay) allow(w http.ResponseWriter, l *limiter, name string) bool {
	wait, ok := l.take(name, r.now())
	if !ok {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
		refuse(w, http.StatusTooManyRequests, "slow down")
	}
	return ok
}

func refuse(w http.ResponseWriter, status int, text string) { http.Error(w, text, status) }

// visitor is the network that a request comes from: the address for IPv4, the /64 for IPv6.
func visitor(req *http.Request) string {
	host, _, err := net.SplitHostPort(req.RemoteAddr)
	if err != nil {
		return "unknown"
	}
	ip := net.ParseIP(host)
	if ip == nil || ip.To4() != nil {
		return host
	}
	return ip.Mask(net.CIDRMask(64, 128)).String()
}

func token() string {
	raw := make([]byte, tokenBytes)
	_, _ = rand.Read(raw) // never fails
	return base64.RawURLEncoding.EncodeToString(raw)
}

// phones pushes through the relay's own credentials, by app.
type phones struct {
	apns map[string]*apns.Client // by delivery.APNsApp
	fcm  map[string]*fcm.Client  // by package name
	now  func() time.Time
}

func (p *phones) push(ctx context.Context, to subscription, m message) delivery.Result {
	sealed := base64.RawURLEncoding.EncodeToString(m.body)
	title, text := delivery.Texts(to.Language)
	switch delivery.Channel(to.Channel) {
	case delivery.APNs:
		if client, ok := p.apns[delivery.APNsApp(to.App, to.Kind)]; ok {
			return client.Push(ctx, apns.Push{
				Token: to.Address, Topic: to.App, CollapseID: m.topic, Expires: p.now().Add(m.ttl), Payload: alert(title, text, sealed),
			})
		}
	case delivery.FCM:
		if client, ok := p.fcm[to.App]; ok {
			return client.Push(ctx, fcm.Push{Kind: to.Kind, Value: to.Address, TTL: m.ttl, Data: map[string]string{
				"v": "1", "sealed": sealed, "tag": m.topic, "category": delivery.CategoryRequest, "title": title, "text": text,
			}})
		}
	case delivery.WebPush, delivery.Webhook:
	}
	return delivery.Result{Outcome: delivery.OutcomeConfigError, Code: delivery.CodeNoCredentials}
}

// alert is the APNs payload: a generic alert that the phone shows by itself, and the ciphertext for the app.
func alert(title, text, sealed string) []byte {
	raw, err := json.Marshal(map[string]any{
		"aps": map[string]any{
			"alert": map[string]string{"title": title, "body": text}, "category": delivery.CategoryRequest,
			"interruption-level": "time-sensitive", "sound": "default", "mutable-content": 1,
		},
		"nod": map[string]any{"v": 1, "sealed": sealed},
	})
	if err != nil {
		panic("nod-relay: payload can't be encoded: " + err.Error()) // strings and numbers only
	}
	return raw
}

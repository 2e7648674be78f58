package main

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nod-auth/nod/backend/internal/delivery"
	"github.com/nod-auth/nod/backend/internal/delivery/apns"
	"github.com/nod-auth/nod/backend/internal/delivery/fcm"
	"github.com/nod-auth/nod/backend/internal/delivery/webpush"
	fakeapns "github.com/nod-auth/nod/backend/internal/fakepush/apns"
	fakefcm "github.com/nod-auth/nod/backend/internal/fakepush/fcm"
	fakewebpush "github.com/nod-auth/nod/backend/internal/fakepush/webpush"
	"github.com/nod-auth/nod/backend/internal/guard"
	"github.com/nod-auth/nod/shared/protocol"
)

const bundle = "com.example.authenticator"

var deviceToken = strings.Repeat("a1b2c3d4", 8)

// kit is a relay over the fakes, a server that pushes, and an app with its keys.
type kit struct {
	t      *testing.T
	server *httptest.Server
	relay  *relay
	apns   *fakeapns.Service
	fcm    *fakefcm.Service
	dir    string
	log    *bytes.Buffer

	mu  sync.Mutex
	now time.Time

	appKey *ecdh.PrivateKey
	auth   []byte
}

func start(t *testing.T) *kit {
	t.Helper()
	k := &kit{t: t, dir: t.TempDir(), now: time.Now(), auth: make([]byte, 16), log: &bytes.Buffer{}}
	var err error
	k.apns, err = fakeapns.Start(fakeapns.Params{Topics: []string{bundle}})
	k.must(err)
	t.Cleanup(k.apns.Close)
	k.fcm, err = fakefcm.Start("")
	k.must(err)
	t.Cleanup(k.fcm.Close)
	k.appKey, err = ecdh.P256().GenerateKey(rand.Reader)
	k.must(err)
	apple, err := apns.New(apns.Params{KeyP8: k.apns.KeyP8, KeyID: k.apns.KeyID, TeamID: k.apns.TeamID, Host: k.apns.URL, Roots: k.apns.Roots})
	k.must(err)
	google, err := fcm.New(fcm.Params{ServiceAccount: k.fcm.ServiceAccount, Endpoint: k.fcm.Endpoint, Roots: k.fcm.Roots})
	k.must(err)
	push := &phones{
		apns: map[string]*apns.Client{delivery.APNsApp(bundle, delivery.KindProduction): apple},
		fcm:  map[string]*fcm.Client{bundle: google}, now: k.clock,
	}
	kept, err := openStore(k.dir, 100)
	k.must(err)
	k.server = httptest.NewUnstartedServer(nil)
	k.server.StartTLS()
	t.Cleanup(k.server.Close)
	k.relay = newRelay(kept, push, k.server.URL, slog.New(slog.NewTextHandler(k.log, nil)), k.clock)
	k.server.Config.Handler = k.relay.handler()
	return k
}

func (k *kit) must(err error) {
	k.t.Helper()
	if err != nil {
		k.t.Fatal(err)
	}
}

func (k *kit) clock() time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.now
}

func (k *kit) advance(d time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.now = k.now.Add(d)
}

// call makes a request as an app does.
func (k *kit) call(method, address string, body any) (int, map[string]string) {
	k.t.Helper()
	raw, err := json.Marshal(body)
	k.must(err)
	request, err := http.NewRequestWithContext(k.t.Context(), method, address, bytes.NewReader(raw))
	k.must(err)
	response, err := k.server.Client().Do(request)
	k.must(err)
	defer func() { _ = response.Body.Close() }()
	var out map[string]string
	_ = json.NewDecoder(response.Body).Decode(&out) // empty for errors
	return response.StatusCode, out
}

func (k *kit) subscribe(w wish) (endpoint, manage string) {
	k.t.Helper()
	status, out := k.call(http.MethodPost, k.server.URL+"/v1/subscriptions", w)
	if status != http.StatusCreated {
		k.t.Fatalf("subscribe gave %d", status)
	}
	return out["endpoint"], out["manage"]
}

// nod is a Nod server's own WebPush sender.
func (k *kit) nod() *webpush.Sender {
	k.t.Helper()
	u, err := url.Parse(k.server.URL)
	k.must(err)
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	k.must(err)
	client := guard.New(guard.Params{
		Ports: []uint16{uint16(port)}, Allowed: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
		Roots: k.server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs,
	})
	k.t.Cleanup(client.Close)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	k.must(err)
	sender, err := webpush.New(webpush.Params{Key: key, Contact: "mailto:ops@example.com", Client: client})
	k.must(err)
	return sender
}

func (k *kit) address(endpoint string) delivery.Address {
	return delivery.Address{Channel: delivery.WebPush, Value: endpoint, P256DH: k.appKey.PublicKey().Bytes(), Auth: k.auth}
}

func wakeup() delivery.Wakeup {
	return delivery.Wakeup{Handle: protocol.RandomText(16), ChallengeID: protocol.NewID[protocol.ChallengeID](), ExpiresAt: time.Now().Add(90 * time.Second)}
}

func apple() wish {
	return wish{Channel: "apns", Kind: "production", Address: deviceToken, App: bundle, Language: "de-DE"}
}

// opened is what the app reads out of the sealed member.
func (k *kit) opened(sealed string) string {
	k.t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	k.must(err)
	plain, err := fakewebpush.Open(raw, k.appKey, k.auth)
	k.must(err)
	return string(plain)
}

func TestAWakeupGoesFromAServerThroughTheRelayToEitherPhone(t *testing.T) {
	k := start(t)
	nod := k.nod()
	w := wakeup()
	endpoint, _ := k.subscribe(apple())
	if got := nod.Send(t.Context(), k.address(endpoint), w); got.Outcome != delivery.OutcomeSent {
		t.Fatalf("to an iPhone: %+v", got)
	}
	var payload struct {
		APS struct {
			Alert          map[string]string `json:"alert"`
			MutableContent int               `json:"mutable-content"`
		} `json:"aps"`
		Nod struct {
			Sealed string `json:"sealed"`
		} `json:"nod"`
	}
	push := k.apns.Pushes.All()[0]
	k.must(json.Unmarshal(push.Payload, &payload))
	if k.opened(payload.Nod.Sealed) != string(delivery.WebPushPayload(w)) || payload.APS.Alert["title"] != "Anfrage zur Freigabe" || payload.APS.MutableContent != 1 {
		t.Errorf("payload %s", push.Payload)
	}
	if push.Header.Get("apns-collapse-id") != w.CollapseID() || push.Header.Get("apns-topic") != bundle {
		t.Errorf("headers %v", push.Header)
	}
	endpoint, _ = k.subscribe(wish{Channel: "fcm", Kind: "fid", Address: "installation", App: bundle})
	if got := nod.Send(t.Context(), k.address(endpoint), w); got.Outcome != delivery.OutcomeSent {
		t.Fatalf("to an Android phone: %+v", got)
	}
	data := k.fcm.Pushes.All()[0].Data
	if k.opened(data["sealed"]) != string(delivery.WebPushPayload(w)) || data["tag"] != w.CollapseID() {
		t.Errorf("data %v", data)
	}
}

func TestT15_the_relay_keeps_and_logs_nothing_of_a_message(t *testing.T) {
	k := start(t)
	w := wakeup()
	endpoint, manage := k.subscribe(apple())
	k.nod().Send(t.Context(), k.address(endpoint), w)
	k.apns.Unregister(strings.Repeat("b", 64), time.Now())
	dead := apple()
	dead.Address = strings.Repeat("b", 64)
	gone, _ := k.subscribe(dead)
	k.nod().Send(t.Context(), k.address(gone), w)
	kept, err := os.ReadFile(filepath.Join(k.dir, "subscriptions.jsonl"))
	k.must(err)
	for name, text := range map[string]string{"journal": string(kept), "log": k.log.String()} {
		for _, secret := range []string{w.Handle, string(w.ChallengeID), w.CollapseID(), endpoint[len(endpoint)-43:], manage[len(manage)-43:], "127.0.0.1"} {
			if strings.Contains(text, secret) {
				t.Errorf("the %s holds %q:\n%s", name, secret, text)
			}
		}
	}
	if strings.Contains(k.log.String(), deviceToken) || !strings.Contains(k.log.String(), "Unregistered") {
		t.Errorf("the log is %s", k.log)
	}
	if !strings.Contains(string(kept), deviceToken) {
		t.Error("the journal does not hold the push address it must map to")
	}
}

func TestAnEndpointIsRevokedAndChangedOnlyByItsOwner(t *testing.T) {
	k := start(t)
	nod := k.nod()
	endpoint, manage := k.subscribe(apple())
	for _, foreign := range []string{strings.Replace(manage, manage[len(manage)-43:], token(), 1), strings.Replace(manage, manage[len(manage)-43:], endpoint[len(endpoint)-43:], 1)} {
		if status, _ := k.call(http.MethodDelete, foreign, nil); status != http.StatusNotFound {
			t.Errorf("a stranger's revocation gave %d", status)
		}
	}
	moved := apple()
	moved.Address = strings.Repeat("c0", 32)
	if status, _ := k.call(http.MethodPut, manage, moved); status != http.StatusNoContent {
		t.Fatalf("the change gave %d", status)
	}
	if got := nod.Send(t.Context(), k.address(endpoint), wakeup()); got.Outcome != delivery.OutcomeSent || k.apns.Pushes.All()[0].Token != moved.Address {
		t.Fatalf("after the change: %+v", got)
	}
	if status, _ := k.call(http.MethodDelete, manage, nil); status != http.StatusNoContent {
		t.Fatalf("the revocation gave %d", status)
	}
	if got := nod.Send(t.Context(), k.address(endpoint), wakeup()); got.Outcome != delivery.OutcomeAddressDead {
		t.Fatalf("after the revocation: %+v", got)
	}
}

func TestOnlyTheServerThatTheAppNamedMayPush(t *testing.T) {
	k := start(t)
	nod, other := k.nod(), k.nod()
	bound := apple()
	bound.VAPID = nod.PublicKey()
	endpoint, _ := k.subscribe(bound)
	if got := other.Send(t.Context(), k.address(endpoint), wakeup()); got.Code != "status_403" {
		t.Errorf("another server: %+v", got)
	}
	if got := nod.Send(t.Context(), k.address(endpoint), wakeup()); got.Outcome != delivery.OutcomeSent {
		t.Errorf("the named server: %+v", got)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, endpoint, strings.NewReader("x"))
	k.must(err)
	request.Header.Set("TTL", "60")
	response, err := k.server.Client().Do(request)
	k.must(err)
	_ = response.Body.Close()
	if response.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a signature: %d", response.StatusCode)
	}
}

func TestADeadPhoneIsForgotten(t *testing.T) {
	k := start(t)
	k.apns.Unregister(deviceToken, time.Now())
	endpoint, manage := k.subscribe(apple())
	if got := k.nod().Send(t.Context(), k.address(endpoint), wakeup()); got.Outcome != delivery.OutcomeAddressDead || got.Code != "status_410" {
		t.Fatalf("got %+v", got)
	}
	if status, _ := k.call(http.MethodDelete, manage, nil); status != http.StatusNotFound {
		t.Fatalf("the subscription is still there: %d", status)
	}
}

func TestOneEndpointIsLimitedAndDoesNotLimitAnother(t *testing.T) {
	k := start(t)
	nod := k.nod()
	first, _ := k.subscribe(apple())
	second, _ := k.subscribe(apple())
	for i := range 10 {
		if got := nod.Send(t.Context(), k.address(first), wakeup()); got.Outcome != delivery.OutcomeSent {
			t.Fatalf("push %d: %+v", i, got)
		}
	}
	if got := nod.Send(t.Context(), k.address(first), wakeup()); got.Outcome != delivery.OutcomeRetry || got.Code != "status_429" || got.RetryAfter <= 0 {
		t.Errorf("the eleventh: %+v", got)
	}
	if got := nod.Send(t.Context(), k.address(second), wakeup()); got.Outcome != delivery.OutcomeSent {
		t.Errorf("another endpoint: %+v", got)
	}
	k.advance(7 * time.Second)
	if got := nod.Send(t.Context(), k.address(first), wakeup()); got.Outcome != delivery.OutcomeSent {
		t.Errorf("after the wait: %+v", got)
	}
}

func TestANetworkMakesFewSubscriptions(t *testing.T) {
	k := start(t)
	for range 20 {
		k.subscribe(apple())
	}
	if status, _ := k.call(http.MethodPost, k.server.URL+"/v1/subscriptions", apple()); status != http.StatusTooManyRequests {
		t.Fatalf("the 21st gave %d", status)
	}
}

func TestBadWishesAreRefused(t *testing.T) {
	k := start(t)
	for name, body := range map[string]any{
		"another channel":      wish{Channel: "webpush", Address: "https://push.example/x"},
		"a token with a path":  wish{Channel: "apns", Kind: "production", Address: "../x", App: bundle},
		"a member too many":    map[string]string{"channel": "fcm", "address": "a", "user": "ada"},
		"a key of no use":      wish{Channel: "fcm", Address: "a", App: bundle, VAPID: "AAAA"},
		"a text for an object": "x",
	} {
		if status, _ := k.call(http.MethodPost, k.server.URL+"/v1/subscriptions", body); status != http.StatusBadRequest {
			t.Errorf("%s gave %d", name, status)
		}
	}
}

func TestAnswersOfTheServicesReachTheServer(t *testing.T) {
	k := start(t)
	nod := k.nod()
	foreign := apple()
	foreign.App = "com.unknown"
	endpoint, _ := k.subscribe(foreign)
	if got := nod.Send(t.Context(), k.address(endpoint), wakeup()); got.Outcome != delivery.OutcomeConfigError || got.ServiceFault {
		t.Errorf("an app without credentials: %+v", got)
	}
	k.apns.Close()
	endpoint, _ = k.subscribe(apple())
	if got := nod.Send(t.Context(), k.address(endpoint), wakeup()); got.Outcome != delivery.OutcomeRetry || !got.ServiceFault {
		t.Errorf("Apple out of reach: %+v", got)
	}
}

func TestTheJournalSurvivesARestartAndACutLine(t *testing.T) {
	dir := t.TempDir()
	s, err := openStore(dir, 2)
	if err != nil {
		t.Fatal(err)
	}
	keep := subscription{Endpoint: hash("keep"), Manage: hash("m1"), Channel: "fcm", Address: "a"}
	drop := subscription{Endpoint: hash("drop"), Manage: hash("m2"), Channel: "fcm", Address: "b"}
	full := subscription{Endpoint: hash("full"), Manage: hash("m3"), Channel: "fcm", Address: "c"}
	if s.put(keep) != nil || s.put(drop) != nil || s.put(full) != errFull || s.revoke(drop) != nil { //nolint:errorlint // exactly this
		t.Fatal("the journal does not take what it must")
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "subscriptions.jsonl")
	raw, err := os.ReadFile(path) //nolint:gosec // a test's own directory
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(raw, `{"e":"half a li`...), 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := openStore(dir, 2)
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := again.find("keep"); !ok || got != keep {
		t.Errorf("kept %+v", got)
	}
	if _, ok := again.find("drop"); ok {
		t.Error("a revoked one came back")
	}
	if _, ok := again.findManaged("m2"); ok {
		t.Error("a revoked one is still managed")
	}
	if err := again.put(full); err != nil {
		t.Errorf("the journal after the cut line: %v", err)
	}
	_ = again.close()
}

func TestThePageSaysWhatTheRelayLearns(t *testing.T) {
	k := start(t)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, k.server.URL+"/", nil)
	k.must(err)
	response, err := k.server.Client().Do(request)
	k.must(err)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	k.must(err)
	for _, must := range []string{"What it can learn", "What it can't learn", "What it keeps"} {
		if !bytes.Contains(body, []byte(must)) {
			t.Errorf("the page lacks %q", must)
		}
	}
}

func TestTheCommandStartsAndStops(t *testing.T) {
	dir := t.TempDir()
	service, err := fakeapns.Start(fakeapns.Params{Topics: []string{bundle}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(service.Close)
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	key := write("AuthKey.p8", string(service.KeyP8))
	apps := write("apps.json", `{"apns":[{"bundle_id":"com.a","environment":"production","key_file":"`+key+`","key_id":"K","team_id":"T"},
		{"bundle_id":"com.b","environment":"production","key_file":"`+key+`","key_id":"K","team_id":"T"}]}`)
	for name, args := range map[string][]string{
		"no url":        {"--data", dir, "--apps", apps},
		"a plain url":   {"--data", dir, "--apps", apps, "--public-url", "http://relay.example"},
		"a url, a path": {"--data", dir, "--apps", apps, "--public-url", "https://relay.example/x"},
		"no apps":       {"--data", dir, "--public-url", "https://relay.example"},
		"an empty file": {"--data", dir, "--apps", write("none.json", "{}"), "--public-url", "https://relay.example"},
		"half of TLS":   {"--data", dir, "--apps", apps, "--public-url", "https://relay.example", "--tls-cert", "x"},
	} {
		if err := run(t.Context(), args, io.Discard, nil); err == nil {
			t.Errorf("%s: it started", name)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{"--listen", "127.0.0.1:0", "--data", dir, "--apps", apps, "--public-url", "https://relay.example"}, io.Discard, ready)
	}()
	var address string
	select {
	case address = <-ready:
	case err := <-ended:
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/healthz", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Client{}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	cancel()
	if err := <-ended; err != nil || response.StatusCode != http.StatusNoContent {
		t.Fatalf("healthz %d, ended with %v", response.StatusCode, err)
	}
}

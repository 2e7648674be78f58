package webpush_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nod-auth/nod/backend/internal/delivery"
	"github.com/nod-auth/nod/backend/internal/delivery/webpush"
	"github.com/nod-auth/nod/backend/internal/fakepush"
	fake "github.com/nod-auth/nod/backend/internal/fakepush/webpush"
	"github.com/nod-auth/nod/backend/internal/guard"
	"github.com/nod-auth/nod/shared/protocol"
)

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func start(t testing.TB) (*fake.Service, *webpush.Sender) {
	t.Helper()
	service, err := fake.Start("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(service.Close)
	return service, newSender(t, service, newKey(t))
}

func newSender(t testing.TB, service *fake.Service, key *ecdsa.PrivateKey) *webpush.Sender {
	t.Helper()
	u, err := url.Parse(service.URL)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	client := guard.New(guard.Params{Ports: []uint16{uint16(port)}, Allowed: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Roots: service.Roots})
	t.Cleanup(client.Close)
	sender, err := webpush.New(webpush.Params{Key: key, Contact: "mailto:ops@example.com", Client: client})
	if err != nil {
		t.Fatal(err)
	}
	return sender
}

func address(sub fake.Subscription) delivery.Address {
	return delivery.Address{Channel: delivery.WebPush, Value: sub.Endpoint, P256DH: sub.P256DH, Auth: sub.Auth}
}

func subscribe(t testing.TB, service *fake.Service, vapid string) fake.Subscription {
	t.Helper()
	sub, err := service.Subscribe(vapid)
	if err != nil {
		t.Fatal(err)
	}
	return sub
}

func wakeup() delivery.Wakeup {
	return delivery.Wakeup{
		Handle: protocol.RandomText(16), ChallengeID: protocol.NewID[protocol.ChallengeID](),
		ExpiresAt: time.Now().Add(90 * time.Second), Language: "de",
	}
}

func TestWakeupArrivesDecryptedWithTheRightHeaders(t *testing.T) {
	service, sender := start(t)
	sub := subscribe(t, service, sender.PublicKey())
	w := wakeup()
	if got := sender.Send(t.Context(), address(sub), w); got.Outcome != delivery.OutcomeSent {
		t.Fatalf("got %+v", got)
	}
	pushes := service.Pushes.All()
	if len(pushes) != 1 || !bytes.Equal(pushes[0].Plaintext, delivery.WebPushPayload(w)) {
		t.Fatalf("the service got %v", pushes)
	}
	header := pushes[0].Header
	ttl, err := strconv.Atoi(header.Get("TTL"))
	if err != nil || ttl < 85 || ttl > 90 {
		t.Errorf("TTL %q, want the seconds that the challenge lives", header.Get("TTL"))
	}
	for name, want := range map[string]string{
		"Urgency": "high", "Topic": w.CollapseID(), "Content-Encoding": "aes128gcm", "Content-Type": "application/octet-stream",
	} {
		if got := header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestT15_the_push_service_sees_no_handle_and_no_challenge(t *testing.T) {
	service, sender := start(t)
	sub := subscribe(t, service, "")
	w := wakeup()
	sender.Send(t.Context(), address(sub), w)
	push := service.Pushes.All()[0]
	for name, values := range push.Header {
		for _, value := range values {
			if strings.Contains(value, w.Handle) || strings.Contains(value, string(w.ChallengeID)) {
				t.Errorf("header %s holds %q", name, value)
			}
		}
	}
	if bytes.Contains(push.Ciphertext, []byte(w.Handle)) {
		t.Error("the body is not encrypted")
	}
}

func TestAnswersBecomeOutcomes(t *testing.T) {
	service, sender := start(t)
	for name, c := range map[string]struct {
		answer fakepush.Answer
		want   delivery.Result
	}{
		"accepted for later":         {fakepush.Answer{Status: 202}, delivery.Result{Outcome: delivery.OutcomeSent}},
		"a redirect is not followed": {fakepush.Answer{Status: 307}, delivery.Result{Outcome: delivery.OutcomeConfigError, Code: delivery.CodeRefused}},
		"a bad request":              {fakepush.Answer{Status: 400}, delivery.Result{Outcome: delivery.OutcomeConfigError, Code: "status_400"}},
		"another VAPID key":          {fakepush.Answer{Status: 403}, delivery.Result{Outcome: delivery.OutcomeConfigError, Code: "status_403"}},
		"not found":                  {fakepush.Answer{Status: 404}, delivery.Result{Outcome: delivery.OutcomeAddressDead, Code: "status_404"}},
		"gone":                       {fakepush.Answer{Status: 410}, delivery.Result{Outcome: delivery.OutcomeAddressDead, Code: "status_410"}},
		"slow down":                  {fakepush.Answer{Status: 429, RetryAfter: "7"}, delivery.Result{Outcome: delivery.OutcomeRetry, Code: "status_429", RetryAfter: 7 * time.Second}},
		"unavailable":                {fakepush.Answer{Status: 503, RetryAfter: "2"}, delivery.Result{Outcome: delivery.OutcomeRetry, Code: "status_503", RetryAfter: 2 * time.Second, ServiceFault: true}},
		"a cut connection":           {fakepush.Answer{Cut: true}, delivery.Result{Outcome: delivery.OutcomeRetry, Code: delivery.CodeUnreachable, ServiceFault: true}},
	} {
		service.Script.Next(c.answer)
		if got := sender.Send(t.Context(), address(subscribe(t, service, "")), wakeup()); got != c.want {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
}

func TestAServiceThatHangsGivesATimeout(t *testing.T) {
	service, sender := start(t)
	service.Script.Next(fakepush.Answer{Hang: true})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	got := sender.Send(ctx, address(subscribe(t, service, "")), wakeup())
	if got.Outcome != delivery.OutcomeRetry || got.Code != delivery.CodeTimeout || !got.ServiceFault {
		t.Fatalf("got %+v", got)
	}
}

func TestTheFakeChecksWhatServicesCheck(t *testing.T) {
	service, sender := start(t)
	bound := subscribe(t, service, base64.RawURLEncoding.EncodeToString(make([]byte, 65)))
	if got := sender.Send(t.Context(), address(bound), wakeup()); got.Code != "status_403" {
		t.Errorf("a subscription bound to another key gave %+v", got)
	}
	sub := subscribe(t, service, "")
	wrong := address(sub)
	wrong.Auth = make([]byte, 16)
	if got := sender.Send(t.Context(), wrong, wakeup()); got.Code != "status_400" {
		t.Errorf("a message for another receiver gave %+v", got)
	}
	service.Unsubscribe(sub)
	if got := sender.Send(t.Context(), address(sub), wakeup()); got.Outcome != delivery.OutcomeAddressDead {
		t.Errorf("an unsubscribed endpoint gave %+v", got)
	}
	if n := len(service.Pushes.All()); n != 0 {
		t.Errorf("%d messages were accepted", n)
	}
}

func TestT21_endpoints_inside_the_network_are_not_called(t *testing.T) {
	service, _ := start(t)
	sub := subscribe(t, service, "")
	strict, err := webpush.New(webpush.Params{Key: newKey(t), Contact: "mailto:ops@example.com", Client: guard.New(guard.Params{})})
	if err != nil {
		t.Fatal(err)
	}
	for _, endpoint := range []string{sub.Endpoint, "https://10.0.0.1/x", "https://localhost/x", "http://push.example/x", "https://169.254.169.254/x"} {
		to := address(sub)
		to.Value = endpoint
		want := delivery.Result{Outcome: delivery.OutcomeConfigError, Code: delivery.CodeRefused}
		if got := strict.Send(t.Context(), to, wakeup()); got != want {
			t.Errorf("%s gave %+v", endpoint, got)
		}
	}
	if len(service.Pushes.All()) != 0 {
		t.Error("the service inside was called")
	}
}

func TestParametersAreChecked(t *testing.T) {
	client := &http.Client{}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string]webpush.Params{
		"no client":           {Key: newKey(t), Contact: "mailto:a@b.example"},
		"no key":              {Client: client, Contact: "mailto:a@b.example"},
		"a key of P-384":      {Client: client, Key: p384, Contact: "mailto:a@b.example"},
		"a contact of no use": {Client: client, Key: newKey(t), Contact: "ops"},
	} {
		if _, err := webpush.New(p); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestOneSeedGivesOneKey(t *testing.T) {
	seed := bytes.Repeat([]byte{7}, 32)
	a, errA := webpush.KeyFromSeed(seed)
	b, errB := webpush.KeyFromSeed(seed)
	seed[0] = 8
	c, errC := webpush.KeyFromSeed(seed)
	if errA != nil || errB != nil || errC != nil || !a.Equal(b) || a.Equal(c) {
		t.Fatal("the key does not follow the seed", errA, errB, errC)
	}
	if _, err := webpush.KeyFromSeed(seed[:31]); err == nil {
		t.Fatal("a short seed was taken")
	}
	service, _ := start(t)
	sender := newSender(t, service, a)
	if got := sender.Send(t.Context(), address(subscribe(t, service, sender.PublicKey())), wakeup()); got.Outcome != delivery.OutcomeSent {
		t.Fatalf("a derived key: %+v", got)
	}
}

func TestVAPIDHeadersAreVerified(t *testing.T) {
	service, sender := start(t)
	sender.Send(t.Context(), address(subscribe(t, service, "")), wakeup())
	header := service.Pushes.All()[0].Header.Get("Authorization")
	if got, err := webpush.VerifyVAPID(header, service.URL, time.Now()); err != nil || got != sender.PublicKey() {
		t.Fatalf("the true header: %q, %v", got, err)
	}
	token, key, _ := strings.Cut(strings.TrimPrefix(header, "vapid "), ", ")
	other := newSender(t, service, newKey(t)).PublicKey()
	for name, c := range map[string]struct {
		header, origin string
		now            time.Time
	}{
		"another service":   {header, "https://push.example", time.Now()},
		"after its life":    {header, service.URL, time.Now().Add(13 * time.Hour)},
		"a life too long":   {header, service.URL, time.Now().Add(-13 * time.Hour)},
		"another key":       {"vapid " + token + ", k=" + other, service.URL, time.Now()},
		"no key":            {"vapid " + token, service.URL, time.Now()},
		"no token":          {"vapid " + key, service.URL, time.Now()},
		"another scheme":    {"Bearer x", service.URL, time.Now()},
		"nothing":           {"", service.URL, time.Now()},
		"something endless": {"vapid " + strings.Repeat(".", 4000), service.URL, time.Now()},
	} {
		if got, err := webpush.VerifyVAPID(c.header, c.origin, c.now); err == nil || got != "" {
			t.Errorf("%s was accepted", name)
		}
	}
}

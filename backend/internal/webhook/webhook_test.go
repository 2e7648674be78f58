package webhook_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nod-auth/nod/backend/internal/guard"
	"github.com/nod-auth/nod/backend/internal/webhook"
)

var at = time.Unix(1_614_265_330, 0)

func parse(t *testing.T, text string) webhook.Key {
	t.Helper()
	key, err := webhook.ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// The example of the Standard Webhooks documentation and of its reference libraries' tests.
func TestTheSpecificationsExampleIsReproduced(t *testing.T) {
	key := parse(t, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	h, err := webhook.Sign([]webhook.Key{key}, "msg_p5jXN8AQM9LWM0D4loKWxJek", at, []byte(`{"test": 2432232314}`))
	if err != nil {
		t.Fatal(err)
	}
	want := webhook.Headers{ID: "msg_p5jXN8AQM9LWM0D4loKWxJek", Timestamp: "1614265330", Signature: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}
	if h != want {
		t.Fatalf("got %+v", h)
	}
}

func TestEd25519SignaturesAreOverIdTimestampAndBody(t *testing.T) {
	key := webhook.NewKey()
	h, err := webhook.Sign([]webhook.Key{key}, "msg_1", at, []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	encoded, found := strings.CutPrefix(h.Signature, "v1a,")
	signature, err := base64.StdEncoding.DecodeString(encoded)
	public, err2 := base64.StdEncoding.DecodeString(strings.TrimPrefix(key.Public().Reveal(), "whpk_"))
	if !found || err != nil || err2 != nil || !ed25519.Verify(public, []byte("msg_1.1614265330.{}"), signature) {
		t.Fatalf("signature %q", h.Signature)
	}
}

func TestT22_whatever_is_changed_the_signature_fails(t *testing.T) {
	for name, key := range map[string]webhook.Key{"ed25519": webhook.NewKey(), "hmac": webhook.NewSecret()} {
		body := []byte(`{"type":"challenge.approved"}`)
		good, err := webhook.Sign([]webhook.Key{key}, "msg_1", at, body)
		if err != nil {
			t.Fatal(err)
		}
		keys := []webhook.Key{key.Public()}
		if err := webhook.Verify(keys, good, body, at); err != nil {
			t.Fatalf("%s: the true one fails: %v", name, err)
		}
		id, stamp, version, cut := good, good, good, good
		id.ID = "msg_2"
		stamp.Timestamp = "1614265331"
		version.Signature = strings.NewReplacer("v1a,", "v1,", "v1,", "v1a,").Replace(good.Signature)
		cut.Signature = good.Signature[:len(good.Signature)-4]
		for what, h := range map[string]webhook.Headers{
			"id": id, "timestamp": stamp, "version": version, "cut": cut, "none": {ID: good.ID, Timestamp: good.Timestamp},
			"junk": {ID: good.ID, Timestamp: good.Timestamp, Signature: strings.Repeat("v1,AAAA ", 1000)},
		} {
			if err := webhook.Verify(keys, h, body, at); !errors.Is(err, webhook.ErrSignature) {
				t.Errorf("%s, other %s: %v", name, what, err)
			}
		}
		if err := webhook.Verify(keys, good, append(body, ' '), at); !errors.Is(err, webhook.ErrSignature) {
			t.Errorf("%s, other body: %v", name, err)
		}
	}
}

func TestT22_a_timestamp_holds_for_five_minutes(t *testing.T) {
	key := webhook.NewKey()
	h, err := webhook.Sign([]webhook.Key{key}, "msg_1", at, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		offset time.Duration
		ok     bool
	}{{5 * time.Minute, true}, {-5 * time.Minute, true}, {5*time.Minute + time.Second, false}, {-5*time.Minute - time.Second, false}, {24 * time.Hour, false}} {
		if err := webhook.Verify([]webhook.Key{key}, h, nil, at.Add(c.offset)); (err == nil) != c.ok {
			t.Errorf("%v later: %v", c.offset, err)
		}
	}
	for _, stamp := range []string{"", "x", "-1", "99999999999999999999", "1614265330.5"} {
		if err := webhook.Verify([]webhook.Key{key}, webhook.Headers{ID: "msg_1", Timestamp: stamp, Signature: h.Signature}, nil, at); !errors.Is(err, webhook.ErrTimestamp) {
			t.Errorf("timestamp %q: %v", stamp, err)
		}
	}
}

func TestT22_an_old_key_works_during_the_overlap_and_not_after(t *testing.T) {
	for name, makeKey := range map[string]func() webhook.Key{"ed25519": webhook.NewKey, "hmac": webhook.NewSecret} {
		old, fresh := makeKey(), makeKey()
		ring := webhook.Keyring{Current: old}.Rotate(fresh, at, 24*time.Hour)
		verify := func(now time.Time, key webhook.Key) error {
			h, err := webhook.Sign(ring.Valid(now), "msg_1", now, []byte("{}"))
			if err != nil {
				t.Fatal(err)
			}
			return webhook.Verify([]webhook.Key{key.Public()}, h, []byte("{}"), now)
		}
		for when, c := range map[string]struct {
			now     time.Time
			old, ok bool
		}{"during": {at.Add(23 * time.Hour), true, true}, "after": {at.Add(24 * time.Hour), false, true}} {
			if err := verify(c.now, old); (err == nil) != c.old {
				t.Errorf("%s, %s the overlap: old key gives %v", name, when, err)
			}
			if err := verify(c.now, fresh); (err == nil) != c.ok {
				t.Errorf("%s, %s the overlap: new key gives %v", name, when, err)
			}
		}
		if again := ring.Rotate(makeKey(), at.Add(time.Hour), time.Hour).Valid(at.Add(time.Hour)); len(again) != 2 || again[1].Fingerprint() != fresh.Fingerprint() {
			t.Errorf("%s: a second rotation keeps %d keys", name, len(again))
		}
	}
}

func TestT22_two_endpoints_never_share_a_key(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		for _, key := range []webhook.Key{webhook.NewKey(), webhook.NewSecret()} {
			if seen[key.Fingerprint()] || key.Fingerprint() != key.Public().Fingerprint() {
				t.Fatal("two keys with one fingerprint, or two fingerprints of one key")
			}
			seen[key.Fingerprint()] = true
		}
	}
	a, b := webhook.NewKey(), webhook.NewKey()
	h, err := webhook.Sign([]webhook.Key{a}, "msg_1", at, nil)
	if err != nil {
		t.Fatal(err)
	}
	if webhook.Verify([]webhook.Key{b.Public()}, h, nil, at) == nil {
		t.Fatal("an event for one endpoint verifies at another")
	}
}

func TestAPublicKeySignsNothing(t *testing.T) {
	if _, err := webhook.Sign([]webhook.Key{webhook.NewKey().Public(), {}}, "msg_1", at, nil); !errors.Is(err, webhook.ErrKey) {
		t.Fatalf("got %v", err)
	}
	for _, id := range []string{"", "a.b", "a b", "a\nb"} {
		if _, err := webhook.Sign([]webhook.Key{webhook.NewKey()}, id, at, nil); err == nil {
			t.Errorf("id %q was signed", id)
		}
	}
}

func TestT31_keys_are_never_printed(t *testing.T) {
	for _, key := range []webhook.Key{webhook.NewKey(), webhook.NewSecret()} {
		_, body, _ := strings.Cut(key.Reveal(), "_")
		for _, format := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
			text := fmt.Sprintf(format, key)
			if strings.Contains(text, body) || strings.Contains(text, fmt.Sprintf("%x", body)) {
				t.Errorf("%s prints the key", format)
			}
		}
	}
}

func FuzzParseKey(f *testing.F) {
	f.Add("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	f.Add(webhook.NewKey().Reveal())
	f.Add(webhook.NewKey().Public().Reveal())
	f.Fuzz(func(t *testing.T, text string) {
		key, err := webhook.ParseKey(text)
		if err != nil {
			return
		}
		again, err := webhook.ParseKey(key.Reveal())
		if err != nil || again.Reveal() != key.Reveal() {
			t.Fatalf("%q does not survive", text)
		}
	})
}

func TestTheScheduleIsTenAttemptsOverThreeDays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		random := rapid.Float64Range(0, 0.999).Draw(t, "random")
		total, number := time.Duration(0), 1
		for ; ; number++ {
			wait, again := webhook.NextAttempt(number, 0, random)
			if !again {
				break
			}
			total += wait
		}
		if number != 10 || total < 75*time.Hour || total > 84*time.Hour {
			t.Fatalf("%d attempts over %v", number, total)
		}
	})
	if wait, _ := webhook.NextAttempt(1, time.Hour, 0); wait != time.Hour {
		t.Errorf("waits %v though the endpoint asked for an hour", wait)
	}
	if _, again := webhook.NextAttempt(0, 0, 0); again {
		t.Error("there is no attempt 0")
	}
}

func endpoint(t *testing.T, handler http.HandlerFunc) (webhook.Endpoint, *webhook.Sender) {
	t.Helper()
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	client := guard.New(guard.Params{
		Ports: []uint16{uint16(port)}, Allowed: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
		Roots: server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs,
	})
	t.Cleanup(client.Close)
	return webhook.Endpoint{URL: server.URL, Keys: webhook.Keyring{Current: webhook.NewKey()}}, webhook.NewSender(client, "nod/test", time.Now)
}

func TestAnEventArrivesSignedAndVerifies(t *testing.T) {
	var got error
	var keys []webhook.Key
	to, sender := endpoint(t, func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || string(body) != `{"a":1}` || r.Header.Get("Content-Type") != "application/json" {
			got = fmt.Errorf("body %q, %w", body, err)
			return
		}
		got = webhook.Verify(keys, webhook.Headers{
			ID: r.Header.Get("webhook-id"), Timestamp: r.Header.Get("webhook-timestamp"), Signature: r.Header.Get("webhook-signature"),
		}, body, time.Now())
	})
	keys = []webhook.Key{to.Keys.Current.Public()}
	if result := sender.Send(t.Context(), to, webhook.Event{ID: "msg_1", Body: []byte(`{"a":1}`)}); result.Outcome != webhook.Delivered || got != nil {
		t.Fatalf("%+v, receiver says %v", result, got)
	}
}

func TestAnswersBecomeOutcomes(t *testing.T) {
	status, header := 0, ""
	to, sender := endpoint(t, func(w http.ResponseWriter, _ *http.Request) {
		if header != "" {
			w.Header().Set("Retry-After", header)
		}
		w.WriteHeader(status)
	})
	for _, c := range []struct {
		status int
		header string
		want   webhook.Result
	}{
		{204, "", webhook.Result{Outcome: webhook.Delivered}},
		{302, "", webhook.Result{Outcome: webhook.Retry, Code: "status_302"}},
		{400, "", webhook.Result{Outcome: webhook.Retry, Code: "status_400"}},
		{410, "", webhook.Result{Outcome: webhook.Disabled, Code: "status_410"}},
		{429, "30", webhook.Result{Outcome: webhook.Retry, Code: "status_429", RetryAfter: 30 * time.Second}},
		{503, "999999999", webhook.Result{Outcome: webhook.Retry, Code: "status_503", RetryAfter: 24 * time.Hour}},
	} {
		status, header = c.status, c.header
		if got := sender.Send(t.Context(), to, webhook.Event{ID: "msg_1"}); got != c.want {
			t.Errorf("%d: got %+v, want %+v", c.status, got, c.want)
		}
	}
}

func TestT21_a_webhook_inside_the_network_is_refused(t *testing.T) {
	sender := webhook.NewSender(guard.New(guard.Params{}), "nod/test", time.Now)
	for _, u := range []string{"https://10.0.0.1/", "https://localhost/", "http://example.com/", "https://u:p@example.com/", "::"} {
		to := webhook.Endpoint{URL: u, Keys: webhook.Keyring{Current: webhook.NewKey()}}
		if got := sender.Send(t.Context(), to, webhook.Event{ID: "msg_1"}); got.Outcome != webhook.Refused || got.Code != "destination_refused" {
			t.Errorf("%s: %+v", u, got)
		}
	}
	to := webhook.Endpoint{URL: "https://example.com/"}
	if got := sender.Send(t.Context(), to, webhook.Event{ID: "msg_1"}); got.Outcome != webhook.Refused || got.Code != "no_key" {
		t.Errorf("without a key: %+v", got)
	}
}

func TestASilentEndpointGivesATimeout(t *testing.T) {
	release := make(chan struct{})
	to, sender := endpoint(t, func(http.ResponseWriter, *http.Request) { <-release })
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if got := sender.Send(ctx, to, webhook.Event{ID: "msg_1"}); got.Code != "timeout" || got.Outcome != webhook.Retry {
		t.Fatalf("got %+v", got)
	}
}

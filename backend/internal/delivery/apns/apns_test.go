package apns_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nod-auth/nod/backend/internal/delivery"
	"github.com/nod-auth/nod/backend/internal/delivery/apns"
	"github.com/nod-auth/nod/backend/internal/fakepush"
	fake "github.com/nod-auth/nod/backend/internal/fakepush/apns"
	"github.com/nod-auth/nod/shared/protocol"
)

const bundle = "com.example.authenticator"

var device = strings.Repeat("a1b2c3d4", 8)

func start(t testing.TB) (*fake.Service, *apns.Client) {
	t.Helper()
	service, err := fake.Start(fake.Params{Topics: []string{bundle}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(service.Close)
	return service, connect(t, service, service.KeyP8)
}

func connect(t testing.TB, service *fake.Service, key []byte) *apns.Client {
	t.Helper()
	client, err := apns.New(apns.Params{KeyP8: key, KeyID: service.KeyID, TeamID: service.TeamID, Host: service.URL, Roots: service.Roots})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func to(token string) delivery.Address {
	return delivery.Address{Channel: delivery.APNs, Kind: delivery.KindProduction, Value: token, App: bundle}
}

func wakeup() delivery.Wakeup {
	return delivery.Wakeup{
		Handle: protocol.RandomText(16), ChallengeID: protocol.NewID[protocol.ChallengeID](),
		ExpiresAt: time.Now().Add(90 * time.Second), Language: "fr-CA",
	}
}

func TestWakeupArrivesByteForByteWithTheRightHeaders(t *testing.T) {
	service, client := start(t)
	w := wakeup()
	got := client.App(bundle).Send(t.Context(), to(device), w)
	if got.Outcome != delivery.OutcomeSent || got.MessageID == "" {
		t.Fatalf("got %+v", got)
	}
	pushes := service.Pushes.All()
	if len(pushes) != 1 || pushes[0].Token != device || !bytes.Equal(pushes[0].Payload, delivery.APNsPayload(w)) {
		t.Fatalf("the service got %s", pushes)
	}
	want := map[string]string{
		"Apns-Push-Type": "alert", "Apns-Priority": "10", "Apns-Expiration": fmt.Sprint(w.ExpiresAt.Unix()),
		"Apns-Collapse-Id": w.CollapseID(), "Apns-Topic": bundle, "Content-Type": "application/json; charset=utf-8",
	}
	for name, values := range pushes[0].Header {
		if len(values) != 1 || values[0] != want[name] {
			t.Errorf("%s is %q, want %q", name, values, want[name])
		}
	}
	if len(pushes[0].Header) != len(want) {
		t.Errorf("headers are %v", pushes[0].Header)
	}
}

func TestOneTokenServesEveryAppOfAKey(t *testing.T) {
	service, client := start(t)
	for range 3 {
		if got := client.App(bundle).Send(t.Context(), to(device), wakeup()); got.Outcome != delivery.OutcomeSent {
			t.Fatalf("got %+v", got)
		}
	}
	if got := client.App("com.other").Send(t.Context(), to(device), wakeup()); got.Code != "TopicDisallowed" || got.Outcome != delivery.OutcomeConfigError {
		t.Fatalf("another team's app gave %+v", got)
	}
	if len(service.Pushes.All()) != 3 {
		t.Fatal("wrong number of pushes")
	}
}

func TestADeadTokenCarriesItsTime(t *testing.T) {
	service, client := start(t)
	since := time.Date(2026, 10, 1, 12, 0, 0, 123_000_000, time.UTC)
	service.Unregister(device, since)
	want := delivery.Result{Outcome: delivery.OutcomeAddressDead, Code: "Unregistered", DeadSince: since}
	if got := client.App(bundle).Send(t.Context(), to(device), wakeup()); got != want {
		t.Fatalf("got %+v, want %+v", got, want)
	}
}

func TestAnswersBecomeOutcomes(t *testing.T) {
	service, client := start(t)
	reason := func(status int, text string) fakepush.Answer {
		return fakepush.Answer{Status: status, Body: `{"reason":"` + text + `"}`}
	}
	for name, c := range map[string]struct {
		answer fakepush.Answer
		want   delivery.Result
	}{
		"a token of the other environment": {reason(400, "BadDeviceToken"), delivery.Result{Outcome: delivery.OutcomeConfigError, Code: "BadDeviceToken"}},
		"a token of another app":           {reason(400, "DeviceTokenNotForTopic"), delivery.Result{Outcome: delivery.OutcomeConfigError, Code: "DeviceTokenNotForTopic"}},
		"a key that was revoked":           {reason(403, "InvalidProviderToken"), delivery.Result{Outcome: delivery.OutcomeConfigError, Code: "InvalidProviderToken", ServiceFault: true}},
		"a young token called expired":     {reason(403, "ExpiredProviderToken"), delivery.Result{Outcome: delivery.OutcomeConfigError, Code: "ExpiredProviderToken", ServiceFault: true}},
		"gone without a time":              {reason(410, "ExpiredToken"), delivery.Result{Outcome: delivery.OutcomeAddressDead, Code: "ExpiredToken"}},
		"too many for one device":          {reason(429, "TooManyRequests"), delivery.Result{Outcome: delivery.OutcomeRetry, Code: "TooManyRequests"}},
		"too many token updates":           {reason(429, "TooManyProviderTokenUpdates"), delivery.Result{Outcome: delivery.OutcomeRetry, Code: "TooManyProviderTokenUpdates", ServiceFault: true}},
		"unavailable for a while": {fakepush.Answer{Status: 503, Body: `{"reason":"ServiceUnavailable"}`, RetryAfter: "3"},
			delivery.Result{Outcome: delivery.OutcomeRetry, Code: "ServiceUnavailable", RetryAfter: 3 * time.Second, ServiceFault: true}},
		"a proxy's page in between": {fakepush.Answer{Status: 502, Body: "<html>"}, delivery.Result{Outcome: delivery.OutcomeRetry, Code: "status_502", ServiceFault: true}},
		"a cut connection":          {fakepush.Answer{Cut: true}, delivery.Result{Outcome: delivery.OutcomeRetry, Code: delivery.CodeUnreachable, ServiceFault: true}},
	} {
		// The first request makes the token young and the connection warm.
		if got := client.App(bundle).Send(t.Context(), to(device), wakeup()); got.Outcome != delivery.OutcomeSent {
			t.Fatalf("%s: warm-up gave %+v", name, got)
		}
		service.Script.Next(c.answer)
		if got := client.App(bundle).Send(t.Context(), to(device), wakeup()); got != c.want {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
}

func TestAServiceThatHangsGivesATimeoutAndTheNextPushWorks(t *testing.T) {
	service, client := start(t)
	service.Script.Next(fakepush.Answer{Hang: true})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if got := client.App(bundle).Send(ctx, to(device), wakeup()); got.Outcome != delivery.OutcomeRetry || got.Code != delivery.CodeTimeout {
		t.Fatalf("got %+v", got)
	}
	if got := client.App(bundle).Send(t.Context(), to(device), wakeup()); got.Outcome != delivery.OutcomeSent {
		t.Fatalf("the next push gave %+v", got)
	}
}

func TestTheFakeRefusesAnotherKey(t *testing.T) {
	service, _ := start(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	other := connect(t, service, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	if got := other.App(bundle).Send(t.Context(), to(device), wakeup()); got.Code != "InvalidProviderToken" {
		t.Fatalf("got %+v", got)
	}
	if got := connect(t, service, service.KeyP8).App(bundle).Send(t.Context(), to("zz"), wakeup()); got.Code != "BadDeviceToken" {
		t.Fatalf("got %+v", got)
	}
}

func TestBadCredentialsAreRefusedWithoutRepeatingThem(t *testing.T) {
	service, _ := start(t)
	for name, p := range map[string]apns.Params{
		"no key": {KeyID: "K", TeamID: "T"}, "not a key": {KeyP8: []byte("canary"), KeyID: "K", TeamID: "T"},
		"no key id": {KeyP8: service.KeyP8, TeamID: "T"}, "no team": {KeyP8: service.KeyP8, KeyID: "K"},
	} {
		if _, err := apns.New(p); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

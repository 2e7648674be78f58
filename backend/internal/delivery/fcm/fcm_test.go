package fcm_test

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/nod-auth/nod/backend/internal/delivery"
	"github.com/nod-auth/nod/backend/internal/delivery/fcm"
	"github.com/nod-auth/nod/backend/internal/fakepush"
	fake "github.com/nod-auth/nod/backend/internal/fakepush/fcm"
	"github.com/nod-auth/nod/shared/protocol"
)

func start(t testing.TB) (*fake.Service, *fcm.Client) {
	t.Helper()
	service, err := fake.Start("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(service.Close)
	return service, connect(t, service, service.ServiceAccount)
}

func connect(t testing.TB, service *fake.Service, account []byte) *fcm.Client {
	t.Helper()
	client, err := fcm.New(fcm.Params{ServiceAccount: account, Endpoint: service.Endpoint, Roots: service.Roots})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func to(kind string) delivery.Address {
	return delivery.Address{Channel: delivery.FCM, Kind: kind, Value: "address-of-a-phone"}
}

func wakeup() delivery.Wakeup {
	return delivery.Wakeup{
		Handle: protocol.RandomText(16), ChallengeID: protocol.NewID[protocol.ChallengeID](),
		ExpiresAt: time.Now().Add(90 * time.Second), Language: "es",
	}
}

func TestWakeupArrivesAsDataWithHighPriority(t *testing.T) {
	service, client := start(t)
	for _, kind := range []string{delivery.KindToken, delivery.KindFID} {
		w := wakeup()
		if got := client.Send(t.Context(), to(kind), w); got.Outcome != delivery.OutcomeSent || !strings.HasPrefix(got.MessageID, "projects/") {
			t.Fatalf("got %+v", got)
		}
		pushes := service.Pushes.All()
		push := pushes[len(pushes)-1]
		ttl, err := time.ParseDuration(push.TTL)
		if push.Kind != kind || push.Address != to(kind).Value || push.Priority != "high" || err != nil || ttl < 85*time.Second || ttl > 90*time.Second {
			t.Errorf("%s: %+v", kind, push)
		}
		if !maps.Equal(push.Data, delivery.FCMData(w)) || push.Data["tag"] != w.CollapseID() {
			t.Errorf("%s: data is %v", kind, push.Data)
		}
	}
}

func TestT15_the_message_has_no_member_but_these(t *testing.T) {
	service, client := start(t)
	client.Send(t.Context(), to(delivery.KindFID), wakeup())
	var got map[string]map[string]any
	if err := json.NewDecoder(bytes.NewReader(service.Pushes.All()[0].Raw)).Decode(&got); err != nil {
		t.Fatal(err)
	}
	for name := range got["message"] {
		if name != "data" && name != "android" && name != "fid" {
			t.Errorf("the message has a member %q", name)
		}
	}
	for name := range got["message"]["android"].(map[string]any) {
		if name != "priority" && name != "ttl" {
			t.Errorf("the android part has a member %q: the system would draw the notification, not the app", name)
		}
	}
}

func TestAnswersBecomeOutcomes(t *testing.T) {
	service, client := start(t)
	google := func(status int, platform, specific string) fakepush.Answer {
		return fakepush.Answer{Status: status, Body: fake.ErrorBody(status, platform, specific)}
	}
	busy := google(503, "UNAVAILABLE", "UNAVAILABLE")
	busy.RetryAfter = "4"
	for name, c := range map[string]struct {
		answer fakepush.Answer
		want   delivery.Result
	}{
		"unregistered":                {google(404, "NOT_FOUND", "UNREGISTERED"), delivery.Result{Outcome: delivery.OutcomeAddressDead, Code: "UNREGISTERED"}},
		"an unknown project":          {google(404, "NOT_FOUND", ""), delivery.Result{Outcome: delivery.OutcomeConfigError, Code: "NOT_FOUND", ServiceFault: true}},
		"an address of another app":   {google(403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH"), delivery.Result{Outcome: delivery.OutcomeConfigError, Code: "SENDER_ID_MISMATCH"}},
		"an account without the role": {google(403, "PERMISSION_DENIED", ""), delivery.Result{Outcome: delivery.OutcomeConfigError, Code: "PERMISSION_DENIED", ServiceFault: true}},
		"an unreadable address":       {google(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"), delivery.Result{Outcome: delivery.OutcomeConfigError, Code: "INVALID_ARGUMENT"}},
		"a used-up quota":             {google(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"), delivery.Result{Outcome: delivery.OutcomeRetry, Code: "QUOTA_EXCEEDED", RetryAfter: time.Minute, ServiceFault: true}},
		"unavailable for a while":     {busy, delivery.Result{Outcome: delivery.OutcomeRetry, Code: "UNAVAILABLE", RetryAfter: 4 * time.Second, ServiceFault: true}},
		"an internal error":           {google(500, "INTERNAL", "INTERNAL"), delivery.Result{Outcome: delivery.OutcomeRetry, Code: "INTERNAL", ServiceFault: true}},
		"a proxy's page in between":   {fakepush.Answer{Status: 502, Body: "<html>"}, delivery.Result{Outcome: delivery.OutcomeRetry, Code: "status_502", ServiceFault: true}},
		"a cut connection":            {fakepush.Answer{Cut: true}, delivery.Result{Outcome: delivery.OutcomeRetry, Code: delivery.CodeUnreachable, ServiceFault: true}},
	} {
		service.Script.Next(c.answer)
		began := time.Now()
		if got := client.Send(t.Context(), to(delivery.KindFID), wakeup()); got != c.want {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
		if spent := time.Since(began); spent > 2*time.Second {
			t.Errorf("%s: the library waited %v to try again by itself", name, spent)
		}
	}
	if n := len(service.Pushes.All()); n != 0 {
		t.Errorf("%d failed calls were tried again by the library", n)
	}
}

func TestAServiceThatHangsGivesATimeout(t *testing.T) {
	service, client := start(t)
	client.Send(t.Context(), to(delivery.KindFID), wakeup()) // fetches the access token
	service.Script.Next(fakepush.Answer{Hang: true})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if got := client.Send(ctx, to(delivery.KindFID), wakeup()); got.Outcome != delivery.OutcomeRetry || got.Code != delivery.CodeTimeout {
		t.Fatalf("got %+v", got)
	}
}

func TestTheServiceAccountIsChecked(t *testing.T) {
	service, _ := start(t)
	other, err := fake.Start("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.Close)
	// An account whose key the token address does not know.
	foreign := bytes.ReplaceAll(other.ServiceAccount, []byte(other.URL), []byte(service.URL))
	want := delivery.Result{Outcome: delivery.OutcomeConfigError, Code: "oauth_invalid_grant", ServiceFault: true}
	if got := connect(t, service, foreign).Send(t.Context(), to(delivery.KindFID), wakeup()); got != want {
		t.Errorf("a foreign key gave %+v", got)
	}
	service.TokenScript.Next(fakepush.Answer{Status: 503, Body: "{}"})
	if got := connect(t, service, service.ServiceAccount).Send(t.Context(), to(delivery.KindFID), wakeup()); got.Outcome != delivery.OutcomeRetry {
		t.Errorf("a token address in trouble gave %+v", got)
	}
	if _, err := fcm.New(fcm.Params{ServiceAccount: []byte(`{"private_key":"canary"}`)}); err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("bad credentials: %v", err)
	}
}

func TestADeadAddressIsReported(t *testing.T) {
	service, client := start(t)
	service.Unregister(to("").Value)
	if got := client.Send(t.Context(), to(delivery.KindToken), wakeup()); got.Outcome != delivery.OutcomeAddressDead {
		t.Fatalf("got %+v", got)
	}
}

package webhook_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/nod-auth/nod/backend/internal/delivery"
	channel "github.com/nod-auth/nod/backend/internal/delivery/webhook"
	"github.com/nod-auth/nod/backend/internal/guard"
	"github.com/nod-auth/nod/backend/internal/webhook"
	"github.com/nod-auth/nod/shared/protocol"
)

const id = "whe_1"

// endpoints knows one endpoint.
type endpoints struct {
	one      webhook.Endpoint
	disabled string
}

func (e *endpoints) Endpoint(_ context.Context, which string) (webhook.Endpoint, error) {
	if which != id {
		return webhook.Endpoint{}, errors.New("not found")
	}
	return e.one, nil
}

func (e *endpoints) Disable(_ context.Context, which string) error {
	e.disabled = which
	return nil
}

func start(t *testing.T, handler http.HandlerFunc) (*endpoints, *channel.Sender) {
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
	known := &endpoints{one: webhook.Endpoint{URL: server.URL, Keys: webhook.Keyring{Current: webhook.NewKey()}}}
	sender, err := channel.New(known, webhook.NewSender(client, "nod/test", time.Now), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return known, sender
}

func to(endpoint string) delivery.Address {
	return delivery.Address{Channel: delivery.Webhook, Value: "dev_ICEiIyQlJicoKSorLC0uLw", App: endpoint}
}

func wakeup() delivery.Wakeup {
	return delivery.Wakeup{Handle: protocol.RandomText(16), ChallengeID: protocol.NewID[protocol.ChallengeID](), ExpiresAt: time.Now().Add(time.Minute)}
}

func TestAPushRequestedEventArrivesSigned(t *testing.T) {
	w := wakeup()
	var known *endpoints
	var problem error
	known, sender := start(t, func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		problem = errors.Join(err, webhook.Verify([]webhook.Key{known.one.Keys.Current.Public()}, webhook.Headers{
			ID: r.Header.Get("webhook-id"), Timestamp: r.Header.Get("webhook-timestamp"), Signature: r.Header.Get("webhook-signature"),
		}, body, time.Now()))
		if !bytes.Contains(body, []byte(w.ChallengeID)) || !bytes.Contains(body, []byte(`"type":"push.requested"`)) || !bytes.Contains(body, []byte(to("").Value)) {
			problem = errors.New("the event lacks something")
		}
	})
	got := sender.Send(t.Context(), to(id), w)
	if got.Outcome != delivery.OutcomeSent || got.MessageID != "push_"+w.CollapseID() || problem != nil {
		t.Fatalf("got %+v, receiver says %v", got, problem)
	}
}

func TestAnswersBecomeOutcomes(t *testing.T) {
	status := 0
	known, sender := start(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
	status = http.StatusServiceUnavailable
	want := delivery.Result{Outcome: delivery.OutcomeRetry, Code: "status_503", ServiceFault: true}
	if got := sender.Send(t.Context(), to(id), wakeup()); got != want || known.disabled != "" {
		t.Errorf("503 gave %+v", got)
	}
	status = http.StatusGone
	want = delivery.Result{Outcome: delivery.OutcomeConfigError, Code: "status_410"}
	if got := sender.Send(t.Context(), to(id), wakeup()); got != want || known.disabled != id {
		t.Errorf("410 gave %+v, disabled %q", got, known.disabled)
	}
	want = delivery.Result{Outcome: delivery.OutcomeConfigError, Code: delivery.CodeNoCredentials}
	if got := sender.Send(t.Context(), to("whe_2"), wakeup()); got != want {
		t.Errorf("an unknown endpoint gave %+v", got)
	}
	known.one.URL = "https://169.254.169.254/"
	want = delivery.Result{Outcome: delivery.OutcomeConfigError, Code: delivery.CodeRefused}
	if got := sender.Send(t.Context(), to(id), wakeup()); got != want {
		t.Errorf("an endpoint inside the network gave %+v", got)
	}
}

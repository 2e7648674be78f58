package delivery_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nod-auth/nod/backend/internal/delivery"
	"github.com/nod-auth/nod/shared/protocol"
)

var update = flag.Bool("update", false, "write the golden files")

var sent = time.Date(2026, 11, 3, 8, 58, 30, 0, time.UTC)

func sample(lang string) delivery.Wakeup {
	return delivery.Wakeup{
		Handle: "AAECAwQFBgcICQoLDA0ODw", ChallengeID: "chl_EBESExQVFhcYGRobHB0eHw",
		ExpiresAt: sent.Add(90 * time.Second), Language: lang,
	}
}

// payloads is every byte that leaves the server, by channel.
func payloads(t interface{ Fatal(...any) }, w delivery.Wakeup) map[delivery.Channel][]byte {
	fcm, err := json.Marshal(delivery.FCMData(w))
	if err != nil {
		t.Fatal(err)
	}
	return map[delivery.Channel][]byte{
		delivery.APNs: delivery.APNsPayload(w), delivery.FCM: fcm, delivery.WebPush: delivery.WebPushPayload(w),
		delivery.Webhook: delivery.WebhookEvent("dev_ICEiIyQlJicoKSorLC0uLw", w, sent),
	}
}

func TestT15_payloads_are_these_bytes_on_every_channel_in_every_language(t *testing.T) {
	wakeups := map[string]delivery.Wakeup{"test": {Handle: sample("").Handle, ExpiresAt: sample("").ExpiresAt, Language: "en", Test: true}}
	for _, tag := range delivery.Languages() {
		wakeups[tag] = sample(tag)
	}
	for name, w := range wakeups {
		for channel, got := range payloads(t, w) {
			file := filepath.Join("testdata", "golden", string(channel)+"."+name+".json")
			if *update {
				if err := os.WriteFile(file, append(got, '\n'), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file) //nolint:gosec // a fixed directory
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(bytes.TrimSuffix(want, []byte("\n")), got) {
				t.Errorf("%s:\n got %s\nwant %s", file, got, want)
			}
		}
	}
}

func TestT15_a_wakeup_has_no_field_that_could_hold_more(t *testing.T) {
	// Adding a field changes what may leave the server: change docs/threat-model.md T15 first.
	allowed := []string{"Handle", "ChallengeID", "ExpiresAt", "Language", "Test"}
	var got []string
	for field := range reflect.TypeFor[delivery.Wakeup]().Fields() {
		got = append(got, field.Name)
	}
	if !slices.Equal(got, allowed) {
		t.Fatalf("fields are %v, want %v", got, allowed)
	}
}

// Whatever the wake-up, its payload is the golden payload of its language with the opaque values put in. So nothing
// about a user, an IP, a place, an amount, a number or a tenant can appear: there is no place for it.
func TestT15_payloads_vary_only_in_the_opaque_values(t *testing.T) {
	base64url := rapid.StringMatching(`[A-Za-z0-9_-]{22,128}`)
	rapid.Check(t, func(t *rapid.T) {
		w := delivery.Wakeup{
			Handle: base64url.Draw(t, "handle"), ChallengeID: protocol.NewID[protocol.ChallengeID](),
			ExpiresAt: time.Unix(rapid.Int64Range(1_800_000_000, 1_900_000_000).Draw(t, "expires"), 0),
			Language:  rapid.String().Draw(t, "language"),
		}
		if err := w.Check(); err != nil {
			t.Fatal(err)
		}
		for channel, got := range payloads(t, w) {
			text := strings.NewReplacer(
				w.Handle, sample("").Handle, string(w.ChallengeID), string(sample("").ChallengeID), w.CollapseID(), sample("").CollapseID(),
				strconv.FormatInt(w.ExpiresAt.Unix(), 10), strconv.FormatInt(sample("").ExpiresAt.Unix(), 10),
				w.ExpiresAt.UTC().Format(time.RFC3339), sample("").ExpiresAt.Format(time.RFC3339)).Replace(string(got))
			if !slices.ContainsFunc(delivery.Languages(), func(tag string) bool {
				return text == string(payloads(t, sample(tag))[channel])
			}) {
				t.Fatalf("%s payload holds something else: %s", channel, got)
			}
		}
	})
}

func TestT15_values_that_say_something_are_not_sent(t *testing.T) {
	good := sample("en")
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for _, canary := range []string{"alice@example.com-alice@example.com", "203.0.113.77 and 203.0.113.78", "Berlin, Germany, Europe", "1500.00 EUR to ACME Ltd.", "42", ""} {
		handle := good
		handle.Handle = canary
		id := good
		id.ChallengeID = protocol.ChallengeID(canary)
		if handle.Check() == nil || id.Check() == nil {
			t.Errorf("%q passed as a handle or an id", canary)
		}
		language := good
		language.Language = canary
		for channel, got := range payloads(t, language) {
			if !bytes.Equal(got, payloads(t, good)[channel]) {
				t.Errorf("%q as a language changed the %s payload", canary, channel)
			}
		}
	}
	test := delivery.Wakeup{Handle: good.Handle, ChallengeID: good.ChallengeID, Test: true}
	if test.Check() == nil {
		t.Error("a test doorbell with a challenge passed")
	}
}

func TestT16_no_notification_offers_approve(t *testing.T) {
	for _, category := range []string{delivery.CategoryRequest, delivery.CategoryTest, "anything"} {
		for _, action := range delivery.Actions(category) {
			if action != "open" && action != "deny" {
				t.Errorf("category %s offers %q", category, action)
			}
		}
	}
	for _, tag := range delivery.Languages() {
		for channel, got := range payloads(t, sample(tag)) {
			var fields map[string]any
			if err := json.Unmarshal(got, &fields); err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(got, []byte(`approve"`)) || bytes.Contains(got, []byte(`"actions"`)) || bytes.Contains(got, []byte("click_action")) {
				t.Errorf("%s %s: %s", channel, tag, got)
			}
			if !bytes.Contains(got, []byte(`"category":"nod.request"`)) {
				t.Errorf("%s %s has no category", channel, tag)
			}
		}
	}
}

func TestPayloadsStaySmall(t *testing.T) {
	w := sample("ja")
	w.Handle = strings.Repeat("A", 128)
	for channel, got := range payloads(t, w) {
		if len(got) > 1024 {
			t.Errorf("%s payload has %d bytes", channel, len(got))
		}
	}
}

func TestCollapseIDFitsEveryService(t *testing.T) {
	id := sample("en").CollapseID()
	if len(id) != 22 || strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
		t.Fatalf("%q does not fit an RFC 8030 topic", id)
	}
	other := sample("en")
	other.ChallengeID = protocol.NewID[protocol.ChallengeID]()
	if other.CollapseID() == id || sample("de").CollapseID() != id {
		t.Fatal("a collapse id is of the challenge and nothing else")
	}
}

func TestTTLNeverOutlivesTheChallenge(t *testing.T) {
	w := sample("en")
	for _, c := range []struct{ at, want time.Duration }{{0, 90 * time.Second}, {500 * time.Millisecond, 89 * time.Second}, {90 * time.Second, 0}, {time.Hour, 0}} {
		if got := w.TTL(sent.Add(c.at)); got != c.want {
			t.Errorf("after %v: %v, want %v", c.at, got, c.want)
		}
	}
}

package delivery

import (
	"encoding/json"
	"strconv"
	"time"
)

// payloadVersion is the "v" of every payload. An app ignores the content of a version it does not know and simply
// asks the server what is pending.
const payloadVersion = 1

// The notification categories that the apps register. A category is a name; what it offers is in [Actions].
const (
	CategoryRequest = "nod.request"
	CategoryTest    = "nod.test"
)

// Actions is the whole list of buttons that each category may offer. There is no approve: an approval is signed only
// inside the app, after the question was shown (T16). Deny opens the app on the question; nothing signs in the
// background.
func Actions(category string) []string {
	if category == CategoryRequest {
		return []string{"open", "deny"}
	}
	return nil
}

func (w Wakeup) category() string {
	if w.Test {
		return CategoryTest
	}
	return CategoryRequest
}

type body struct {
	Version   int    `json:"v"`
	Handle    string `json:"handle"`
	Challenge string `json:"challenge,omitempty"`
	Expires   int64  `json:"expires"` // seconds since 1970, UTC
	Category  string `json:"category,omitempty"`
	Title     string `json:"title,omitempty"`
	Text      string `json:"text,omitempty"`
}

func (w Wakeup) body() body {
	return body{
		Version: payloadVersion, Handle: w.Handle, Challenge: string(w.ChallengeID), Expires: w.ExpiresAt.Unix(),
	}
}

type apnsAlert struct {
	Title string `json:"title"`
	Body  string `json:"body,omitempty"`
}

type apnsAPS struct {
	Alert             apnsAlert `json:"alert"`
	Category          string    `json:"category"`
	InterruptionLevel string    `json:"interruption-level"`
	Sound             string    `json:"sound"`
	ThreadID          string    `json:"thread-id"`
}

// APNsPayload builds the JSON body for APNs. The alert is complete, because an iPhone shows it without running the
// app; the rest lets the app open the right account. The thread groups by account handle.
func APNsPayload(w Wakeup) []byte {
	title, text := w.text()
	return encode(struct {
		APS apnsAPS `json:"aps"`
		Nod body    `json:"nod"`
	}{
		apnsAPS{apnsAlert{title, text}, w.category(), "time-sensitive", "default", w.Handle},
		w.body(),
	})
}

// FCMData builds the data of an FCM message. It is data only: a message with a notification part would be drawn by
// the system, without the app's Deny button, its lock-screen visibility and its record of the last wake-up.
// The tag makes a second copy replace the first notification.
func FCMData(w Wakeup) map[string]string {
	title, text := w.text()
	data := map[string]string{
		"v": strconv.Itoa(payloadVersion), "handle": w.Handle, "expires": strconv.FormatInt(w.ExpiresAt.Unix(), 10),
		"tag": w.CollapseID(), "category": w.category(), "title": title,
	}
	if text != "" {
		data["text"] = text
	}
	if w.ChallengeID != "" {
		data["challenge"] = string(w.ChallengeID)
	}
	return data
}

// WebPushPayload builds the JSON that is encrypted for a WebPush or UnifiedPush subscription.
func WebPushPayload(w Wakeup) []byte {
	b := w.body()
	b.Category = w.category()
	b.Title, b.Text = w.text()
	return encode(b)
}

// WebhookEvent builds the push.requested event for an integrator that sends pushes with its own infrastructure. It
// holds what the other payloads hold, and the name that the integrator gave the device.
func WebhookEvent(reference string, w Wakeup, now time.Time) []byte {
	type data struct {
		Device     string `json:"device"`
		CollapseID string `json:"collapse_id"`
		ExpiresAt  string `json:"expires_at"`
		Wakeup     body   `json:"wakeup"`
	}
	b := w.body()
	b.Category = w.category()
	b.Title, b.Text = w.text()
	return encode(struct {
		Type      string `json:"type"`
		Timestamp string `json:"timestamp"`
		Data      data   `json:"data"`
	}{
		"push.requested", now.UTC().Format(time.RFC3339),
		data{reference, w.CollapseID(), w.ExpiresAt.UTC().Format(time.RFC3339), b},
	})
}

// encode marshals one of the payload structs above. They hold strings and numbers only, so it can't fail.
func encode(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		panic("delivery: payload struct can't be encoded: " + err.Error())
	}
	return raw
}

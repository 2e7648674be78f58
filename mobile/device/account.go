package device

import (
	"time"

	"github.com/nod-auth/nod/mobile/keystore"
	"github.com/nod-auth/nod/shared/protocol"
)

// AccountID names an account inside this profile only: "acc_" and random text.
type AccountID string

// AccountStatus is where an account stands.
type AccountStatus string

// The states of an account.
const (
	// AccountRegistering: keys are made and the enrollment was sent or is about
	// to be; its reply is not known. Sync, Run or Enroll with the same invitation go on.
	AccountRegistering AccountStatus = "registering"
	// AccountUnconfirmed: registered; the person must type ConfirmCode in the
	// browser that showed the invitation. Nothing can be answered yet.
	AccountUnconfirmed AccountStatus = "unconfirmed"
	// AccountActive: challenges can be answered.
	AccountActive AccountStatus = "active"
	// AccountRevoked: the server says that the device is removed, or no longer
	// knows it. Run asks again now and then, in case that was the server's mistake.
	AccountRevoked AccountStatus = "revoked"
)

// Account is a snapshot of one account.
type Account struct {
	ID     AccountID
	Status AccountStatus
	// Server is the base URL, Host the part of it to show.
	Server, Host string
	// Tenant and Device are empty while registering.
	Tenant protocol.TenantID
	Device protocol.DeviceID
	// Company, User and UserRef are signed by the server; while registering they
	// are the invitation's hints.
	Company, User, UserRef string
	// DeviceName is what this device calls itself there.
	DeviceName string
	// ConfirmCode is six digits while unconfirmed, else "".
	ConfirmCode string
	// Levels are the key stores' levels of the two keys.
	Levels protocol.KeyLevels
	// Verification says how approving asks the person: PIN or the platform's own prompt.
	Verification keystore.UserVerification
	// Requirements hold for every decision at least.
	Requirements protocol.Requirements
	// WakeHandle is the random name of this account in pushes.
	WakeHandle string
	// VAPID is the server's key for WebPush, as a push service wants it: an uncompressed P-256 point in base64url. "": it has none.
	VAPID string
	// CreatedAt and LastUsedAt (zero: never) are by this device's clock.
	CreatedAt, LastUsedAt time.Time
}

// Label is the person to show: the name, else the reference.
func (a Account) Label() string { return label(a.User, a.UserRef) }

func label(name, ref string) string {
	if name != "" {
		return name
	}
	return ref
}

// Blocker says why Approve must be disabled. Deny and report are never blocked.
type Blocker string

// The blockers.
const (
	// BlockUnconfirmed: the device is not confirmed or no longer active.
	BlockUnconfirmed Blocker = "device_not_active"
	// BlockUnsupported: the challenge has members that this build cannot show; tell the person to update the app.
	BlockUnsupported Blocker = "unsupported"
	// BlockKeyLevel: policy asks for a stronger key store than this account's approval key has.
	BlockKeyLevel Blocker = "key_level"
)

// Challenge is a verified challenge that waits for an answer.
type Challenge struct {
	// Account is the account it came for.
	Account AccountID
	// Challenge is the verified content. Its times are the server's.
	protocol.Challenge
	// ReceivedAt and Deadline are by this device's clock: count down to Deadline.
	ReceivedAt, Deadline time.Time
	// Blockers is empty when Approve may be offered.
	Blockers []Blocker
	// Verification says how approving will ask the person.
	Verification keystore.UserVerification
	// Sending is set while an answer is signed and the server has not confirmed it.
	Sending protocol.Answer
}

// CanApprove tells whether Approve may be enabled with what is typed or picked so
// far: nothing blocks, and number is complete ("" in the modes without one). It
// does not say whether the number is right: no device knows that.
func (c Challenge) CanApprove(number string) bool {
	return len(c.Blockers) == 0 && numberComplete(c.Match, number)
}

// Entry is one line of the local history.
type Entry struct {
	Account   AccountID            `json:"account"`
	Challenge protocol.ChallengeID `json:"challenge"`
	// Hash is the challenge hash, which a late report is signed over.
	Hash string `json:"hash"`
	// At is when it ended and ReceivedAt when it came, by this device's clock.
	At         time.Time `json:"at"`
	ReceivedAt time.Time `json:"received_at"`
	// Status is how the challenge ended.
	Status protocol.Status `json:"status"`
	// Answer is what was answered here; "" if it ended otherwise.
	Answer protocol.Answer `json:"answer,omitempty"`
	// What was asked, by whom, from where.
	Application string `json:"application"`
	Kind        string `json:"kind"`
	Title       string `json:"title,omitempty"`
	Location    string `json:"location,omitempty"`
	Browser     string `json:"browser,omitempty"`
	IP          string `json:"ip,omitempty"`
	// Reported is set once the server took a report.
	Reported bool `json:"reported,omitempty"`
}

// Reportable tells whether "it was not me" can still be sent at now (docs/protocol.md: 24 hours after delivery).
func (e Entry) Reportable(now time.Time) bool {
	return !e.Reported && now.Before(e.ReceivedAt.Add(protocol.ReportWindow))
}

// maxActivity bounds the history of a profile.
const maxActivity = 200

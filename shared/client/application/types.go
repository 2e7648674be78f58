package application

import (
	"time"

	"github.com/nod-auth/nod/shared/protocol"
)

// EnrollmentRequest invites a user.
type EnrollmentRequest struct {
	UserRef   string `json:"user_ref"`             // your own stable name for the user, 1 to 128 characters
	UserLabel string `json:"user_label,omitempty"` // what the authenticator shows; default is UserRef

	// IdempotencyKey is one of your own, to repeat this create after a restart; "" for a random one.
	IdempotencyKey string `json:"-"`
}

// EnrollmentStatus is where an enrollment stands.
type EnrollmentStatus string

// The states of an enrollment.
const (
	EnrollmentInvited          EnrollmentStatus = "invited"           // show the invitation
	EnrollmentRegistered       EnrollmentStatus = "registered"        // ask for the six digits of the new device
	EnrollmentAwaitingApproval EnrollmentStatus = "awaiting_approval" // show Approval.Match.Number for the old device
	EnrollmentActive           EnrollmentStatus = "active"
	EnrollmentFailed           EnrollmentStatus = "failed"
	EnrollmentExpired          EnrollmentStatus = "expired"
)

// Final tells whether the status never changes any more.
func (s EnrollmentStatus) Final() bool {
	return s == EnrollmentActive || s == EnrollmentFailed || s == EnrollmentExpired
}

// Enrollment binds a device to a user.
type Enrollment struct {
	ID            protocol.EnrollmentID `json:"id"`
	Status        EnrollmentStatus      `json:"status"`
	UserRef       string                `json:"user_ref"`
	InvitationURI string                `json:"invitation_uri"` // for a QR code; at creation only; a secret
	InvitationURL string                `json:"invitation_url"` // for a link; at creation only; a secret
	ExpiresAt     time.Time             `json:"expires_at"`
	Device        *Device               `json:"device"`   // once registered
	Approval      *Approval             `json:"approval"` // while awaiting approval
}

// Approval is what one of the user's active devices must give before a further device is added.
type Approval struct {
	ChallengeID protocol.ChallengeID `json:"challenge_id"`
	Match       Match                `json:"match"`
	ExpiresAt   time.Time            `json:"expires_at"`
}

// Context is where a request comes from. The user sees it and judges by it.
type Context struct {
	IP        string `json:"ip,omitempty"` // the browser's address, not a proxy's
	UserAgent string `json:"user_agent,omitempty"`
	Location  string `json:"location,omitempty"` // such as "Vienna, Austria"
	Browser   string `json:"browser,omitempty"`  // trusted-browser token
}

// MatchRequest asks for a number match. Policy may demand more; empty leaves it to policy.
type MatchRequest struct {
	Mode   protocol.MatchMode `json:"mode,omitempty"`
	Digits int                `json:"digits,omitempty"` // of enter: 2 or 6
}

// ChallengeRequest asks a user to approve. UserRef, Transaction and Action.Kind are required.
type ChallengeRequest struct {
	UserRef string `json:"user_ref"`
	// Transaction is your name for this attempt, unique, 1 to 128 characters. It comes back signed: [Client.Verify]
	// compares it, so that an approval of one attempt cannot be used for another.
	Transaction  string                `json:"transaction"`
	Session      string                `json:"session,omitempty"` // a new challenge supersedes only one of the same session
	Action       protocol.Action       `json:"action"`
	Context      Context               `json:"context,omitzero"`
	Details      []protocol.Detail     `json:"details,omitempty"`
	Match        MatchRequest          `json:"match,omitzero"`
	Requirements protocol.Requirements `json:"requirements,omitzero"`
	TTLSeconds   int                   `json:"ttl_seconds,omitempty"` // 10 to 600; default 90

	// IdempotencyKey is one of your own, to repeat this create after a restart; "" for a random one.
	IdempotencyKey string `json:"-"`
}

// Match is what to show beside "open your authenticator".
type Match struct {
	Mode   protocol.MatchMode `json:"mode"`
	Digits int                `json:"digits"`
	Number string             `json:"number"` // of enter and choose; leading zeros count
	Code   string             `json:"code"`   // of compare
}

// CreatedChallenge is a pending challenge and what the page needs.
type CreatedChallenge struct {
	ID           protocol.ChallengeID `json:"id"`
	Status       protocol.Status      `json:"status"`
	UserRef      string               `json:"user_ref"`
	Transaction  string               `json:"transaction"`
	Match        Match                `json:"match"`
	CreatedAt    time.Time            `json:"created_at"`
	ExpiresAt    time.Time            `json:"expires_at"`
	BrowserToken string               `json:"browser_token"` // for the waiting page; sees this challenge only
}

// Challenge is a challenge as the application sees it.
type Challenge struct {
	ID          protocol.ChallengeID `json:"id"`
	Status      protocol.Status      `json:"status"`
	UserRef     string               `json:"user_ref"`
	Transaction string               `json:"transaction"`
	CreatedAt   time.Time            `json:"created_at"`
	ExpiresAt   time.Time            `json:"expires_at"`
	DecidedAt   time.Time            `json:"decided_at"` // zero when nobody decided
	Reason      string               `json:"reason"`
	Reported    bool                 `json:"reported"`
	Result      string               `json:"result"` // compact JWS for [Client.Verify]; "" while pending or when withheld
}

// DeviceStatus is where a device stands.
type DeviceStatus string

// The states of a device.
const (
	DeviceUnconfirmed DeviceStatus = "unconfirmed"
	DeviceActive      DeviceStatus = "active"
	DeviceRevoked     DeviceStatus = "revoked"
)

// Level is where a key lives. Proven means that an attestation was checked; otherwise the device only says so.
type Level struct {
	Level  protocol.KeyLevel `json:"level"`
	Proven bool              `json:"proven"`
}

// Levels are those of a device's two keys.
type Levels struct {
	Device   Level `json:"device"`
	Approval Level `json:"approval"`
}

// Device is one of a user's devices.
type Device struct {
	ID         protocol.DeviceID `json:"id"`
	Name       string            `json:"name"`
	Model      string            `json:"model"`
	Platform   string            `json:"platform"`
	AppVersion string            `json:"app_version"`
	Status     DeviceStatus      `json:"status"`
	Levels     Levels            `json:"levels"`
	CreatedAt  time.Time         `json:"created_at"`
	LastSeenAt time.Time         `json:"last_seen_at"` // zero when never
}

type deviceList struct {
	Devices []Device `json:"devices"`
}

// AuditEvent is one sealed event of the tenant's audit chain.
type AuditEvent struct {
	Seq       int64             `json:"seq"`
	At        time.Time         `json:"at"`
	Type      string            `json:"type"`  // such as challenge.approved
	Actor     string            `json:"actor"` // who: an application, device or operator
	UserRef   string            `json:"user_ref"`
	Subject   string            `json:"subject"` // what: a challenge, enrollment or device
	RequestID string            `json:"request_id"`
	Data      map[string]string `json:"data"`
	Hash      string            `json:"hash"` // the chain's hash up to and with this event
}

type auditList struct {
	Events []AuditEvent `json:"events"`
}

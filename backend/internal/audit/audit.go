// Package audit owns the record of security facts: what is recorded, how records are chained, and how a chain is
// checked.
//
// A transaction appends unchained rows beside the fact they tell. One leased sealer gives committed rows their place in
// the tenant's chain within a second: seq, and hash = SHA-256 over the previous hash and the row (see [Link]). From time to time it
// signs a checkpoint, which can be kept elsewhere. What can be deleted unseen is only what is not yet sealed;
// [Verify] reports that tail. Edits, deletions and reorderings of sealed rows are found at the exact row (T43).
package audit

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/nod-auth/nod/shared/protocol"
)

// Type names a kind of event.
type Type string

// The events of this version.
const (
	TenantCreated       Type = "tenant.created"
	TenantChanged       Type = "tenant.changed"
	ApplicationCreated  Type = "application.created"
	ApplicationChanged  Type = "application.changed"
	KeyCreated          Type = "api_key.created"
	KeyRevoked          Type = "api_key.revoked"
	SigningKeyRotated   Type = "signing_key.rotated"
	EnrollmentCreated   Type = "enrollment.created"
	EnrollmentRegister  Type = "enrollment.registered"
	EnrollmentFailed    Type = "enrollment.failed"
	EnrollmentExpired   Type = "enrollment.expired"
	DeviceActivated     Type = "device.activated"
	DeviceRevoked       Type = "device.revoked"
	DeviceRenamed       Type = "device.renamed"
	DeviceKeyReplaced   Type = "device.key_replaced"
	DevicePushChanged   Type = "device.push_changed"
	DevicePushDuplicate Type = "device.push_duplicate"
	DeviceClone         Type = "device.clone_suspected"
	ChallengeCreated    Type = "challenge.created"
	ChallengeApproved   Type = "challenge.approved"
	ChallengeDenied     Type = "challenge.denied"
	ChallengeReported   Type = "challenge.reported"
	ChallengeExpired    Type = "challenge.expired"
	ChallengeCanceled   Type = "challenge.canceled"
	ChallengeSuperseded Type = "challenge.superseded"
	ChallengeFailed     Type = "challenge.failed"
	DecisionRefused     Type = "decision.refused"
	UserLocked          Type = "user.locked"
	UserDisabled        Type = "user.disabled"
	UserEnabled         Type = "user.enabled"
	UserUnlocked        Type = "user.unlocked"
	EpochOpened         Type = "epoch.opened"
)

// Event is one fact. It holds identifiers and short codes, never a secret, a number or a key.
type Event struct {
	ID          int64 // given by the store, ascending
	Tenant      protocol.TenantID
	At          time.Time // UTC, milliseconds
	Type        Type
	Actor       string // who caused it: an API key's id, a device id, "operator" or "server"
	User        protocol.UserID
	Device      protocol.DeviceID
	Application protocol.ApplicationID
	Subject     string // the id of the object it is about, such as a challenge's or an enrollment's
	Detail      string // a short code, such as a reason

	Seq  uint64 // place in the tenant's chain from 1; 0: not sealed yet
	Hash string // base64url of the chain's hash up to and including this row
}

// Appender records events in the transaction of the fact.
type Appender interface {
	AppendAudit(Event) error
}

// genesis is the hash before the first row of a tenant's chain.
func genesis(t protocol.TenantID) string {
	sum := sha256.Sum256([]byte("nod audit chain 1\x00" + string(t)))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Link returns the hash of event e at place seq after previous, "" for the first: SHA-256 over each member with its length, so that
// no two rows have the same text.
func Link(previous string, seq uint64, e Event) string {
	if previous == "" {
		previous = genesis(e.Tenant)
	}
	h := sha256.New()
	for _, part := range []string{
		previous, fmt.Sprint(seq), fmt.Sprint(e.ID), string(e.Tenant), fmt.Sprint(e.At.UnixMilli()), string(e.Type), e.Actor,
		string(e.User), string(e.Device), string(e.Application), e.Subject, e.Detail,
	} {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(part)))
		h.Write(n[:])
		h.Write([]byte(part))
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// Head is the end of a tenant's chain.
type Head struct {
	Tenant protocol.TenantID
	Seq    uint64
	Hash   string
}

// Checkpoint is a signed statement about a chain's head: it can be kept elsewhere.
type Checkpoint struct {
	Tenant protocol.TenantID
	Seq    uint64
	Hash   string
	At     time.Time
	// JWS is the compact form with typ "nod-checkpoint+jwt".
	JWS string
}

// Package device owns enrolled devices: their record, how a request of theirs is authenticated, and how they change.
//
// A device has two credentials, found by the thumbprint of their key; a credential's role comes from here, never from a message. A read is authenticated by a proof
// over method, URL and a rolling server nonce (RFC 9449 sections 4.3 and 8), so a wrong device clock never matters. Before a valid
// signature of an active device every refusal is the same device_unauthorized.
// Revoking a device or replacing a key cancels the user's pending challenges (T26).
package device

import (
	"time"

	"github.com/nod-auth/nod/backend/internal/audit"
	"github.com/nod-auth/nod/shared/protocol"
)

// Status is where a device stands.
type Status string

// The states of a device. Only an active one can answer.
const (
	StatusUnconfirmed Status = "unconfirmed"
	StatusActive      Status = "active"
	StatusRevoked     Status = "revoked"
)

// MaxPerUser is how many devices of a user may be active or waiting for confirmation.
const MaxPerUser = 10

// Credential is the public half of one of a device's keys.
type Credential struct {
	ID      protocol.Thumbprint
	JWK     protocol.JWK
	Claimed protocol.KeyLevel // what the device says
	Proven  protocol.KeyLevel // what an attestation proved; empty: nothing
}

// Level returns the proven level and true, or the claimed one and false.
func (c Credential) Level() (protocol.KeyLevel, bool) {
	if c.Proven != "" {
		return c.Proven, true
	}
	return c.Claimed, false
}

// Meets tells whether the credential satisfies a required level. A claim above software satisfies nothing (T14).
func (c Credential) Meets(least protocol.KeyLevel) bool {
	level, proven := c.Level()
	return protocol.MeetsLevel(least, level, proven)
}

// Device is one installation of the authenticator for one user.
type Device struct {
	Tenant    protocol.TenantID
	ID        protocol.DeviceID
	User      protocol.UserID
	Info      protocol.DeviceInfo
	Status    Status
	Key       Credential // the device key: proofs, deny, report
	Approval  Credential // the approval key: approve
	Handle    string     // names the account in wake-ups
	Push      *protocol.PushAddress
	Counter   Counter
	CreatedAt time.Time
	SeenAt    time.Time
	RevokedAt time.Time
}

// Approver is what create looks at of an active device.
type Approver struct {
	ID       protocol.DeviceID
	Approval Credential // without the key itself
}

// Role returns the role of the credential with this thumbprint, "" when it is none of the device's.
func (d Device) Role(kid protocol.Thumbprint) protocol.KeyRole {
	switch kid {
	case d.Key.ID:
		return protocol.RoleDevice
	case d.Approval.ID:
		return protocol.RoleApproval
	}
	return ""
}

// Credential returns the credential of a role.
func (d Device) Credential(role protocol.KeyRole) Credential {
	if role == protocol.RoleApproval {
		return d.Approval
	}
	return d.Key
}

// counterWindow is how far behind the highest counter a decision may arrive, since several prompts may be answered at once.
const counterWindow = 32

// Counter is a sliding window over the counters of a device's decisions, as in RFC 4303 section 3.4.3.
type Counter struct {
	Max  uint64
	Seen uint32 // bit i: Max-i was used
}

// Advance returns the window after n; ok is false when n was used already or is too old (T13).
func (c Counter) Advance(n uint64) (next Counter, ok bool) {
	if n > c.Max {
		shift := n - c.Max
		if shift >= counterWindow {
			return Counter{Max: n, Seen: 1}, true
		}
		return Counter{Max: n, Seen: c.Seen<<shift | 1}, true
	}
	back := c.Max - n
	if back >= counterWindow || c.Seen&(1<<back) != 0 || n == 0 {
		return c, false
	}
	c.Seen |= 1 << back
	return c, true
}

// Tx is what this package needs of a transaction.
type Tx interface {
	audit.Appender
	Reader
	// SaveDevice inserts or replaces a device and makes its two credentials the current ones; replaced credentials
	// stay known, so that their thumbprints are never accepted again.
	SaveDevice(Device) error
	// KnownKey tells whether a thumbprint was ever a credential's or a tenant key's.
	KnownKey(protocol.Thumbprint) (bool, error)
	// UseOnce stores a device's jti; txn.ErrConflict when it was used before.
	UseOnce(device protocol.DeviceID, jti string, at time.Time) error
	// CancelPending cancels a user's pending challenges and returns their ids.
	CancelPending(tenant protocol.TenantID, user protocol.UserID, at time.Time, reason string) ([]protocol.ChallengeID, error)
}

// Reader reads devices.
type Reader interface {
	Device(protocol.TenantID, protocol.DeviceID) (Device, error)
	// Standing reads a device's user and status only.
	Standing(protocol.TenantID, protocol.DeviceID) (protocol.UserID, Status, error)
	// Approvers lists a user's active devices.
	Approvers(protocol.TenantID, protocol.UserID) ([]Approver, error)
	// DeviceByKey finds the device whose current credential has this thumbprint.
	DeviceByKey(protocol.Thumbprint) (Device, error)
	Devices(protocol.TenantID, protocol.UserID) ([]Device, error)
	// DevicesAt lists devices with this push address.
	DevicesAt(protocol.PushAddress) ([]Device, error)
}

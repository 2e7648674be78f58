package attestation

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"time"

	"github.com/nod-auth/nod/shared/protocol"
)

// Result is what an enrollment's attestation proves of each key. An empty level is no proof.
type Result struct {
	Device, Approval protocol.KeyLevel
	// Detail is a line for the audit log, such as "android-key: device tee; approval certificate_revoked"; "" when nothing was sent.
	Detail string
}

// ErrRequired refuses an enrollment whose keys are not both proven, where the policy demands it. The cause is wrapped.
var ErrRequired = errors.New("attestation: required")

// Enrollment checks what a verified enrollment brings for both its keys. Its error is nil or [ErrRequired].
func (p Policy) Enrollment(e *protocol.Enrollment, now time.Time) (Result, error) {
	var r Result
	if e.Attestation == nil {
		if p.Required {
			return r, errors.Join(ErrRequired, fail(CodeMissing, "the device sent none"))
		}
		return r, nil
	}
	device, err1 := p.key(e, protocol.RoleDevice, now)
	approval, err2 := p.key(e, protocol.RoleApproval, now)
	if p.Required && (err1 != nil || err2 != nil) {
		return r, errors.Join(ErrRequired, err1, err2)
	}
	r.Device, r.Approval = device.Level, approval.Level
	r.Detail = knownFormat(e.Attestation.Format) + ": device " + outcome(device, err1) + "; approval " + outcome(approval, err2)
	return r, nil
}

func (p Policy) key(e *protocol.Enrollment, role protocol.KeyRole, now time.Time) (Proof, error) {
	in := Params{Format: e.Attestation.Format, Role: role, Key: e.DeviceKey.Key(), Claimed: e.Levels.Device, Now: now,
		Device: e.DeviceKey.Thumbprint(), Approval: e.Approval.JWK.Thumbprint()}
	parts := e.Attestation.Device
	if role == protocol.RoleApproval {
		in.Key, in.Claimed = e.Approval.JWK.Key(), e.Levels.Approval
		if in.Format != FormatApple { // one statement of App Attest is for both keys
			parts = e.Attestation.Approval
		}
	}
	if len(parts) == 0 {
		return Proof{}, fail(CodeMissing, "nothing was sent about this key")
	}
	hash, err := base64.RawURLEncoding.DecodeString(protocol.TokenHash(e.Token))
	if err != nil || copy(in.Challenge[:], hash) != len(in.Challenge) {
		return Proof{}, fail(CodeMalformed, "no challenge")
	}
	for _, text := range parts {
		der, err := base64.StdEncoding.Strict().DecodeString(text)
		if err != nil {
			return Proof{}, fail(CodeMalformed, "a part is no base64")
		}
		in.Parts = append(in.Parts, der)
	}
	proof, err := p.Verify(in)
	if err != nil {
		return Proof{}, err
	}
	return proof, nil
}

func outcome(p Proof, err error) string {
	if err != nil {
		return string(CodeOf(err))
	}
	return string(p.Level)
}

// knownFormat keeps a stranger's text out of the log.
func knownFormat(format string) string {
	switch format {
	case FormatAndroid, FormatApple, FormatTPM:
		return format
	}
	return "format " + hex.EncodeToString([]byte(format))
}

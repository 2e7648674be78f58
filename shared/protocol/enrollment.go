package protocol

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// DeviceInfo is what a device says of itself; nothing of it is proven.
type DeviceInfo struct {
	Name       string `json:"name"`            // what the person calls it, such as "Ada's laptop"
	Model      string `json:"model,omitempty"` // such as "ThinkPad X1"
	Platform   string `json:"platform"`        // android, ios, linux, windows, macos, simulator
	AppVersion string `json:"app_version,omitempty"`
}

// Validate checks the limits of every member.
func (d DeviceInfo) Validate() error {
	return firstError(
		CheckText("device.name", d.Name, true, MaxName), CheckText("device.model", d.Model, false, MaxName),
		CheckText("device.platform", d.Platform, true, 20), CheckText("device.app_version", d.AppVersion, false, 40))
}

// KeyLevels are the levels a device claims for its two keys.
type KeyLevels struct {
	Device   KeyLevel `json:"device"`
	Approval KeyLevel `json:"approval"`
}

func (k KeyLevels) validate() error {
	if !k.Device.Valid() {
		return invalid("levels.device", "not a key level")
	}
	if !k.Approval.Valid() {
		return invalid("levels.approval", "not a key level")
	}
	return nil
}

// Attestation is a platform's statement about where keys live. Its challenge is SHA-256 of the invitation token.
type Attestation struct {
	Format   string   `json:"format"`             // android-key, apple-appattest, tpm
	Device   []string `json:"device,omitempty"`   // base64 of DER certificates, leaf first, or of the statement
	Approval []string `json:"approval,omitempty"` // the same for the approval key
}

func (a *Attestation) validate() error {
	if a == nil {
		return nil
	}
	if err := CheckText("attestation.format", a.Format, true, 20); err != nil {
		return err
	}
	for member, chain := range map[string][]string{"attestation.device": a.Device, "attestation.approval": a.Approval} {
		if len(chain) > MaxAttestation {
			return invalid(member, "over %d certificates", MaxAttestation)
		}
		for _, c := range chain {
			if c == "" || len(c) > MaxCertificate {
				return invalid(member, "an entry is empty or over %d characters", MaxCertificate)
			}
		}
	}
	return nil
}

// PushAddress is where a wake-up can be sent.
type PushAddress struct {
	Channel string `json:"channel"`          // apns, fcm, webpush
	Kind    string `json:"kind,omitempty"`   // fcm: fid or token; apns: production or sandbox
	Address string `json:"address"`          // device token, registration or endpoint URL
	App     string `json:"app,omitempty"`    // the app's identifier on its platform: chooses the credentials
	P256DH  string `json:"p256dh,omitempty"` // webpush: the receiver's public key (RFC 8291), base64url
	Auth    string `json:"auth,omitempty"`   // webpush: the authentication secret (RFC 8291), base64url
	// Language is a BCP 47 tag, such as "pt-BR". It chooses one of the built-in texts of a notification and nothing else.
	Language string `json:"language,omitempty"`
}

// Validate checks the limits of every member; nil is allowed and means "no push".
func (p *PushAddress) Validate() error {
	if p == nil {
		return nil
	}
	switch p.Channel {
	case "apns", "fcm", "webpush":
	default:
		return invalid("push.channel", "not a channel")
	}
	return firstError(CheckText("push.kind", p.Kind, false, 20), CheckText("push.address", p.Address, true, MaxPushAddress),
		CheckText("push.app", p.App, false, 200), CheckText("push.p256dh", p.P256DH, false, 100), CheckText("push.auth", p.Auth, false, 40), checkLanguage("push.language", p.Language))
}

// checkLanguage takes "" and the general form of a tag (RFC 5646 section 2.1): subtags of 1 to 8 letters and digits with hyphens between,
// the first of 2 letters or more.
func checkLanguage(member, tag string) error {
	if tag == "" {
		return nil
	}
	if len(tag) > maxLanguage {
		return invalid(member, "over %d characters", maxLanguage)
	}
	for i, part := range strings.Split(tag, "-") {
		digit := strings.ContainsFunc(part, func(r rune) bool { return r >= '0' && r <= '9' })
		other := strings.ContainsFunc(part, func(r rune) bool {
			return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
		})
		if len(part) < 1 || len(part) > 8 || other || i == 0 && (digit || len(part) < 2) {
			return invalid(member, "not a language tag")
		}
	}
	return nil
}

// ApprovalKey is the approval key being registered, and the proof that its private half agreed to this enrollment.
type ApprovalKey struct {
	JWK   JWK    `json:"jwk"`
	Proof string `json:"proof"` // a compact ApprovalProof signed by JWK
}

// Enrollment registers a device. It is signed by the device key, which stands in the header's "jwk".
type Enrollment struct {
	Audience    string       `json:"aud"` // the server's base URL
	IssuedAt    Time         `json:"iat"`
	ExpiresAt   Time         `json:"exp"`
	Token       string       `json:"token"` // of the invitation
	Root        Thumbprint   `json:"root"`  // of the tenant root key, as the invitation pinned it
	Approval    ApprovalKey  `json:"approval"`
	Device      DeviceInfo   `json:"device"`
	Levels      KeyLevels    `json:"levels"`
	Attestation *Attestation `json:"attestation,omitempty"`
	Push        *PushAddress `json:"push,omitempty"`
	Handle      string       `json:"handle"` // random, chosen by the device: names this account in wake-ups

	// DeviceKey is the header's key, which verified the signature. It is set by VerifyEnrollment only.
	DeviceKey JWK `json:"-"`
}

func (*Enrollment) typ() Type { return TypeEnrollment }

func (e *Enrollment) validate() error {
	if e.Approval.JWK.key == nil || e.Approval.Proof == "" {
		return invalid("approval", "the key and its proof are required")
	}
	return firstError(checkServer("aud", e.Audience), checkPeriod(e.IssuedAt, e.ExpiresAt, 2*EnrollmentValidity), checkToken("token", e.Token),
		e.Root.Validate("root"), e.Device.Validate(), e.Levels.validate(), e.Attestation.validate(), e.Push.Validate(), checkToken("handle", e.Handle))
}

// ApprovalProof is signed by a new approval key inside an enrollment.
type ApprovalProof struct {
	Audience  string     `json:"aud"`
	TokenHash string     `json:"token_hash"` // TokenHash of the invitation token
	DeviceKey Thumbprint `json:"device_key"`
}

func (*ApprovalProof) typ() Type { return TypeApprovalProof }

func (p *ApprovalProof) validate() error {
	return firstError(checkServer("aud", p.Audience), checkHash("token_hash", p.TokenHash), p.DeviceKey.Validate("device_key"))
}

// TokenHash is SHA-256 of an invitation token's text in unpadded base64url: what is stored, proven and attested over.
func TokenHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// VerifyEnrollment checks the enrollment's signature under its own "jwk", that its kid is that key's thumbprint,
// the approval key's proof, and that the two keys differ. Audience, times and the token are the caller's to check.
func VerifyEnrollment(raw string) (*Enrollment, error) {
	env, err := open(raw, TypeEnrollment)
	if err != nil {
		return nil, err
	}
	if env.jwk == nil {
		return nil, invalid("jwk", "an enrollment carries the device key in its header")
	}
	var key JWK
	if err := key.UnmarshalJSON(env.jwk); err != nil {
		return nil, err
	}
	e := &Enrollment{}
	if err := env.verify(One(key), e, refuseUnknown); err != nil {
		return nil, err
	}
	e.DeviceKey = key
	if key.Equal(e.Approval.JWK) {
		return nil, invalid("approval.jwk", "is the device key")
	}
	proof := &ApprovalProof{}
	if err := verify(e.Approval.Proof, One(e.Approval.JWK), proof, refuseUnknown); err != nil {
		return nil, err
	}
	if proof.Audience != e.Audience || proof.TokenHash != TokenHash(e.Token) || proof.DeviceKey != key.Thumbprint() {
		return nil, fail(CodeMismatch, "approval.proof", "is for another enrollment")
	}
	return e, nil
}

// Enrolled is the server's signed reply to an enrollment.
type Enrolled struct {
	Issuer         string        `json:"iss"` // the server's base URL
	Tenant         TenantID      `json:"tenant"`
	Audience       DeviceID      `json:"aud"`
	IssuedAt       Time          `json:"iat"`
	EnrollmentHash string        `json:"enrollment_hash"` // Hash of the enrollment as received
	Enrollment     EnrollmentID  `json:"enrollment_id"`
	Company        string        `json:"company"` // must equal the invitation's hint, if that had one
	User           ChallengeUser `json:"user"`    // the name must equal the invitation's hint, if that had one
	ConfirmCode    string        `json:"confirm_code"`
	Requirements   Requirements  `json:"requirements"` // what this tenant asks of every decision, at least
	// VAPID is the key with which the server signs WebPush messages (RFC 8292): what the device subscribes for.
	VAPID *JWK `json:"vapid,omitempty"`
}

func (*Enrolled) typ() Type { return TypeEnrolled }

func (e *Enrolled) origin() (string, TenantID, Time) { return e.Issuer, e.Tenant, e.IssuedAt }

func (e *Enrolled) validate() error {
	return firstError(checkServer("iss", e.Issuer), checkID("tenant", e.Tenant), checkID("aud", e.Audience), e.IssuedAt.check("iat"),
		checkHash("enrollment_hash", e.EnrollmentHash), checkID("enrollment_id", e.Enrollment), CheckText("company", e.Company, true, MaxName),
		e.User.validate(), checkDigits("confirm_code", e.ConfirmCode, ConfirmDigits), e.Requirements.validate())
}

// VerifyEnrolled checks the reply under the tenant's keys, its issuer and tenant, and that it answers this enrollment.
func VerifyEnrolled(raw string, keys *Keys, enrollmentRaw string) (*Enrolled, error) {
	e := &Enrolled{}
	if err := keys.verify(raw, keys.Active, e, ignoreUnknown); err != nil {
		return nil, err
	}
	if e.EnrollmentHash != Hash(enrollmentRaw) {
		return nil, fail(CodeMismatch, "enrollment_hash", "answers another enrollment")
	}
	return e, nil
}

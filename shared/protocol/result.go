package protocol

import (
	"crypto/subtle"
	"encoding/base64"
	"slices"
	"time"
)

// Status is where a challenge stands.
type Status string

// The states of a challenge. All but pending are final and never change.
const (
	StatusPending    Status = "pending"
	StatusApproved   Status = "approved"
	StatusDenied     Status = "denied"
	StatusReported   Status = "reported"
	StatusExpired    Status = "expired"
	StatusCanceled   Status = "canceled"
	StatusSuperseded Status = "superseded"
	StatusFailed     Status = "failed" // a wrong number
)

var statuses = []Status{StatusPending, StatusApproved, StatusDenied, StatusReported, StatusExpired, StatusCanceled, StatusSuperseded, StatusFailed}

// Valid tells whether s is a status of this protocol.
func (s Status) Valid() bool { return slices.Contains(statuses, s) }

// Final tells whether s never changes any more.
func (s Status) Final() bool { return s.Valid() && s != StatusPending }

// The authentication context classes of a result (the "acr" of OpenID Connect Core section 2). Each claims only what
// was met: a signature by an enrolled device, then a number that the server checked, then a PIN or biometric that the
// device reports. None claims resistance to a phisher who relays the number.
const (
	ACRPresence   = "urn:nod:acr:presence"
	ACRNumber     = "urn:nod:acr:number"
	ACRVerified   = "urn:nod:acr:verified"
	ACRNumberUser = "urn:nod:acr:number-verified"
)

// ACR returns the class for an approval whose number was checked and whose user was verified, or not.
func ACR(number, user bool) string {
	switch {
	case number && user:
		return ACRNumberUser
	case number:
		return ACRNumber
	case user:
		return ACRVerified
	}
	return ACRPresence
}

// AMR returns the authentication methods of an approval (RFC 8176 section 2): possession of a key, in hardware when its
// level is proven, a present user, and what the device reports of user verification, "" for none. A biometric has no
// value of its own there: RFC 8176 names kinds, and a device does not tell which one it was.
func AMR(level KeyLevel, proven bool, userVerification string) []string {
	methods := []string{"pop", "swk", "user"}
	if proven && level.Hardware() {
		methods[1] = "hwk"
	}
	switch userVerification {
	case "":
		return methods
	case "pin":
		methods = append(methods, "pin")
	}
	return append(methods, "mfa")
}

// MeetsLevel tells whether a key satisfies a required level: anything does when none is required, and a level above
// software counts only when it is proven (T14).
func MeetsLevel(least, level KeyLevel, proven bool) bool {
	if least == "" {
		return true
	}
	if !proven {
		level = LevelSoftware
	}
	return least.Valid() && level.Rank() >= least.Rank()
}

// ResultDevice is the device that decided.
type ResultDevice struct {
	ID       DeviceID `json:"id"`
	Name     string   `json:"name,omitempty"`
	Platform string   `json:"platform,omitempty"`
}

func (d *ResultDevice) validate() error {
	if d == nil {
		return nil
	}
	return firstError(checkID("device.id", d.ID), CheckText("device.name", d.Name, false, MaxName), CheckText("device.platform", d.Platform, false, 20))
}

// Confirmation holds the key that signed the decision (RFC 7800 section 3.2).
type Confirmation struct {
	JWK JWK `json:"jwk"`
}

// Evidence is what proves a result without the server: the receipt. Expired, canceled and superseded have no decision.
type Evidence struct {
	Challenge string `json:"challenge"`          // the challenge JWS as the device received it
	Decision  string `json:"decision,omitempty"` // the decision JWS as the server received it
	Salt      string `json:"salt,omitempty"`     // opens the commitment to the number
}

// Result is the signed statement the application receives. It is to be used at once, once; its evidence lasts.
type Result struct {
	Issuer       string        `json:"iss"`
	Tenant       TenantID      `json:"tenant"`
	Audience     ApplicationID `json:"aud"`
	Subject      string        `json:"sub"` // user_ref
	ID           string        `json:"jti"`
	IssuedAt     Time          `json:"iat"`
	ExpiresAt    Time          `json:"exp"`
	Challenge    ChallengeID   `json:"challenge_id"`
	Status       Status        `json:"status"`
	Reason       string        `json:"reason,omitempty"`
	Transaction  string        `json:"transaction"` // the application's own, as it gave it
	ACR          string        `json:"acr,omitempty"`
	AMR          []string      `json:"amr,omitempty"` // of [AMR]
	Device       *ResultDevice `json:"device,omitempty"`
	Level        KeyLevel      `json:"key_level,omitempty"` // of the key that signed the decision
	Proven       bool          `json:"key_level_proven,omitempty"`
	Confirmation *Confirmation `json:"cnf,omitempty"`
	Evidence     Evidence      `json:"evidence"`
}

func (*Result) typ() Type { return TypeResult }

func (r *Result) origin() (string, TenantID, Time) { return r.Issuer, r.Tenant, r.IssuedAt }

func (r *Result) validate() error {
	if !r.Status.Final() {
		return invalid("status", "not a final status")
	}
	if (r.Confirmation == nil) != (r.Evidence.Decision == "") {
		return invalid("cnf", "stands exactly with a decision")
	}
	if r.Level != "" && !r.Level.Valid() {
		return invalid("key_level", "not a key level")
	}
	return firstError(checkServer("iss", r.Issuer), checkID("tenant", r.Tenant), checkID("aud", r.Audience), CheckReference("sub", r.Subject, true),
		checkToken("jti", r.ID), checkPeriod(r.IssuedAt, r.ExpiresAt, ResultLifetime), checkID("challenge_id", r.Challenge),
		CheckReference("transaction", r.Transaction, true), CheckText("reason", r.Reason, false, 40), r.Device.validate())
}

// Expectation is what a verifier knows by itself and holds a result against. Empty members of the first group are refused.
type Expectation struct {
	Issuer      string        // the server's base URL
	Tenant      TenantID      // the tenant whose keys are used
	Audience    ApplicationID // the application's own id
	Subject     string        // the user_ref that is signing in
	Transaction string        // the transaction the application gave

	Now     time.Time
	Receipt bool // an archived receipt: the result's own expiry is not checked, everything else is
}

// VerifyResult checks a result and its evidence offline: signature, issuer, tenant, audience, subject, transaction and
// expiry, and then that the evidence proves the status ([Result.VerifyEvidence]). It does not know whether the result
// was used before: consume its ID once.
func VerifyResult(raw string, keys *Keys, want Expectation) (*Result, error) {
	if want.Subject == "" || want.Transaction == "" || want.Audience == "" || want.Issuer == "" || want.Tenant == "" {
		return nil, invalid("expectation", "issuer, tenant, audience, subject and transaction are required")
	}
	r := &Result{}
	if err := keys.verify(raw, keys.Any, r, ignoreUnknown); err != nil {
		return nil, err
	}
	for _, c := range []struct{ member, got, want string }{
		{"iss", r.Issuer, want.Issuer}, {"tenant", string(r.Tenant), string(want.Tenant)}, {"aud", string(r.Audience), string(want.Audience)},
		{"sub", r.Subject, want.Subject}, {"transaction", r.Transaction, want.Transaction},
	} {
		if subtle.ConstantTimeCompare([]byte(c.got), []byte(c.want)) != 1 {
			return nil, fail(CodeMismatch, c.member, "is not the expected one")
		}
	}
	if !want.Receipt && (!want.Now.Before(r.ExpiresAt.Time().Add(Leeway)) || want.Now.Before(r.IssuedAt.Time().Add(-Leeway))) {
		return nil, fail(CodeExpired, "exp", "the result is for immediate use")
	}
	if _, _, err := r.VerifyEvidence(keys); err != nil {
		return nil, err
	}
	return r, nil
}

// VerifyEvidence checks that the challenge was signed by the tenant, that it is the one the result speaks of, that the
// decision answers exactly it, under the result's confirmation key, and that status, number and user verification follow
// from the decision. It returns both messages; decision is nil where the status has none.
func (r *Result) VerifyEvidence(keys *Keys) (*Challenge, *Decision, error) {
	c := &Challenge{}
	if err := keys.verify(r.Evidence.Challenge, keys.Any, c, ignoreUnknown); err != nil {
		return nil, nil, evidence("challenge", err)
	}
	if c.Issuer != r.Issuer || c.Tenant != r.Tenant || c.ID != r.Challenge || c.Application.ID != r.Audience ||
		c.User.Ref != r.Subject || c.TransactionHash != TokenHash(r.Transaction) {
		return nil, nil, fail(CodeEvidence, "challenge", "is not the one of the result")
	}
	if r.Status != StatusApproved && (r.ACR != "" || len(r.AMR) > 0) {
		return nil, nil, fail(CodeEvidence, "acr", "claims something else than was met")
	}
	if r.Confirmation == nil {
		switch r.Status { //nolint:exhaustive // the others need a decision
		case StatusExpired, StatusCanceled, StatusSuperseded:
			return c, nil, nil
		}
		return nil, nil, fail(CodeEvidence, "decision", "is missing")
	}
	d, err := VerifyDecision(r.Evidence.Decision, One(r.Confirmation.JWK))
	if err != nil {
		return nil, nil, evidence("decision", err)
	}
	if d.Challenge != c.ID || d.ChallengeHash != Hash(r.Evidence.Challenge) || d.Audience != c.Issuer || d.Tenant != c.Tenant ||
		!slices.Contains(c.Audience, d.Issuer) || r.Device == nil || r.Device.ID != d.Issuer {
		return nil, nil, fail(CodeEvidence, "decision", "answers another challenge")
	}
	if err := r.checkOutcome(c, d); err != nil {
		return nil, nil, err
	}
	return c, d, nil
}

// checkOutcome holds the status and the claims of the result against what was signed.
func (r *Result) checkOutcome(c *Challenge, d *Decision) error {
	salt, err := base64.RawURLEncoding.Strict().DecodeString(r.Evidence.Salt)
	if err != nil {
		return fail(CodeEvidence, "salt", "not base64url")
	}
	number := c.Match.Opens(salt, c.ID, d.Number)
	switch {
	case r.Status == StatusApproved && d.Answer == Approve && (number || !c.Match.Mode.Checked()):
	case r.Status == StatusFailed && d.Answer == Approve && c.Match.Mode.Checked() && !number:
	case r.Status == StatusDenied && d.Answer == Deny:
	case r.Status == StatusReported && d.Answer == Report:
	default:
		return fail(CodeEvidence, "status", "does not follow from the decision")
	}
	if r.Status != StatusApproved {
		return nil
	}
	if c.Requirements.UserVerification && d.UserVerification == "" {
		return fail(CodeEvidence, "user_verification", "was required")
	}
	if !MeetsLevel(c.Requirements.KeyLevel, r.Level, r.Proven) {
		return fail(CodeEvidence, "key_level", "is lower than required, or not proven")
	}
	if r.ACR != ACR(number, d.UserVerification != "") {
		return fail(CodeEvidence, "acr", "claims something else than was met")
	}
	met := AMR(r.Level, r.Proven, d.UserVerification)
	for _, method := range r.AMR {
		if !slices.Contains(met, method) {
			return fail(CodeEvidence, "amr", "claims something else than was met")
		}
	}
	return nil
}

func evidence(part string, err error) error { return fail(CodeEvidence, part, "%v", err) }

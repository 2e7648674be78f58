package protocol

// Answer is the verb of a decision.
type Answer string

// The answers. Deny and report are signed by the device key and always need less than approve.
const (
	Approve Answer = "approve"
	Deny    Answer = "deny"
	Report  Answer = "report" // "it was not me"
)

// Decision is a device's signed answer to one challenge. Approve is signed by the approval key, the others by the device key.
type Decision struct {
	Issuer           DeviceID    `json:"iss"`
	Audience         string      `json:"aud"` // the server's base URL
	Tenant           TenantID    `json:"tenant"`
	ID               string      `json:"jti"`
	IssuedAt         Time        `json:"iat"` // by the device's clock: for the record only
	Challenge        ChallengeID `json:"challenge_id"`
	ChallengeHash    string      `json:"challenge_hash"` // Hash of the challenge as received
	Answer           Answer      `json:"decision"`
	Number           string      `json:"number,omitempty"`            // approve of enter and choose
	UserVerification string      `json:"user_verification,omitempty"` // pin, biometric, device_credential; empty: presence only
	Reason           string      `json:"reason,omitempty"`            // deny: wrong_request; report: not_me
	Counter          uint64      `json:"counter"`                     // rises by at least one with every decision of this device
}

func (*Decision) typ() Type { return TypeDecision }

func (d *Decision) validate() error {
	switch d.Answer {
	case Approve, Deny, Report:
	default:
		return invalid("decision", "not an answer")
	}
	if d.Number != "" && checkDigits("number", d.Number, DigitsStandard) != nil && checkDigits("number", d.Number, DigitsStrict) != nil {
		return invalid("number", "not 2 or 6 digits")
	}
	if d.Counter == 0 || d.Counter > 1<<53 {
		return invalid("counter", "not 1 to 2^53")
	}
	return firstError(checkID("iss", d.Issuer), checkServer("aud", d.Audience), checkID("tenant", d.Tenant), checkToken("jti", d.ID),
		d.IssuedAt.check("iat"), checkID("challenge_id", d.Challenge), checkHash("challenge_hash", d.ChallengeHash), checkVerification(d.UserVerification),
		CheckText("reason", d.Reason, false, 40))
}

func checkVerification(method string) error {
	switch method {
	case "", "pin", "biometric", "device_credential":
		return nil
	}
	return invalid("user_verification", "not a method")
}

// VerifyDecision checks a decision under keys. The caller's KeyFunc decides which key may sign, and the caller must
// compare the answer with that key's role: the message never says it.
func VerifyDecision(raw string, keys KeyFunc) (*Decision, error) {
	d := &Decision{}
	if err := verify(raw, keys, d, refuseUnknown); err != nil {
		return nil, err
	}
	return d, nil
}

// UpdateAction is what a device asks to change about itself.
type UpdateAction string

// The updates. ReplaceKey is signed by the current approval key, the others by the device key.
const (
	UpdatePush       UpdateAction = "push_address"
	UpdateRename     UpdateAction = "rename"
	UpdateReplaceKey UpdateAction = "replace_key"
	UpdateUnenroll   UpdateAction = "unenroll"
)

// KeyRole is what a credential may sign.
type KeyRole string

// The roles of a device's two credentials.
const (
	RoleDevice   KeyRole = "device"
	RoleApproval KeyRole = "approval"
)

// NewKey replaces one of a device's keys.
type NewKey struct {
	Role        KeyRole      `json:"role"`
	JWK         JWK          `json:"jwk"`
	Level       KeyLevel     `json:"level"`
	Proof       string       `json:"proof"` // a compact KeyProof signed by JWK
	Attestation *Attestation `json:"attestation,omitempty"`
}

// KeyProof is signed by a key that replaces another.
type KeyProof struct {
	Audience string     `json:"aud"`
	Tenant   TenantID   `json:"tenant"`
	Device   DeviceID   `json:"device"`
	Replaces Thumbprint `json:"replaces"`
}

func (*KeyProof) typ() Type { return TypeKeyProof }

func (p *KeyProof) validate() error {
	return firstError(checkServer("aud", p.Audience), checkID("tenant", p.Tenant), checkID("device", p.Device), p.Replaces.Validate("replaces"))
}

// Update is any other change that a device asks for. Its nonce is the server's, its jti is used once.
type Update struct {
	Issuer           DeviceID     `json:"iss"`
	Audience         string       `json:"aud"`
	Tenant           TenantID     `json:"tenant"`
	ID               string       `json:"jti"`
	IssuedAt         Time         `json:"iat"`
	Nonce            string       `json:"nonce"`
	Method           string       `json:"htm"`
	URL              string       `json:"htu"`
	Action           UpdateAction `json:"action"`
	Push             *PushAddress `json:"push,omitempty"` // push_address; absent: no push any more
	Name             string       `json:"name,omitempty"` // rename
	Key              *NewKey      `json:"key,omitempty"`  // replace_key
	UserVerification string       `json:"user_verification,omitempty"`
}

func (*Update) typ() Type { return TypeUpdate }

func (u *Update) validate() error {
	err := firstError(checkID("iss", u.Issuer), checkServer("aud", u.Audience), checkID("tenant", u.Tenant), checkToken("jti", u.ID), u.IssuedAt.check("iat"),
		checkNonce(u.Nonce), checkTarget(u.Method, u.URL), u.Push.Validate(), CheckText("name", u.Name, u.Action == UpdateRename, MaxName),
		checkVerification(u.UserVerification))
	if err != nil {
		return err
	}
	switch u.Action {
	case UpdatePush, UpdateRename, UpdateUnenroll, UpdateReplaceKey:
	default:
		return invalid("action", "not an update")
	}
	switch {
	case u.Push != nil && u.Action != UpdatePush:
		return invalid("push", "belongs to another action")
	case u.Name != "" && u.Action != UpdateRename:
		return invalid("name", "belongs to another action")
	case u.Key != nil && u.Action != UpdateReplaceKey:
		return invalid("key", "belongs to another action")
	case u.Action == UpdateReplaceKey:
		return u.validateKey()
	}
	return nil
}

func (u *Update) validateKey() error {
	k := u.Key
	if k == nil || k.JWK.key == nil || k.Proof == "" || !k.Level.Valid() || (k.Role != RoleDevice && k.Role != RoleApproval) {
		return invalid("key", "role, jwk, level and proof are required")
	}
	return k.Attestation.validate()
}

// VerifyUpdate checks an update under keys and, for a key replacement, the new key's own proof that it replaces the
// credential current(role) of this device. Nonce, target, jti and the signing key's role are the caller's to check.
func VerifyUpdate(raw string, keys KeyFunc, current func(KeyRole) Thumbprint) (*Update, error) {
	u := &Update{}
	if err := verify(raw, keys, u, refuseUnknown); err != nil {
		return nil, err
	}
	if u.Action != UpdateReplaceKey {
		return u, nil
	}
	proof := &KeyProof{}
	if err := verify(u.Key.Proof, One(u.Key.JWK), proof, refuseUnknown); err != nil {
		return nil, err
	}
	if proof.Audience != u.Audience || proof.Tenant != u.Tenant || proof.Device != u.Issuer || proof.Replaces != current(u.Key.Role) {
		return nil, fail(CodeMismatch, "key.proof", "is for another replacement")
	}
	return u, nil
}

// Proof shows, on a read, that the device key's holder sends this request (RFC 9449 section 4.2, with "kid" in place
// of "jwk": the server knows the key).
type Proof struct {
	Issuer   DeviceID `json:"iss"`
	ID       string   `json:"jti"`
	IssuedAt Time     `json:"iat"`
	Method   string   `json:"htm"`
	URL      string   `json:"htu"` // without query and fragment
	Nonce    string   `json:"nonce,omitempty"`
}

func (*Proof) typ() Type { return TypeProof }

func (p *Proof) validate() error {
	if p.Nonce != "" {
		if err := checkNonce(p.Nonce); err != nil {
			return err
		}
	}
	return firstError(checkID("iss", p.Issuer), checkToken("jti", p.ID), p.IssuedAt.check("iat"), checkTarget(p.Method, p.URL))
}

// VerifyProof checks a proof under keys. Nonce and target are the caller's to check.
func VerifyProof(raw string, keys KeyFunc) (*Proof, error) {
	p := &Proof{}
	if err := verify(raw, keys, p, refuseUnknown); err != nil {
		return nil, err
	}
	return p, nil
}

func checkNonce(s string) error {
	if s == "" || len(s) > maxNonce {
		return invalid("nonce", "not 1 to %d characters", maxNonce)
	}
	return CheckText("nonce", s, true, maxNonce)
}

func checkTarget(method, url string) error {
	switch method {
	case "GET", "POST":
	default:
		return invalid("htm", "not a method of the device API")
	}
	return CheckText("htu", url, true, maxURL)
}

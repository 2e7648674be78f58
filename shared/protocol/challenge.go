package protocol

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"slices"
	"time"
)

// MatchMode says how the number on the sign-in page and the device meet.
type MatchMode string

// The modes. Only enter and choose are checked by the server; compare is a code that a person compares by eye and
// counts as none.
const (
	MatchEnter   MatchMode = "enter"
	MatchChoose  MatchMode = "choose"
	MatchCompare MatchMode = "compare"
	MatchNone    MatchMode = "none"
)

// Checked tells whether the server verifies a number in this mode.
func (m MatchMode) Checked() bool { return m == MatchEnter || m == MatchChoose }

// Match is the number match of a challenge. The number of enter is in no member.
type Match struct {
	Mode       MatchMode `json:"mode"`
	Digits     int       `json:"digits,omitempty"`     // enter: 2 or 6; choose: 2
	Options    []string  `json:"options,omitempty"`    // choose: three numbers, one of them right
	Code       string    `json:"code,omitempty"`       // compare: what both sides show
	Commitment string    `json:"commitment,omitempty"` // enter, choose: Commitment(salt, id, number)
}

func (m Match) validate() error {
	switch m.Mode {
	case MatchEnter:
		if m.Digits != DigitsStandard && m.Digits != DigitsStrict {
			return invalid("match.digits", "not 2 or 6")
		}
	case MatchChoose:
		if err := m.validateOptions(); err != nil {
			return err
		}
	case MatchCompare:
		if err := CheckText("match.code", m.Code, true, 16); err != nil {
			return err
		}
	case MatchNone:
	default:
		return invalid("match.mode", "not a mode")
	}
	if m.Mode.Checked() {
		return checkHash("match.commitment", m.Commitment)
	}
	return nil
}

func (m Match) validateOptions() error {
	if m.Digits != DigitsStandard || len(m.Options) != ChooseOptions {
		return invalid("match.options", "not %d numbers of %d digits", ChooseOptions, DigitsStandard)
	}
	for i, o := range m.Options {
		if checkDigits("", o, DigitsStandard) != nil || slices.Contains(m.Options[:i], o) {
			return invalid("match.options", "not %d different numbers of %d digits", ChooseOptions, DigitsStandard)
		}
	}
	return nil
}

// Commitment is SHA-256(salt || challenge id || number) in unpadded base64url, where salt is 32 bytes and id and
// number are their ASCII text. Salt and id have fixed lengths, so no two inputs collide.
func Commitment(salt []byte, id ChallengeID, number string) string {
	h := sha256.New()
	h.Write(salt)
	h.Write([]byte(id))
	h.Write([]byte(number))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// Opens tells, in constant time, whether number is the one that the match commits to. It is false for modes without a number.
func (m Match) Opens(salt []byte, id ChallengeID, number string) bool {
	if !m.Mode.Checked() || len(salt) != saltBytes || checkDigits("", number, m.Digits) != nil {
		return false
	}
	return subtle.ConstantTimeCompare([]byte(Commitment(salt, id, number)), []byte(m.Commitment)) == 1
}

// ChallengeUser is the person a challenge is for.
type ChallengeUser struct {
	Ref  string `json:"ref"`            // the application's own stable user_ref
	Name string `json:"name,omitempty"` // to show; the ref is shown when there is none
}

func (u ChallengeUser) validate() error {
	return firstError(CheckReference("user.ref", u.Ref, true), CheckText("user.name", u.Name, false, MaxName))
}

// ChallengeApplication is the relying party that asks.
type ChallengeApplication struct {
	ID   ApplicationID `json:"id"`
	Name string        `json:"name"`
}

// Action is what is asked.
type Action struct {
	Kind    string `json:"kind"`              // sign_in, payment, add_device, or the application's own code
	Title   string `json:"title,omitempty"`   // to show instead of the kind's own sentence
	Message string `json:"message,omitempty"` // one more sentence
}

// Validate checks the limits; Kind is 1 to 40 of a-z, 0-9, "_", "." and "-".
func (a Action) Validate() error {
	if a.Kind == "" || len(a.Kind) > 40 {
		return invalid("action.kind", "not 1 to 40 characters")
	}
	for _, c := range []byte(a.Kind) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '.' && c != '-' {
			return invalid("action.kind", "has other characters than a-z, 0-9, _, . and -")
		}
	}
	return firstError(CheckText("action.title", a.Title, false, MaxName), CheckText("action.message", a.Message, false, MaxMessage))
}

// Context is from where the request comes, as text to show.
type Context struct {
	IP       string `json:"ip,omitempty"`
	Location string `json:"location,omitempty"` // such as "Porto, Portugal"
	Browser  string `json:"browser,omitempty"`  // such as "Firefox on Windows"
	Network  string `json:"network,omitempty"`  // such as "Example Telecom"
}

func (c Context) validate() error {
	return firstError(CheckText("context.ip", c.IP, false, 64), CheckText("context.location", c.Location, false, MaxName),
		CheckText("context.browser", c.Browser, false, MaxName), CheckText("context.network", c.Network, false, MaxName))
}

// Detail is one labelled field of a transaction. What the person sees is what the device signs.
type Detail struct {
	Label string `json:"label"`
	Value string `json:"value"`
	Kind  string `json:"kind,omitempty"` // text (when empty), amount, payee, account, reference, place
}

var detailKinds = []string{"", "text", "amount", "payee", "account", "reference", "place"}

// CheckDetails checks the limits of a transaction's fields.
func CheckDetails(details []Detail) error {
	if len(details) > MaxDetails {
		return invalid("details", "over %d rows", MaxDetails)
	}
	for _, d := range details {
		if !slices.Contains(detailKinds, d.Kind) {
			return invalid("details.kind", "not a kind of detail")
		}
		if err := firstError(CheckText("details.label", d.Label, true, MaxDetailLabel), CheckText("details.value", d.Value, true, MaxDetailValue)); err != nil {
			return err
		}
	}
	return nil
}

// Requirements are what policy demands of a decision beside the number match.
type Requirements struct {
	UserVerification bool     `json:"user_verification,omitempty"` // a PIN or biometric with the approval
	KeyLevel         KeyLevel `json:"key_level,omitempty"`         // the least level of the approval key; empty for any
}

func (r Requirements) validate() error {
	if r.KeyLevel != "" && !r.KeyLevel.Valid() {
		return invalid("requirements.key_level", "not a key level")
	}
	return nil
}

// RiskReason is one unusual fact that the prompt shows.
type RiskReason struct {
	Code  string `json:"code"`            // such as new_city, new_browser, first_payment_to_payee
	About string `json:"about,omitempty"` // the member it stands beside, such as location
}

// Challenge is one signed request for approval. It is signed once, when created, and stored as signed.
type Challenge struct {
	Issuer          string               `json:"iss"` // the server's base URL
	Tenant          TenantID             `json:"tenant"`
	Audience        []DeviceID           `json:"aud"`
	ID              ChallengeID          `json:"jti"`
	Nonce           string               `json:"nonce"`
	IssuedAt        Time                 `json:"iat"`
	ExpiresAt       Time                 `json:"exp"`
	User            ChallengeUser        `json:"user"`
	Application     ChallengeApplication `json:"application"`
	Action          Action               `json:"action"`
	Context         Context              `json:"context,omitzero"`
	Details         []Detail             `json:"details,omitempty"`
	Match           Match                `json:"match"`
	Requirements    Requirements         `json:"requirements,omitzero"`
	RiskReasons     []RiskReason         `json:"risk_reasons,omitempty"`
	TransactionHash string               `json:"transaction_hash"` // TokenHash of the application's transaction

	// Unsupported lists members that this build can't show. While there are any, approve must stay disabled.
	// It is set by VerifyChallenge only.
	Unsupported []string `json:"-"`
}

func (*Challenge) typ() Type { return TypeChallenge }

func (c *Challenge) origin() (string, TenantID, Time) { return c.Issuer, c.Tenant, c.IssuedAt }

func (c *Challenge) validate() error {
	if n := len(c.Audience); n == 0 || n > MaxRecipients {
		return invalid("aud", "not 1 to %d devices", MaxRecipients)
	}
	for _, d := range c.Audience {
		if err := checkID("aud", d); err != nil {
			return err
		}
	}
	if len(c.RiskReasons) > MaxReasons {
		return invalid("risk_reasons", "over %d", MaxReasons)
	}
	for _, r := range c.RiskReasons {
		if err := firstError(CheckText("risk_reasons.code", r.Code, true, 40), CheckText("risk_reasons.about", r.About, false, 40)); err != nil {
			return err
		}
	}
	return firstError(checkServer("iss", c.Issuer), checkID("tenant", c.Tenant), checkID("jti", c.ID), checkToken("nonce", c.Nonce),
		checkPeriod(c.IssuedAt, c.ExpiresAt, ChallengeLifetimeMax), c.User.validate(), checkID("application.id", c.Application.ID),
		CheckText("application.name", c.Application.Name, true, MaxName), c.Action.Validate(), c.Context.validate(), CheckDetails(c.Details),
		c.Match.validate(), c.Requirements.validate(), checkHash("transaction_hash", c.TransactionHash))
}

// VerifyChallenge checks a challenge under the tenant's keys: signature, issuer, tenant, and that device is among the
// recipients. Members that are not known here are listed in Unsupported. Expiry is the caller's to check ([Challenge.Expired]),
// by the server's clock.
func VerifyChallenge(raw string, keys *Keys, device DeviceID) (*Challenge, error) {
	c := &Challenge{}
	if err := keys.verify(raw, keys.Any, c, collectUnknown); err != nil {
		return nil, err
	}
	if !slices.Contains(c.Audience, device) {
		return nil, fail(CodeMismatch, "aud", "is for another device")
	}
	return c, nil
}

// Expired tells whether the challenge is over at now, by the server's clock.
func (c *Challenge) Expired(now time.Time) bool { return !now.Before(c.ExpiresAt.Time()) }

// EncodeSalt is the text of a commitment's salt in a result's evidence: unpadded base64url.
func EncodeSalt(salt []byte) string { return base64.RawURLEncoding.EncodeToString(salt) }

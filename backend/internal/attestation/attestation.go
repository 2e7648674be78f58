package attestation

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/x509"
	"time"

	"github.com/nod-auth/nod/shared/protocol"
)

// The formats of protocol.Attestation.
const (
	FormatAndroid = "android-key"
	FormatApple   = "apple-appattest"
	FormatTPM     = "tpm"
)

// Limits on a statement, before anything is parsed. A part is what protocol.MaxCertificate characters of base64 hold.
const (
	maxParts = protocol.MaxAttestation
	maxPart  = protocol.MaxCertificate / 4 * 3
)

// Policy is what an operator trusts. A nil member means that the format proves nothing here. The zero Policy proves nothing
// and refuses nobody. It is not changed after use and safe for concurrent use.
type Policy struct {
	Android *Android
	Apple   *Apple
	TPM     *TPM
	// Required refuses an enrollment unless both keys are proven. Without it a failed attestation counts as none.
	Required bool
}

// Android says what an android-key attestation must show.
type Android struct {
	Roots []crypto.PublicKey // *rsa.PublicKey or *ecdsa.PublicKey; see ParseRootKeys
	Apps  []AndroidApp       // one for each brand and flavor; none allows no application
	// Status is the list of revoked attestation keys, nil when there is none.
	Status *StatusList
	// StatusMaxAge is how old the list may be; 0 means DefaultStatusMaxAge.
	StatusMaxAge time.Duration
	// WithoutStatus accepts chains while the list is missing or too old. A list at hand is still looked at.
	WithoutStatus bool
}

// AndroidApp is an application that may register keys.
type AndroidApp struct {
	Package string     // such as "org.nod.authenticator"
	Signers [][32]byte // SHA-256 of the signing certificates; with Play App Signing, Google's
}

// Apple says what an apple-appattest statement must show.
type Apple struct {
	Roots []*x509.Certificate
	Apps  []string // team and bundle, such as "A1B2C3D4E5.org.nod.authenticator"; one for each brand
	// Development accepts the development environment in place of production. Never both.
	Development bool
}

// TPM says whose word counts about attestation keys.
type TPM struct {
	Roots []*x509.Certificate
}

// Params is one statement about one key.
type Params struct {
	Format    string
	Parts     [][]byte // as protocol.Attestation has them, base64 removed
	Challenge [32]byte // SHA-256 of the invitation token
	Role      protocol.KeyRole
	Key       *ecdsa.PublicKey  // the registered key of that role
	Claimed   protocol.KeyLevel // what the device says of it
	// Device and Approval are the thumbprints of both keys, which an apple-appattest statement covers.
	Device, Approval protocol.Thumbprint
	Now              time.Time
}

// Proof is what a statement proves.
type Proof struct {
	Level   protocol.KeyLevel
	Details Details
}

// Details are facts for the audit log; members that a format does not have are empty.
type Details struct {
	Application  string // package, or team and bundle
	Provisioning string // android-key: remote, factory or unknown
	OSVersion    int    // android-key: such as 160000
	PatchLevel   int    // android-key: such as 202611
	Virtual      bool   // apple-appattest: the development environment
}

// Verify checks a statement about one key and returns what it proves. Every refusal is an [*Error]; hostile input of any form gives one,
// in time bounded by the limits of the input. It touches nothing outside its arguments.
func (p Policy) Verify(in Params) (Proof, error) {
	if in.Key == nil || in.Now.IsZero() {
		return Proof{}, fail(CodeMalformed, "no key or no time was given")
	}
	if len(in.Parts) == 0 || len(in.Parts) > maxParts {
		return Proof{}, fail(CodeMalformed, "%d parts", len(in.Parts))
	}
	for _, part := range in.Parts {
		if len(part) == 0 || len(part) > maxPart {
			return Proof{}, fail(CodeMalformed, "a part has %d bytes", len(part))
		}
	}
	switch {
	case in.Format == FormatAndroid && p.Android != nil:
		return p.Android.verify(in)
	case in.Format == FormatApple && p.Apple != nil:
		return p.Apple.verify(in)
	case in.Format == FormatTPM && p.TPM != nil:
		return p.TPM.verify(in)
	case in.Format == FormatAndroid || in.Format == FormatApple || in.Format == FormatTPM:
		return Proof{}, fail(CodeNotConfigured, "no %s roots are configured", in.Format)
	}
	return Proof{}, fail(CodeFormatUnknown, "")
}

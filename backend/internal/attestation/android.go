package attestation

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/subtle"
	"crypto/x509"
	"encoding/asn1"
	"slices"
	"time"

	"github.com/nod-auth/nod/shared/protocol"
)

var (
	oidKeyDescription   = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 1, 17}
	oidProvisioningInfo = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 1, 30}
	oidOrganization     = asn1.ObjectIdentifier{2, 5, 4, 10}
	oidSerialNumber     = asn1.ObjectIdentifier{2, 5, 4, 5}
	oidTitle            = asn1.ObjectIdentifier{2, 5, 4, 12}
)

// The ways by which an attestation key came into a phone.
const (
	provisionedRemotely = "remote"
	provisionedFactory  = "factory"
	provisionedUnknown  = "unknown"
)

func (a *Android) verify(in Params) (Proof, error) {
	chain := make([]*certificate, len(in.Parts))
	for i, der := range in.Parts {
		c, err := parseCertificate(der)
		if err != nil {
			return Proof{}, err
		}
		chain[i] = c
	}
	provisioning, err := a.walk(chain, in.Now)
	if err != nil {
		return Proof{}, err
	}
	if err := a.checkStatus(chain[1:], in.Now); err != nil {
		return Proof{}, err
	}
	if err := leafHolds(chain[0], in.Key); err != nil {
		return Proof{}, err
	}
	value, found, err := chain[0].extension(oidKeyDescription)
	if err != nil {
		return Proof{}, err
	}
	if !found {
		return Proof{}, fail(CodeExtensionMissing, "the leaf does not describe its key")
	}
	d, err := parseKeyDescription(value)
	if err != nil {
		return Proof{}, err
	}
	level, err := a.checkDescription(d, in)
	if err != nil {
		return Proof{}, err
	}
	if level == protocol.LevelStrongBox && !issuedToStrongBox(chain[1:]) {
		level = protocol.LevelTEE
	}
	return Proof{Level: level, Details: Details{Application: d.application.packages[0], Provisioning: provisioning,
		OSVersion: d.hardware.osVersion, PatchLevel: d.hardware.patchLevel}}, nil
}

// walk checks the path from the leaf to a root key, and returns how the chain was provisioned.
func (a *Android) walk(chain []*certificate, now time.Time) (string, error) {
	anchor, below, err := a.anchor(chain)
	if err != nil {
		return "", err
	}
	if len(below) < 2 {
		return "", fail(CodeChain, "there is no attestation certificate between leaf and root")
	}
	if err := checkLinks(below, anchor); err != nil {
		return "", err
	}
	if len(chain) > len(below) && !bytes.Equal(below[len(below)-1].TBS.Issuer.FullBytes, chain[len(chain)-1].TBS.Subject.FullBytes) {
		return "", fail(CodeNames, "a certificate names another issuer")
	}
	provisioning, err := provisioned(chain, below)
	if err != nil {
		return "", err
	}
	for _, c := range below[1:] {
		if err := c.validAt(now, provisioning == provisionedFactory); err != nil {
			return "", err
		}
	}
	return provisioning, nil
}

// anchor finds the root key that the chain ends in, and the certificates below it. The root itself may be in the chain or not: remotely
// provisioned chains of 2026 leave it out.
func (a *Android) anchor(chain []*certificate) (crypto.PublicKey, []*certificate, error) {
	top := chain[len(chain)-1]
	if key, err := x509.ParsePKIXPublicKey(top.TBS.Key.FullBytes); err == nil {
		for _, root := range a.Roots {
			if equalKeys(root, key) {
				if err := top.signedBy(root); err != nil {
					return nil, nil, err
				}
				return root, chain[:len(chain)-1], nil
			}
		}
	}
	for _, root := range a.Roots {
		if top.signedBy(root) == nil {
			return root, chain, nil
		}
	}
	return nil, nil, fail(CodeRootUntrusted, "the chain ends in no trusted root")
}

func equalKeys(a, b crypto.PublicKey) bool {
	k, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && k.Equal(b)
}

// checkLinks checks that each certificate is signed by the next one's key and names it.
func checkLinks(below []*certificate, anchor crypto.PublicKey) error {
	for i := len(below) - 1; i >= 0; i-- {
		key := anchor
		if i+1 < len(below) {
			issuer := below[i+1]
			if !bytes.Equal(below[i].TBS.Issuer.FullBytes, issuer.TBS.Subject.FullBytes) {
				return fail(CodeNames, "a certificate names another issuer")
			}
			var err error
			if key, err = issuer.publicKey(); err != nil {
				return err
			}
		}
		if err := below[i].signedBy(key); err != nil {
			return err
		}
	}
	return nil
}

// provisioned tells how the attestation key came into the phone, and refuses extensions that stand where an attacker would put
// them: a description above the leaf means that an attested key plays the CA.
func provisioned(chain, below []*certificate) (string, error) {
	how := provisionedUnknown
	if len(below[len(below)-1].subject(oidSerialNumber)) > 0 {
		how = provisionedFactory
	}
	for i, c := range chain {
		_, described, err := c.extension(oidKeyDescription)
		if err != nil {
			return "", err
		}
		_, remote, err := c.extension(oidProvisioningInfo)
		if err != nil {
			return "", err
		}
		if described && i > 0 || remote && i != 1 {
			return "", fail(CodeExtensionMisplaced, "certificate %d carries an extension of another", i)
		}
		if remote {
			how = provisionedRemotely
		}
	}
	return how, nil
}

// issuedToStrongBox tells whether a certificate above the leaf was issued to a StrongBox: by title in the factory, by organization
// remotely. A stolen key of a TEE cannot pass for one (T14).
func issuedToStrongBox(issuers []*certificate) bool {
	return slices.ContainsFunc(issuers, func(c *certificate) bool {
		return slices.Contains(c.subject(oidTitle, oidOrganization), "StrongBox")
	})
}

func leafHolds(leaf *certificate, want *ecdsa.PublicKey) error {
	got, err := x509.ParsePKIXPublicKey(leaf.TBS.Key.FullBytes)
	if err != nil || !equalKeys(want, got) {
		return fail(CodeKeyMismatch, "the leaf is of another key")
	}
	return nil
}

// checkDescription checks what the phone says of the key, and returns the level that both its parts reach.
func (a *Android) checkDescription(d *keyDescription, in Params) (protocol.KeyLevel, error) {
	if subtle.ConstantTimeCompare(d.challenge, in.Challenge[:]) != 1 {
		return "", fail(CodeChallengeMismatch, "")
	}
	level, err := d.level()
	if err != nil {
		return "", err
	}
	hw := d.hardware
	switch {
	case !hw.hasRoot:
		return "", fail(CodeBootState, "the hardware does not state it")
	case hw.root.state != bootVerified:
		return "", fail(CodeBootState, "state %d", hw.root.state)
	case !hw.root.locked:
		return "", fail(CodeUnlocked, "")
	case !hw.hasOrigin || hw.origin != originGenerated:
		return "", fail(CodeKeyOrigin, "not generated in the hardware")
	case !slices.Contains(hw.purposes, purposeSign) || len(d.software.purposes) > 0 || slices.ContainsFunc(hw.purposes, func(p int) bool { return p != purposeSign && p != purposeVerify }):
		return "", fail(CodeKeyPurpose, "purposes %v", hw.purposes)
	case hw.allApplications || d.software.allApplications:
		return "", fail(CodeKeyPurpose, "any application may use the key")
	case in.Role == protocol.RoleApproval && (hw.noAuth || d.software.noAuth || hw.authType == 0 || hw.authTimeout || d.software.authTimeout):
		return "", fail(CodeUserAuthMissing, "the approval key does not ask at each use")
	}
	return level, a.checkApplication(d.application)
}

// checkApplication wants exactly one package (others mean a shared user id), known, and every signer known for it.
func (a *Android) checkApplication(id applicationID) error {
	if len(id.packages) != 1 || len(id.signers) == 0 {
		return fail(CodeApplication, "%d packages, %d signers", len(id.packages), len(id.signers))
	}
	for _, app := range a.Apps {
		if app.Package != id.packages[0] {
			continue
		}
		for _, signer := range id.signers {
			if len(signer) != 32 || !slices.Contains(app.Signers, [32]byte(signer)) {
				return fail(CodeSigner, "%s is signed by another", app.Package)
			}
		}
		return nil
	}
	return fail(CodeApplication, "%q", id.packages[0])
}

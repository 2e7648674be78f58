package attestation

import (
	"encoding/asn1"
	"math"

	"github.com/nod-auth/nod/shared/protocol"
)

// Values of the key description (the schema in Android's "Key and ID attestation"; tags and values are those of KeyMint).
const (
	securityTEE       = 1
	securityStrongBox = 2

	bootVerified    = 0
	originGenerated = 0
	purposeSign     = 2
	purposeVerify   = 3

	tagPurpose         = 1
	tagNoAuthRequired  = 503
	tagUserAuthType    = 504
	tagAuthTimeout     = 505
	tagAllApplications = 600
	tagOrigin          = 702
	tagRootOfTrust     = 704
	tagOSVersion       = 705
	tagOSPatchLevel    = 706
	tagApplicationID   = 709
)

// Limits on lists inside the description.
const (
	maxTags     = 64
	maxPurposes = 16
	maxPackages = 16
	maxSigners  = 16
)

type keyDescription struct {
	attestationLevel, keyMintLevel int
	challenge                      []byte
	software, hardware             authorizations
	application                    applicationID
}

// authorizations are the members of one AuthorizationList that matter here.
type authorizations struct {
	purposes           []int
	noAuth             bool
	authType           int
	authTimeout        bool
	allApplications    bool
	hasOrigin          bool
	origin             int
	hasRoot            bool
	root               rootOfTrust
	osVersion          int
	patchLevel         int
	applicationID      []byte
	applicationIDGiven bool
}

type rootOfTrust struct {
	locked bool
	state  int
}

type applicationID struct {
	packages []string
	signers  [][]byte
}

func badDescription(what string) error { return fail(CodeMalformed, "key description: %s", what) }

func parseKeyDescription(der []byte) (*keyDescription, error) {
	var in struct {
		Version          int
		AttestationLevel asn1.Enumerated
		KeyMintVersion   int
		KeyMintLevel     asn1.Enumerated
		Challenge        []byte
		UniqueID         []byte
		Software         asn1.RawValue
		Hardware         asn1.RawValue
	}
	if rest, err := asn1.Unmarshal(der, &in); err != nil || len(rest) != 0 {
		return nil, badDescription("not of its shape")
	}
	d := &keyDescription{attestationLevel: int(in.AttestationLevel), keyMintLevel: int(in.KeyMintLevel), challenge: in.Challenge}
	var err error
	if d.software, err = parseAuthorizations(in.Software); err != nil {
		return nil, err
	}
	if d.hardware, err = parseAuthorizations(in.Hardware); err != nil {
		return nil, err
	}
	// The platform, not the hardware, knows which application asked; a verified boot is why it is believed.
	if d.software.applicationIDGiven {
		d.application, err = parseApplicationID(d.software.applicationID)
	}
	return d, err
}

// level is the lower of the two security levels; both must be hardware (T14).
func (d *keyDescription) level() (protocol.KeyLevel, error) {
	known := map[int]protocol.KeyLevel{securityTEE: protocol.LevelTEE, securityStrongBox: protocol.LevelStrongBox}
	a, k := known[d.attestationLevel], known[d.keyMintLevel]
	if a == "" || k == "" {
		return "", fail(CodeLevelTooLow, "attestation %d, key %d", d.attestationLevel, d.keyMintLevel)
	}
	if a.Rank() < k.Rank() {
		return a, nil
	}
	return k, nil
}

func parseAuthorizations(list asn1.RawValue) (authorizations, error) {
	var a authorizations
	if list.Class != asn1.ClassUniversal || list.Tag != asn1.TagSequence || !list.IsCompound {
		return a, badDescription("a list is no sequence")
	}
	seen := map[int]bool{}
	for rest := list.Bytes; len(rest) > 0; {
		var v asn1.RawValue
		var err error
		if rest, err = asn1.Unmarshal(rest, &v); err != nil || v.Class != asn1.ClassContextSpecific || !v.IsCompound {
			return a, badDescription("an authorization is not tagged")
		}
		if seen[v.Tag] || len(seen) == maxTags {
			return a, badDescription("an authorization stands twice, or there are too many")
		}
		seen[v.Tag] = true
		if err := a.set(v.Tag, v.Bytes); err != nil {
			return a, err
		}
	}
	return a, nil
}

// set takes one authorization; tags that do not matter here are not looked into.
func (a *authorizations) set(tag int, value []byte) (err error) {
	switch tag {
	case tagPurpose:
		a.purposes, err = parsePurposes(value)
	case tagNoAuthRequired:
		a.noAuth = true
	case tagUserAuthType:
		a.authType, err = parseInteger(value)
	case tagAuthTimeout:
		a.authTimeout = true
	case tagAllApplications:
		a.allApplications = true
	case tagOrigin:
		a.hasOrigin = true
		a.origin, err = parseInteger(value)
	case tagRootOfTrust:
		a.hasRoot = true
		a.root, err = parseRootOfTrust(value)
	case tagOSVersion:
		a.osVersion, err = parseInteger(value)
	case tagOSPatchLevel:
		a.patchLevel, err = parseInteger(value)
	case tagApplicationID:
		a.applicationIDGiven = true
		err = parseWhole(value, &a.applicationID)
	}
	return err
}

func parseWhole(der []byte, into any) error {
	if rest, err := asn1.Unmarshal(der, into); err != nil || len(rest) != 0 {
		return badDescription("a value is not of its type")
	}
	return nil
}

// parseInteger reads an INTEGER of 32 bits; userAuthType of "any" is 2^32-1, so the unsigned range is taken.
func parseInteger(der []byte) (int, error) {
	var n int64
	if err := parseWhole(der, &n); err != nil {
		return 0, err
	}
	if n < 0 || n > math.MaxUint32 {
		return 0, badDescription("a number is out of range")
	}
	return int(n), nil
}

func parsePurposes(der []byte) ([]int, error) {
	var set asn1.RawValue
	if err := parseWhole(der, &set); err != nil {
		return nil, err
	}
	if set.Class != asn1.ClassUniversal || set.Tag != asn1.TagSet || !set.IsCompound {
		return nil, badDescription("the purposes are no set")
	}
	var out []int
	for rest := set.Bytes; len(rest) > 0; {
		var n int
		var err error
		if rest, err = asn1.Unmarshal(rest, &n); err != nil || len(out) == maxPurposes {
			return nil, badDescription("a purpose is no integer, or there are too many")
		}
		out = append(out, n)
	}
	return out, nil
}

func parseRootOfTrust(der []byte) (rootOfTrust, error) {
	var in struct {
		Key    []byte
		Locked bool
		State  asn1.Enumerated
		Hash   []byte `asn1:"optional"` // from version 3
	}
	err := parseWhole(der, &in)
	return rootOfTrust{locked: in.Locked, state: int(in.State)}, err
}

func parseApplicationID(der []byte) (applicationID, error) {
	var in struct {
		Packages []struct {
			Name    []byte
			Version int64
		} `asn1:"set"`
		Signers [][]byte `asn1:"set"`
	}
	if err := parseWhole(der, &in); err != nil {
		return applicationID{}, err
	}
	if len(in.Packages) > maxPackages || len(in.Signers) > maxSigners {
		return applicationID{}, badDescription("too many packages or signers")
	}
	id := applicationID{signers: in.Signers}
	for _, p := range in.Packages {
		id.packages = append(id.packages, string(p.Name))
	}
	return id, nil
}

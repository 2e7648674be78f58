package protocol_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/nod-auth/nod/shared/protocol"
	"github.com/nod-auth/nod/shared/protocol/vectors"
)

func loadVectors(t testing.TB) *vectors.All {
	t.Helper()
	v, err := vectors.Load()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// receiver does what the receiver of a message vector does, with the entry point of this package for its type.
type receiver struct {
	fixtures vectors.Fixtures
	keys     map[string]*protocol.Keys
}

func newReceiver(t testing.TB, f vectors.Fixtures) receiver {
	t.Helper()
	r := receiver{fixtures: f, keys: map[string]*protocol.Keys{}}
	for name, s := range f.Statements {
		k, err := protocol.VerifyKeys(s.JWS, s.Root, 0, time.Unix(f.Now, 0))
		if err != nil {
			t.Fatalf("statement %s: %v", name, err)
		}
		r.keys[name] = k
	}
	return r
}

// verify returns the message; a typed nil pointer when it is refused.
func (r receiver) verify(m vectors.Message) (any, error) {
	g := m.Given
	one := protocol.One(r.fixtures.Keys[g.Key].JWK)
	switch m.Type {
	case protocol.TypeEnrollment:
		return protocol.VerifyEnrollment(m.JWS)
	case protocol.TypeEnrolled:
		return protocol.VerifyEnrolled(m.JWS, r.keys[g.Keys], g.Enrollment)
	case protocol.TypeKeys:
		return protocol.VerifyKeys(m.JWS, g.Root, g.MinSequence, time.Unix(g.Now, 0))
	case protocol.TypeChallenge:
		return protocol.VerifyChallenge(m.JWS, r.keys[g.Keys], g.Device)
	case protocol.TypeDecision:
		return protocol.VerifyDecision(m.JWS, one)
	case protocol.TypeUpdate:
		return protocol.VerifyUpdate(m.JWS, one, func(role protocol.KeyRole) protocol.Thumbprint { return g.Current[role] })
	case protocol.TypeProof:
		return protocol.VerifyProof(m.JWS, one)
	case protocol.TypeResult:
		return protocol.VerifyResult(m.JWS, r.keys[g.Keys], protocol.Expectation{Issuer: g.Expect.Issuer, Tenant: g.Expect.Tenant, Audience: g.Expect.Audience,
			Subject: g.Expect.Subject, Transaction: g.Expect.Transaction, Now: time.Unix(g.Now, 0), Receipt: g.Expect.Receipt})
	case protocol.TypeCheckpoint:
		return protocol.VerifyCheckpoint(m.JWS, r.keys[g.Keys])
	case protocol.TypeApprovalProof, protocol.TypeKeyProof: // only within other messages
	}
	return nil, errors.New("no entry point for this type")
}

func TestMessageVectorsAreAcceptedOrRefusedForTheRightReason(t *testing.T) {
	v := loadVectors(t)
	r := newReceiver(t, v.Fixtures)
	covered := map[protocol.Type][2]int{}
	for _, m := range v.Messages {
		t.Run(string(m.Type)+"/"+m.Name, func(t *testing.T) {
			got, err := r.verify(m)
			c := covered[m.Type]
			if m.Error != "" {
				c[1]++
				covered[m.Type] = c
				if !errors.Is(err, &protocol.Error{Code: m.Error, Member: m.Member}) {
					t.Errorf("got %v, want %s %s", err, m.Error, m.Member)
				}
				return
			}
			c[0]++
			covered[m.Type] = c
			if err != nil {
				t.Fatal(err)
			}
			if protocol.Hash(m.JWS) != m.Shows.Hash {
				t.Error("another hash")
			}
			if c, ok := got.(*protocol.Challenge); ok && !slices.Equal(c.Unsupported, m.Shows.Unsupported) {
				t.Errorf("unsupported %q, want %q", c.Unsupported, m.Shows.Unsupported)
			}
		})
	}
	for _, typ := range []protocol.Type{protocol.TypeEnrollment, protocol.TypeEnrolled, protocol.TypeKeys, protocol.TypeChallenge, protocol.TypeDecision,
		protocol.TypeUpdate, protocol.TypeProof, protocol.TypeResult, protocol.TypeCheckpoint} {
		if c := covered[typ]; c[0] == 0 || c[1] == 0 {
			t.Errorf("%s: %d accepted and %d refused vectors", typ, c[0], c[1])
		}
	}
}

func TestARefusedMessageIsNotHandedOut(t *testing.T) {
	v := loadVectors(t)
	r := newReceiver(t, v.Fixtures)
	for _, m := range v.Messages {
		if m.Error == "" {
			continue
		}
		switch got, _ := r.verify(m); got := got.(type) {
		case *protocol.Enrollment, *protocol.Enrolled, *protocol.Keys, *protocol.Challenge, *protocol.Decision, *protocol.Update, *protocol.Proof, *protocol.Result,
			*protocol.Checkpoint:
			if b, _ := json.Marshal(got); string(b) != "null" {
				t.Errorf("%s/%s: handed out although refused", m.Type, m.Name)
			}
		default:
			t.Errorf("%s/%s: unexpected %T", m.Type, m.Name, got)
		}
	}
}

func TestErrorsNeverRepeatWhatWasReceived(t *testing.T) {
	v := loadVectors(t)
	r := newReceiver(t, v.Fixtures)
	for _, m := range v.Messages {
		_, err := r.verify(m)
		if err == nil {
			continue
		}
		for _, c := range err.Error() {
			if c < ' ' || c > '~' {
				t.Errorf("%s/%s: the error has character %U", m.Type, m.Name, c)
			}
		}
		if len(err.Error()) > 200 {
			t.Errorf("%s/%s: the error has %d characters", m.Type, m.Name, len(err.Error()))
		}
	}
}

func TestFixtureKeysAreWhatTheySay(t *testing.T) {
	for name, k := range loadVectors(t).Fixtures.Keys {
		if k.JWK.Thumbprint() != k.Thumbprint {
			t.Errorf("%s: another thumbprint", name)
		}
	}
}

func TestIdentifierVectors(t *testing.T) {
	parse := map[string]func(string) error{
		"ten": parseID[protocol.TenantID], "app": parseID[protocol.ApplicationID], "usr": parseID[protocol.UserID],
		"dev": parseID[protocol.DeviceID], "enr": parseID[protocol.EnrollmentID], "chl": parseID[protocol.ChallengeID],
	}
	for _, v := range loadVectors(t).Identifiers {
		checkOutcome(t, v.Name, parse[v.Kind](v.Text), v.Error)
	}
}

func parseID[T protocol.ID](s string) error {
	got, err := protocol.ParseID[T](s)
	if err == nil && string(got) != s {
		return errors.New("parsed to another text")
	}
	return err
}

func checkOutcome(t *testing.T, name string, err error, want protocol.ErrorCode) {
	t.Helper()
	if want == "" && err != nil || want != "" && !errors.Is(err, &protocol.Error{Code: want}) {
		t.Errorf("%s: got %v, want %q", name, err, want)
	}
}

func TestJWKVectors(t *testing.T) {
	for _, v := range loadVectors(t).JWKs {
		var k protocol.JWK
		err := k.UnmarshalJSON([]byte(v.Text))
		checkOutcome(t, v.Name, err, v.Error)
		if k.Thumbprint() != v.Thumbprint {
			t.Errorf("%s: thumbprint %q, want %q", v.Name, k.Thumbprint(), v.Thumbprint)
		}
	}
}

func TestHashVectors(t *testing.T) {
	for _, v := range loadVectors(t).Hashes {
		if protocol.TokenHash(v.Text) != v.Hash || protocol.Hash(v.Text) != v.Hash {
			t.Errorf("%s: another hash", v.Name)
		}
	}
}

func TestCommitmentVectors(t *testing.T) {
	for _, v := range loadVectors(t).Commitments {
		salt, err := base64.RawURLEncoding.DecodeString(v.Salt)
		if err != nil {
			t.Fatal(err)
		}
		if got := v.Match.Opens(salt, v.Challenge, v.Number); got != v.Opens {
			t.Errorf("%s: opens is %v", v.Name, got)
		}
	}
}

func TestClaimVectors(t *testing.T) {
	for _, v := range loadVectors(t).Claims {
		if got := protocol.ACR(v.Number, v.UserVerification != ""); got != v.ACR {
			t.Errorf("%+v: acr %s", v, got)
		}
		if got := protocol.AMR(v.Level, v.Proven, v.UserVerification); !slices.Equal(got, v.AMR) {
			t.Errorf("%+v: amr %s", v, got)
		}
	}
}

func TestInvitationVectors(t *testing.T) {
	for _, v := range loadVectors(t).Invitations {
		got, err := protocol.ParseInvitation(v.Text, v.Scheme)
		checkOutcome(t, v.Name, err, v.Error)
		if want := (protocol.Invitation{Server: v.Server, Company: v.Company, User: v.User, Token: v.Token, Root: v.Root}); got != want {
			t.Errorf("%s: got %+v, want %+v", v.Name, got, want)
		}
	}
}

func TestServerVectors(t *testing.T) {
	for _, v := range loadVectors(t).Servers {
		got, err := protocol.ParseServer(v.Text)
		checkOutcome(t, v.Name, err, v.Error)
		if got != v.Server {
			t.Errorf("%s: got %q, want %q", v.Name, got, v.Server)
		}
	}
}

func TestTextVectors(t *testing.T) {
	for _, v := range loadVectors(t).Texts {
		checkOutcome(t, v.Name, protocol.CheckText("text", v.Text, v.Required, v.Max), v.Error)
	}
}

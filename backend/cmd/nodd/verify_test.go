package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nod-auth/nod/shared/protocol"
)

// receipt is an approval with its keys, as a server and a device would have made it.
type receipt struct {
	result, keys string
	root         protocol.Thumbprint
	app          protocol.ApplicationID
}

func signer(t *testing.T) *protocol.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := protocol.NewSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newReceipt(t *testing.T) receipt {
	t.Helper()
	must := func(s string, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	const server = "https://nod.example.com"
	root, signing, approval := signer(t), signer(t), signer(t)
	tenant, app, device, id := protocol.NewID[protocol.TenantID](), protocol.NewID[protocol.ApplicationID](), protocol.NewID[protocol.DeviceID](), protocol.NewID[protocol.ChallengeID]()
	then := time.Now().Add(-24 * time.Hour) // a receipt is checked long after
	at := protocol.At(then)
	keys := must(protocol.Sign(root, &protocol.Keys{Issuer: server, Tenant: tenant, Sequence: 1, IssuedAt: at, ExpiresAt: protocol.At(then.AddDate(1, 0, 0)), Root: root.Public(),
		Keys: []protocol.TenantKey{{JWK: signing.Public(), Status: protocol.KeyActive, NotBefore: at}}}))
	salt := make([]byte, 32)
	challenge := must(protocol.Sign(signing, &protocol.Challenge{Issuer: server, Tenant: tenant, Audience: []protocol.DeviceID{device}, ID: id, Nonce: protocol.RandomText(16), IssuedAt: at,
		ExpiresAt: protocol.At(then.Add(90 * time.Second)), User: protocol.ChallengeUser{Ref: "ada"}, Application: protocol.ChallengeApplication{ID: app, Name: "Example Bank"},
		Action: protocol.Action{Kind: "sign_in"}, Match: protocol.Match{Mode: protocol.MatchEnter, Digits: 2, Commitment: protocol.Commitment(salt, id, "47")}, TransactionHash: protocol.TokenHash("login-1")}))
	decision := must(protocol.Sign(approval, &protocol.Decision{Issuer: device, Audience: server, Tenant: tenant, ID: protocol.RandomText(16), IssuedAt: at, Challenge: id,
		ChallengeHash: protocol.Hash(challenge), Answer: protocol.Approve, Number: "47", Counter: 1}))
	result := must(protocol.Sign(signing, &protocol.Result{Issuer: server, Tenant: tenant, Audience: app, Subject: "ada", ID: protocol.RandomText(16), IssuedAt: at,
		ExpiresAt: protocol.At(then.Add(protocol.ResultLifetime)), Challenge: id, Status: protocol.StatusApproved, Transaction: "login-1", ACR: protocol.ACRNumber, AMR: []string{"pop", "swk", "user"},
		Device: &protocol.ResultDevice{ID: device, Platform: "simulator"}, Level: protocol.LevelSoftware, Confirmation: &protocol.Confirmation{JWK: approval.Public()},
		Evidence: protocol.Evidence{Challenge: challenge, Decision: decision, Salt: protocol.EncodeSalt(salt)}}))
	return receipt{result, keys, root.KeyID(), app}
}

func TestVerifySaysWhatAReceiptProves(t *testing.T) {
	r := newReceipt(t)
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	keys, result := file("keys", r.keys+"\n"), file("result", r.result+"\n")
	body, err := json.Marshal(map[string]string{"status": "approved", "result": r.result})
	if err != nil {
		t.Fatal(err)
	}
	tampered := r.result[:len(r.result)-6] + "AAAAAA"
	other := newReceipt(t)
	for name, tc := range map[string]struct {
		args  []string
		in    string
		code  int
		wants []string
		lacks []string
	}{
		"alone": {args: []string{result, "--keys", keys}, code: exitOK, wants: []string{"VALID  approved", "transaction  login-1", "signed this answer over exactly that request, with the number",
			"who held the device", "the time, against a dishonest server", "as the device says", "that root key", "--user", "--transaction", "--application"}},
		"with everything said": {args: []string{result, "--keys", keys, "--root", string(r.root), "--user", "ada", "--transaction", "login-1", "--application", string(r.app)}, code: exitOK,
			wants: []string{"VALID"}, lacks: []string{"--user", "--transaction", "--application", "that root key"}},
		"from standard input":    {args: []string{"-", "--keys", keys}, in: r.result, code: exitOK, wants: []string{"VALID"}},
		"as the API's answer":    {args: []string{file("body", string(body)), "--keys", keys}, code: exitOK, wants: []string{"VALID"}},
		"another user":           {args: []string{result, "--keys", keys, "--user", "eve"}, code: exitFailed, wants: []string{"does not verify", "sub"}, lacks: []string{"VALID"}},
		"another transaction":    {args: []string{result, "--keys", keys, "--transaction", "login-2"}, code: exitFailed, wants: []string{"does not verify"}, lacks: []string{"VALID"}},
		"another root":           {args: []string{result, "--keys", keys, "--root", string(other.root)}, code: exitFailed, wants: []string{"key list does not verify"}, lacks: []string{"VALID"}},
		"another tenant's keys":  {args: []string{result, "--keys", file("other", other.keys)}, code: exitFailed, wants: []string{"does not verify"}, lacks: []string{"VALID"}},
		"changed":                {args: []string{"-", "--keys", keys}, in: tampered, code: exitFailed, wants: []string{"does not verify", "signature"}, lacks: []string{"VALID"}},
		"expired, for a sign-in": {args: []string{result, "--keys", keys, "--fresh"}, code: exitFailed, wants: []string{"exp"}, lacks: []string{"VALID"}},
		"no result":              {args: []string{"-", "--keys", keys}, in: "nonsense", code: exitFailed, wants: []string{"this is no result"}},
		"an answer without one":  {args: []string{"-", "--keys", keys}, in: `{"status":"pending"}`, code: exitFailed, wants: []string{"the JSON holds no result"}},
		"no such file":           {args: []string{filepath.Join(dir, "none"), "--keys", keys}, code: exitFailed, wants: []string{"cannot be read"}},
		"neither keys nor database": {args: []string{result, "--data", filepath.Join(dir, "none.db")}, code: exitFailed,
			wants: []string{"--keys", "does not exist"}},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			code := run(t.Context(), append([]string{"verify"}, tc.args...), program{In: strings.NewReader(tc.in), Out: &out, Err: &out})
			if code != tc.code {
				t.Errorf("exit code %d, want %d", code, tc.code)
			}
			for _, want := range tc.wants {
				if !strings.Contains(out.String(), want) {
					t.Errorf("the output lacks %q:\n%s", want, out.String())
				}
			}
			for _, not := range tc.lacks {
				if strings.Contains(out.String(), not) {
					t.Errorf("the output holds %q:\n%s", not, out.String())
				}
			}
		})
	}
}

package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/nod-auth/nod/shared/protocol"
)

type verifyCmd struct {
	Result      string `arg:"" help:"File with the result (a compact JWS, or the JSON of a challenge with its result), or - for standard input."`
	Keys        string `help:"File with the tenant's key list, as GET /.well-known/nod/TENANT/keys gives it. Default: from the database." placeholder:"FILE"`
	Root        string `help:"Thumbprint of the tenant's root key, which you know from elsewhere. Default: the one in the key list, and the output says so." placeholder:"THUMBPRINT"`
	User        string `name:"user" help:"The user_ref that it must be for." placeholder:"REF"`
	Transaction string `help:"The transaction that it must be for." placeholder:"TEXT"`
	Application string `help:"The application id that it must be for." placeholder:"APP"`
	Fresh       bool   `help:"Also demand that the result has not expired, as for a sign-in."`
}

// Run checks a receipt. Nothing is contacted.
func (c verifyCmd) Run(ctx context.Context, p *program, s *settings) error {
	raw, err := c.read(p)
	if err != nil {
		return err
	}
	claims, err := peek(raw)
	if err != nil {
		return err
	}
	keysText, err := c.keysText(ctx, p, s, claims.Tenant)
	if err != nil {
		return err
	}
	root := protocol.Thumbprint(c.Root)
	if root == "" {
		if root, err = rootOf(keysText); err != nil {
			return err
		}
	}
	// An old receipt is checked with the list as it is: what it says about retired keys is what matters, not its age.
	keys, err := protocol.VerifyKeys(keysText, root, 0, time.Now())
	if err != nil {
		return failure("fetch it again from the server; give --root as the invitation pinned it", "the key list does not verify: %w", err)
	}
	want := protocol.Expectation{Issuer: keys.Issuer, Tenant: keys.Tenant, Audience: protocol.ApplicationID(or(c.Application, string(claims.Audience))),
		Subject: or(c.User, claims.Subject), Transaction: or(c.Transaction, claims.Transaction), Now: time.Now(), Receipt: !c.Fresh}
	r, err := protocol.VerifyResult(raw, keys, want)
	if err != nil {
		return failure("trust nothing of it; the error names the member at fault", "the result does not verify: %w", err)
	}
	challenge, decision, err := r.VerifyEvidence(keys)
	if err != nil {
		return failure("trust nothing of it", "the evidence does not prove the result: %w", err)
	}
	c.explain(p, r, challenge, decision, root)
	return nil
}

func or(given, other string) string {
	if given != "" {
		return given
	}
	return other
}

// read takes the file, which may also be the whole answer of the API.
func (c verifyCmd) read(p *program) (string, error) {
	var text []byte
	var err error
	limit := int64(protocol.MaxSize(protocol.TypeResult) * 2)
	if c.Result == "-" {
		text, err = io.ReadAll(io.LimitReader(p.In, limit))
	} else {
		text, err = os.ReadFile(c.Result)
	}
	if err != nil {
		return "", failure("name a file with the result, or - for standard input", "the result cannot be read: %w", err)
	}
	s := strings.TrimSpace(string(text))
	if strings.HasPrefix(s, "{") {
		var body struct {
			Result string `json:"result"`
		}
		if err := json.Unmarshal([]byte(s), &body); err != nil || body.Result == "" {
			return "", failure("save the answer of GET /v1/challenges/{id} once the challenge is final", "the JSON holds no result")
		}
		s = body.Result
	}
	return s, nil
}

// peek reads what the result says of itself, to know what to hold it against. It trusts nothing.
func peek(raw string) (protocol.Result, error) {
	var r protocol.Result
	if _, err := protocol.Peek(raw, protocol.TypeResult); err != nil {
		return r, failure("give the compact JWS from the member `result`", "this is no result: %w", err)
	}
	return r, decodePayload(raw, &r)
}

func decodePayload(raw string, v any) error {
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return errors.New("not a compact JWS")
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return fmt.Errorf("decode the payload: %w", err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("parse the payload: %w", err)
	}
	return nil
}

func rootOf(keysText string) (protocol.Thumbprint, error) {
	var k protocol.Keys
	if err := decodePayload(keysText, &k); err != nil {
		return "", failure("give the text of GET /.well-known/nod/TENANT/keys", "the key list cannot be read: %w", err)
	}
	return k.Root.Thumbprint(), nil
}

func (c verifyCmd) keysText(ctx context.Context, p *program, s *settings, tenant protocol.TenantID) (string, error) {
	if c.Keys != "" {
		text, err := os.ReadFile(c.Keys)
		if err != nil {
			return "", failure("save GET /.well-known/nod/TENANT/keys into a file", "the key list cannot be read: %w", err)
		}
		return strings.TrimSpace(string(text)), nil
	}
	var text string
	err := s.with(ctx, p, func(d *domain) error {
		t, err := d.tenant(ctx, string(tenant))
		text = t.KeysJWS
		return err
	})
	if err != nil {
		return "", fmt.Errorf("take the key list from the database (give --keys to need none): %w", err)
	}
	return text, nil
}

func (c verifyCmd) explain(p *program, r *protocol.Result, ch *protocol.Challenge, d *protocol.Decision, root protocol.Thumbprint) {
	p.printf("VALID  %s\n\n", r.Status)
	rows := [][2]string{{"server", r.Issuer}, {"tenant", string(r.Tenant)}, {"application", string(r.Audience) + " " + ch.Application.Name}, {"user", r.Subject},
		{"transaction", r.Transaction}, {"challenge", string(r.Challenge)}, {"asked", ch.Action.Kind + " " + ch.Action.Title},
		{"asked at", stamp(ch.IssuedAt.Time()) + " by the server's clock"}}
	if d != nil {
		rows = append(rows, [2]string{"answer", string(d.Answer)}, [2]string{"answered at", stamp(d.IssuedAt.Time()) + " by the device's clock"},
			[2]string{"key", string(r.Confirmation.JWK.Thumbprint())}, [2]string{"key level", level(r)})
	}
	if r.ACR != "" {
		rows = append(rows, [2]string{"class", r.ACR})
	}
	for _, row := range rows {
		p.printf("  %-12s %s\n", row[0], printable(row[1]))
	}
	p.printf("\nIt proves:\n  - the tenant's key signed this request, with every word shown and the commitment to its number\n")
	if d != nil {
		p.printf("  - the key above signed this answer over exactly that request%s\n", number(ch))
	}
	p.printf("\nIt does not prove:\n  - who held the device\n  - the time, against a dishonest server\n")
	if d == nil {
		p.printf("  - that nobody answered: no device signed anything here, the server alone says %q\n", r.Status)
	}
	for _, u := range c.unchecked() {
		p.printf("  - %s\n", u)
	}
	if c.Root == "" {
		p.printf("  - that root key %s is the tenant's: compare it with what you know, or give --root\n", root)
	}
}

func level(r *protocol.Result) string {
	if r.Proven {
		return string(r.Level) + ", proven by attestation"
	}
	return string(r.Level) + ", as the device says"
}

func number(ch *protocol.Challenge) string {
	if ch.Match.Mode.Checked() {
		return ", with the number that the request committed to"
	}
	return ""
}

// unchecked lists what was taken from the result itself.
func (c verifyCmd) unchecked() []string {
	var out []string
	for flag, given := range map[string]string{"user": c.User, "transaction": c.Transaction, "application": c.Application} {
		if given == "" {
			out = append(out, "that it is for your "+flag+": compare it above, or give --"+flag)
		}
	}
	return out
}

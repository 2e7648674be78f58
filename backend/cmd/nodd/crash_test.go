package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nod-auth/nod/backend/internal/audit"
	"github.com/nod-auth/nod/backend/internal/fault"
	"github.com/nod-auth/nod/backend/internal/sqlstore"
	"github.com/nod-auth/nod/backend/internal/testkit"
	"github.com/nod-auth/nod/shared/protocol"
)

// process is the real program as a child process over one database; it is killed and started again at will.
type process struct {
	t    *testing.T
	dir  string
	cmd  *exec.Cmd
	base string // http://host:port of this run
	http *http.Client
}

func newProcess(t *testing.T) *process {
	return &process{t: t, dir: t.TempDir(), http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}, Timeout: 20 * time.Second}}
}

func (p *process) data() string { return filepath.Join(p.dir, "nod.db") }

// start returns when the server serves. The program is this test's own binary, which testscript has put on the path.
func (p *process) start() {
	p.t.Helper()
	p.cmd = exec.CommandContext(context.Background(), "nodd", "serve", "--listen", "127.0.0.1:0", "--public-url", testkit.Issuer, "--data", p.data())
	out, err := os.OpenFile(filepath.Join(p.dir, "out"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		p.t.Fatal(err)
	}
	defer out.Close()
	p.cmd.Stdout = out
	log, err := p.cmd.StderrPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	running := p.cmd
	p.t.Cleanup(func() { _ = running.Process.Kill() })
	found := make(chan string, 1)
	go func() {
		var all strings.Builder
		for lines := bufio.NewScanner(log); lines.Scan(); {
			fmt.Fprintln(&all, lines.Text())
			if m := servingAt.FindStringSubmatch(lines.Text()); m != nil {
				found <- m[1]
				_, _ = io.Copy(io.Discard, log)
				return
			}
		}
		found <- "\n" + all.String()
	}()
	var address string
	select {
	case address = <-found:
	case <-time.After(20 * time.Second):
		p.t.Fatal("the program neither serves nor ends")
	}
	if strings.HasPrefix(address, "\n") {
		p.t.Fatalf("the program does not start:%s", address)
	}
	p.base = "http://" + address
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait() // it was killed
	p.http.CloseIdleConnections()
}

// reply is an answer of the server; the zero status is none at all.
type reply struct {
	status int
	body   map[string]any
}

func (r reply) text(member string) string {
	s, _ := r.body[member].(string)
	return s
}

func (p *process) send(ctx context.Context, method, path, key, body string) (reply, error) {
	req, err := http.NewRequestWithContext(ctx, method, p.base+path, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	if strings.HasPrefix(path, "/device/") {
		req.Header.Set("Content-Type", protocol.ContentType)
	} else {
		req.Header.Set("Authorization", "Bearer "+key)
		req.Header.Set("Idempotency-Key", protocol.Hash(path+body))
	}
	res, err := p.http.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return reply{}, err
	}
	r := reply{status: res.StatusCode}
	return r, json.Unmarshal(raw, &r.body)
}

// load is what the clients of a server do, and what they were told.
type load struct {
	*process
	secret string
	tenant protocol.TenantID
	app    protocol.ApplicationID
	keys   *protocol.Keys
	people []*person
	rounds int
}

// person is a user with a device, driven by one goroutine.
type person struct {
	*load
	ref           string
	device        protocol.DeviceID
	key, approval *protocol.Signer
	counter       uint64
	n             int

	tried    *attempt // under way when the server was killed
	answered []*attempt
	enrolled []string // user_refs whose enrollment was acknowledged
}

// attempt is one sign-in.
type attempt struct {
	transaction, body string
	id                protocol.ChallengeID
	number            string
	raw               string // the decision that was sent
	answer            protocol.Status
	acknowledged      bool
}

func (l *load) begin() {
	l.start()
	out, err := os.ReadFile(filepath.Join(l.dir, "out"))
	if err != nil {
		l.t.Fatal(err)
	}
	for _, line := range strings.Split(string(out), "\n") {
		f := strings.Fields(line)
		switch {
		case len(f) < 2:
		case f[0] == "tenant":
			l.tenant = protocol.TenantID(f[1])
		case f[0] == "application":
			l.app = protocol.ApplicationID(f[1])
		case f[0] == "api_key":
			l.secret = f[1]
		}
	}
	for i := range 4 {
		p := &person{load: l, ref: fmt.Sprint("user", i)}
		if done, err := p.enroll(context.Background(), p.ref, true); err != nil || !done {
			l.t.Fatalf("enroll: %v", err)
		}
		l.people = append(l.people, p)
	}
}

// enroll walks through a whole enrollment; true when the server acknowledged all of it.
func (p *person) enroll(ctx context.Context, ref string, keep bool) (bool, error) {
	r, err := p.send(ctx, "POST", "/v1/enrollments", p.secret, fmt.Sprintf(`{"user_ref":%q}`, ref))
	if err != nil || r.status != http.StatusCreated {
		return false, errors.Join(err, p.odd("invite", r, err))
	}
	id := r.text("id")
	inv, err := protocol.ParseInvitation(r.text("invitation_uri"), "nod")
	if err != nil {
		return false, err
	}
	key, approval := testkit.NewSigner(p.t), testkit.NewSigner(p.t)
	raw, err := registration(inv, key, approval)
	if err != nil {
		return false, err
	}
	if r, err = p.send(ctx, "POST", "/device/v1/enrollments", "", raw); err != nil || r.status != http.StatusCreated {
		return false, errors.Join(err, p.odd("register", r, err))
	}
	keys, err := protocol.VerifyKeys(r.text("keys"), inv.Root, 0, time.Now())
	if err != nil {
		return false, err
	}
	enrolled, err := protocol.VerifyEnrolled(r.text("enrolled"), keys, raw)
	if err != nil {
		return false, err
	}
	if r, err = p.send(ctx, "POST", "/v1/enrollments/"+id+"/confirm", p.secret, fmt.Sprintf(`{"code":%q}`, enrolled.ConfirmCode)); err != nil || r.status != http.StatusOK {
		return false, errors.Join(err, p.odd("confirm", r, err))
	}
	if keep {
		p.device, p.key, p.approval, p.load.keys = enrolled.Audience, key, approval, keys
	}
	return true, nil
}

func registration(inv protocol.Invitation, key, approval *protocol.Signer) (string, error) {
	proof, err := protocol.Sign(approval, &protocol.ApprovalProof{Audience: inv.Server, TokenHash: protocol.TokenHash(inv.Token), DeviceKey: key.KeyID()})
	if err != nil {
		return "", err
	}
	now := time.Now()
	return protocol.Sign(key, &protocol.Enrollment{Audience: inv.Server, IssuedAt: protocol.At(now), ExpiresAt: protocol.At(now.Add(time.Minute)), Token: inv.Token, Root: inv.Root,
		Approval: protocol.ApprovalKey{JWK: approval.Public(), Proof: proof}, Device: protocol.DeviceInfo{Name: "A device", Platform: "linux"},
		Levels: protocol.KeyLevels{Device: protocol.LevelSoftware, Approval: protocol.LevelSoftware}, Handle: protocol.RandomText(16)})
}

// odd is an error for an answer that no crash explains.
func (p *person) odd(what string, r reply, err error) error {
	if err != nil {
		return nil
	}
	return &strange{fmt.Sprintf("%s of %s: %d %v", what, p.ref, r.status, r.body)}
}

type strange struct{ text string }

func (s *strange) Error() string { return s.text }

// work signs in again and again until the server is gone. What was under way stays in tried.
func (p *person) work(ctx context.Context) {
	for ctx.Err() == nil {
		if p.tried == nil {
			p.n++
			tx := fmt.Sprintf("%s-%d", p.ref, p.n)
			p.tried = &attempt{transaction: tx, body: fmt.Sprintf(`{"user_ref":%q,"transaction":%q,"session":%q,"ttl_seconds":600,"action":{"kind":"sign_in"}}`, p.ref, tx, tx)}
		}
		if err := p.step(ctx); err != nil {
			var s *strange
			if errors.As(err, &s) {
				p.t.Error(s)
			}
			return
		}
		if p.n%4 == 0 {
			ref := fmt.Sprintf("%s-new-%d", p.ref, p.n)
			if done, err := p.enroll(ctx, ref, false); err != nil {
				return
			} else if done {
				p.enrolled = append(p.enrolled, ref)
			}
		}
	}
}

// step goes on with the attempt under way, sending the same bytes again where the answer was lost.
func (p *person) step(ctx context.Context) error {
	a := p.tried
	if a.id == "" {
		r, err := p.send(ctx, "POST", "/v1/challenges", p.secret, a.body)
		if err != nil || r.status != http.StatusCreated {
			return errors.Join(err, p.odd("create", r, err))
		}
		match, _ := r.body["match"].(map[string]any)
		a.id = protocol.ChallengeID(r.text("id"))
		a.number, _ = match["number"].(string)
	}
	if a.raw == "" {
		if err := p.sign(ctx, a); err != nil {
			return err
		}
	}
	r, err := p.send(ctx, "POST", "/device/v1/challenges/"+string(a.id)+"/decision", "", a.raw)
	want := map[bool]int{true: http.StatusUnprocessableEntity, false: http.StatusOK}[a.answer == protocol.StatusFailed]
	if err != nil || r.status != want {
		return errors.Join(err, p.odd("decide", r, err))
	}
	a.acknowledged = true
	p.answered, p.tried = append(p.answered, a), nil
	return nil
}

func (p *person) sign(ctx context.Context, a *attempt) error {
	jws, err := p.challenge(ctx, a)
	if err != nil {
		return err
	}
	p.counter++
	in := &protocol.Decision{Issuer: p.device, Audience: testkit.Issuer, Tenant: p.tenant, ID: protocol.RandomText(16), IssuedAt: protocol.At(time.Now()), Challenge: a.id,
		ChallengeHash: protocol.Hash(jws), Answer: protocol.Approve, Number: a.number, Counter: p.counter}
	key := p.approval
	switch p.n % 4 {
	case 1:
		a.answer, in.Answer, in.Number, key = protocol.StatusDenied, protocol.Deny, "", p.key
	case 3:
		a.answer, in.Number = protocol.StatusFailed, map[bool]string{true: "01", false: "00"}[a.number == "00"]
	default:
		a.answer = protocol.StatusApproved
	}
	a.raw, err = protocol.Sign(key, in)
	return err
}

// challenge reads what the device is shown.
func (p *person) challenge(ctx context.Context, a *attempt) (string, error) {
	nonce := "none"
	for range 2 {
		proof, err := protocol.Sign(p.key, &protocol.Proof{Issuer: p.device, ID: protocol.RandomText(16), IssuedAt: protocol.At(time.Now()), Method: "GET",
			URL: testkit.Issuer + "/device/v1/challenges", Nonce: nonce})
		if err != nil {
			return "", err
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.base+"/device/v1/challenges", nil)
		if err != nil {
			return "", err
		}
		req.Header.Set("DPoP", proof)
		res, err := p.http.Do(req)
		if err != nil {
			return "", err
		}
		var inbox struct{ Challenges []string }
		err = json.NewDecoder(res.Body).Decode(&inbox)
		_ = res.Body.Close()
		if err != nil {
			return "", err
		}
		nonce = res.Header.Get("DPoP-Nonce")
		for _, jws := range inbox.Challenges {
			if c, err := protocol.VerifyChallenge(jws, p.keys, p.device); err == nil && c.ID == a.id {
				return jws, nil
			}
		}
	}
	return "", &strange{fmt.Sprintf("an acknowledged challenge is not in the inbox of %s", p.ref)}
}

// verify holds the restarted server against everything that it acknowledged since from.
func (p *person) verify(from int) {
	ctx := context.Background()
	for _, a := range p.answered[from:] {
		r, err := p.send(ctx, "GET", "/v1/challenges/"+string(a.id), p.secret, "")
		if err != nil || r.status != http.StatusOK || r.text("status") != string(a.answer) {
			p.t.Errorf("%s was acknowledged as %s, now: %v %d %v", a.id, a.answer, err, r.status, r.body)
			continue
		}
		_, err = protocol.VerifyResult(r.text("result"), p.keys, protocol.Expectation{Issuer: testkit.Issuer, Tenant: p.tenant, Audience: p.app,
			Subject: p.ref, Transaction: a.transaction, Now: time.Now()})
		if err != nil {
			p.t.Errorf("the result of %s: %v", a.id, err)
		}
	}
	if a := p.tried; a != nil && a.id != "" {
		r, err := p.send(ctx, "GET", "/v1/challenges/"+string(a.id), p.secret, "")
		if err != nil || r.status != http.StatusOK || !slices.Contains([]string{"pending", string(a.answer)}, r.text("status")) {
			p.t.Errorf("%s is under way to %s and is: %v %d %v", a.id, a.answer, err, r.status, r.body)
		}
	}
	for _, ref := range p.enrolled {
		r, err := p.send(ctx, "GET", "/v1/users/"+url.PathEscape(ref)+"/devices", p.secret, "")
		list, _ := r.body["devices"].([]any)
		if err != nil || len(list) != 1 {
			p.t.Errorf("the confirmed device of %s is gone: %v %d %v", ref, err, r.status, r.body)
		}
	}
	p.enrolled = nil
}

// round lets everybody work and kills the server at a random moment.
func (l *load) round() {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	marks := make([]int, len(l.people))
	for i, p := range l.people {
		marks[i] = len(p.answered)
		wg.Go(func() { p.work(ctx) })
	}
	<-time.After(time.Duration(20+rand.IntN(200)) * time.Millisecond) //nolint:forbidigo // the moment of a crash is no secret
	l.kill()
	cancel()
	wg.Wait()
	l.start()
	for i, p := range l.people {
		p.verify(marks[i])
	}
}

const crashRounds = 30

func TestKill9UnderLoadLosesNothingAcknowledgedAndDecidesNothingTwice(t *testing.T) {
	if testing.Short() {
		t.Skip("thirty restarts of the real program; not in -short")
	}
	l := &load{process: newProcess(t)}
	l.begin()
	for l.rounds = 1; l.rounds <= crashRounds && !t.Failed(); l.rounds++ {
		l.round()
	}
	decided := 0
	for _, p := range l.people {
		p.verify(0) // once more, from the first round on
		decided += len(p.answered)
	}
	if decided < crashRounds {
		t.Errorf("only %d sign-ins in %d rounds", decided, crashRounds)
	}
	if err := l.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := l.cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
	l.audit(decided)
	t.Logf("%d sign-ins, %d rounds", decided, crashRounds)
}

// audit checks the chain, and that each challenge ended once.
func (l *load) audit(decided int) {
	ctx := context.Background()
	if out, err := exec.CommandContext(context.Background(), "nodd", "audit", "verify", "--data", l.data(), "--public-url", testkit.Issuer).CombinedOutput(); err != nil || bytes.Contains(out, []byte("unsealed")) {
		l.t.Errorf("audit verify: %v\n%s", err, out)
	}
	db, err := sqlstore.Open(ctx, sqlstore.Options{Path: l.data()})
	if err != nil {
		l.t.Fatal(err)
	}
	defer db.Close()
	ends := map[string]int{}
	err = db.View(ctx, func(tx *sqlstore.Tx) error {
		events, err := tx.Events(l.tenant, 0, 1_000_000)
		for _, e := range events {
			switch e.Type { //nolint:exhaustive // what ends a challenge here
			case audit.ChallengeApproved, audit.ChallengeDenied, audit.ChallengeFailed, audit.ChallengeExpired, audit.ChallengeCanceled, audit.ChallengeSuperseded:
				ends[e.Subject]++
			}
		}
		return err
	})
	if err != nil {
		l.t.Fatal(err)
	}
	for id, n := range ends {
		if n != 1 {
			l.t.Errorf("%s ended %d times", id, n)
		}
	}
	if len(ends) < decided {
		l.t.Errorf("%d challenges ended, %d were acknowledged", len(ends), decided)
	}
}

// open opens an event stream.
func (p *process) open(ctx context.Context, path, token string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.base+path, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := p.http.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		return nil, errors.Join(fmt.Errorf("status %d", res.StatusCode), res.Body.Close())
	}
	return res.Body, nil
}

func (p *process) metrics() string {
	body, err := p.open(context.Background(), "/metrics", "")
	if err != nil {
		p.t.Fatal(err)
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(text)
}

func TestSIGTERMEndsOpenWaitsCleanly(t *testing.T) {
	l := &load{process: newProcess(t)}
	l.begin()
	p := l.people[0]
	ctx := context.Background()
	r, err := l.send(ctx, "POST", "/v1/challenges", l.secret, fmt.Sprintf(`{"user_ref":%q,"transaction":"t","action":{"kind":"sign_in"}}`, p.ref))
	if err != nil || r.status != http.StatusCreated {
		t.Fatalf("%v %v", err, r)
	}
	id := r.text("id")
	waits := make(chan reply, 3)
	for range cap(waits) {
		go func() {
			r, err := l.send(ctx, "GET", "/v1/challenges/"+id+"?wait=30", l.secret, "")
			if err != nil {
				t.Errorf("an open wait was cut off: %v", err)
			}
			waits <- r
		}()
	}
	stream, err := l.open(ctx, "/browser/v1/challenges/"+id+"/events", r.text("browser_token"))
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	until(t, "the waits and the stream are open", func() bool {
		m := l.metrics()
		return strings.Contains(m, "nod_waits_open 3") && strings.Contains(m, `nod_streams_open{kind="browser"} 1`)
	})
	started := time.Now()
	if err := l.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for range cap(waits) {
		if r := <-waits; r.status != http.StatusServiceUnavailable || r.text("code") != string(fault.ServerShuttingDown) {
			t.Errorf("an open wait ended with %d %v", r.status, r.body)
		}
	}
	if _, err := io.Copy(io.Discard, stream); err != nil {
		t.Errorf("the browser's stream was cut off: %v", err)
	}
	if err := l.cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
	if took := time.Since(started); took > 8*time.Second {
		t.Errorf("the stop took %s", took)
	}
	for _, suffix := range []string{"-wal", "-shm"} {
		if _, err := os.Stat(l.data() + suffix); err == nil {
			t.Errorf("nod.db%s is left", suffix)
		}
	}
}

package device

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/nod-auth/nod/shared/client/internal/rest"
	"github.com/nod-auth/nod/shared/problem"
	"github.com/nod-auth/nod/shared/protocol"
)

const (
	maxEnrolled = 128 << 10 // the reply and the keys
	maxInbox    = 512 << 10 // far over the pending challenges of one device
	maxSmall    = 4 << 10
	maxNonce    = 200 // characters; the protocol's limit
	// nonceAge is how long a nonce is used before a new one is asked for without a signature, which may be slow in a
	// chip. Nod's server takes a nonce for at least two minutes; for another one there is the repeat.
	nonceAge = 90 * time.Second
)

// UnexpectedAnswer is the error of an answer that is not Nod's, such as a captive portal's page.
type UnexpectedAnswer = rest.UnexpectedError

// Params configures a [Client].
type Params struct {
	Server string           // the base URL in its one form, as [protocol.ParseServer] returns it
	HTTP   *http.Client     // nil for one of its own; redirects are never followed
	Now    func() time.Time // nil for time.Now
}

// Client speaks to one server. It is safe for concurrent use, also for several devices.
type Client struct {
	rest *rest.Client
	now  func() time.Time
	idle time.Duration // silence after which a stream ends

	mu    sync.Mutex
	nonce string
	since time.Time // when the nonce came
}

// New checks the parameters and returns a client. It calls nothing.
func New(p Params) (*Client, error) {
	if p.Now == nil {
		p.Now = time.Now
	}
	server, err := protocol.ParseServer(p.Server)
	if err != nil {
		return nil, fmt.Errorf("new client: %w", err)
	}
	if server != p.Server { // signed messages name the server: two spellings would be two servers
		return nil, fmt.Errorf("new client: the server's address must be written %s", server)
	}
	r, err := rest.New(rest.Params{BaseURL: server, HTTP: p.HTTP, Now: p.Now})
	if err != nil {
		return nil, fmt.Errorf("new client: %w", err)
	}
	return &Client{rest: r, now: p.Now, idle: silence}, nil
}

// Now is the server's time as far as its last answer tells.
func (c *Client) Now() time.Time { return c.rest.Now() }

// Target is what a proof or an update is bound to.
type Target struct {
	Method string // htm
	URL    string // htu: without query and fragment
	Nonce  string // the server's; "" only when it has not given one, and never for an update
}

// SignFunc returns the compact JWS of a proof or an update for a target.
type SignFunc func(ctx context.Context, t Target) (string, error)

// Prove returns a SignFunc that makes proofs (RFC 9449 section 4.2) for a device with its device key. now is the
// server's time, such as [Client.Now].
func Prove(key *protocol.Signer, id protocol.DeviceID, now func() time.Time) SignFunc {
	return func(_ context.Context, t Target) (string, error) {
		return protocol.Sign(key, &protocol.Proof{
			Issuer: id, ID: protocol.RandomText(16), IssuedAt: protocol.At(now()), Method: t.Method, URL: t.URL, Nonce: t.Nonce,
		})
	}
}

// Enrolled is the answer to an enrollment: two signed messages, to be verified under the pinned root.
type Enrolled struct {
	Enrolled string `json:"enrolled"` // nod-enrolled+jwt
	Keys     string `json:"keys"`     // nod-keys+jwt
}

// Enroll registers a device with a nod-enrollment+jwt. The same bytes may be sent again when the answer was lost.
func (c *Client) Enroll(ctx context.Context, enrollment string) (Enrolled, error) {
	return send[Enrolled](ctx, c, c.post("/device/v1/enrollments", enrollment, maxEnrolled))
}

// Keys fetches the tenant's nod-keys+jwt, to be verified under the pinned root.
func (c *Client) Keys(ctx context.Context, tenant protocol.TenantID) (string, error) {
	r := rest.Request{Method: http.MethodGet, Path: "/.well-known/nod/" + url.PathEscape(string(tenant)) + "/keys",
		Accept: protocol.ContentType, Max: int64(protocol.MaxSize(protocol.TypeKeys))}
	resp, err := c.rest.Do(ctx, r, c.learn)
	if err != nil {
		return "", err
	}
	return string(resp.Body), nil
}

// Status is the state of a device as the server names it.
type Status string

// The states of a device.
const (
	Unconfirmed Status = "unconfirmed"
	Active      Status = "active"
	Revoked     Status = "revoked"
)

// Inbox is a device's state and its pending challenges, oldest first.
type Inbox struct {
	Status       Status
	KeysSequence uint64   // of the tenant's current nod-keys
	Challenges   []string // nod-challenge+jwt, not verified
}

// Challenges reads the inbox.
func (c *Client) Challenges(ctx context.Context, prove SignFunc) (Inbox, error) {
	answer, err := withNonce(ctx, c, http.MethodGet, inboxPath, prove, func(proof string) (inboxJSON, error) {
		r := c.read(inboxPath, proof)
		return send[inboxJSON](ctx, c, r)
	})
	return Inbox{Status: answer.Device.Status, KeysSequence: answer.KeysSeq, Challenges: answer.Challenges}, err
}

const inboxPath = "/device/v1/challenges"

type inboxJSON struct {
	Device     deviceJSON `json:"device"`
	KeysSeq    uint64     `json:"keys_seq"`
	Challenges []string   `json:"challenges"`
}

type deviceJSON struct {
	Status Status `json:"status"`
}

// Outcome is what became of a challenge.
type Outcome struct {
	ID     protocol.ChallengeID `json:"id"`
	Status protocol.Status      `json:"status"`
}

// Decide sends a nod-decision+jwt. The same bytes may be sent again when the answer was lost: they get its outcome again.
func (c *Client) Decide(ctx context.Context, id protocol.ChallengeID, decision string) (Outcome, error) {
	out, err := send[Outcome](ctx, c, c.post("/device/v1/challenges/"+url.PathEscape(string(id))+"/decision", decision, maxSmall))
	if err != nil {
		return Outcome{}, err
	}
	if out.ID != id || out.Status == "" {
		return Outcome{}, &UnexpectedAnswer{Status: http.StatusOK, Reason: "it is about another challenge"}
	}
	return out, nil
}

const updatesPath = "/device/v1/updates"

// Update signs a nod-device+jwt with the server's nonce and sends it. After use_dpop_nonce it is signed and sent once more.
func (c *Client) Update(ctx context.Context, sign SignFunc) (Status, error) {
	needNonce := func(ctx context.Context, t Target) (string, error) {
		if t.Nonce == "" {
			return "", errors.New("update: the server gave no nonce")
		}
		return sign(ctx, t)
	}
	return withNonce(ctx, c, http.MethodPost, updatesPath, needNonce, func(update string) (Status, error) { return c.SendUpdate(ctx, update) })
}

// SendUpdate sends a nod-device+jwt that was signed before, once.
func (c *Client) SendUpdate(ctx context.Context, update string) (Status, error) {
	answer, err := send[deviceJSON](ctx, c, c.post(updatesPath, update, maxSmall))
	return answer.Status, err
}

func (c *Client) read(path, proof string) rest.Request {
	r := rest.Request{Method: http.MethodGet, Path: path, Accept: "application/json", Max: maxInbox}
	if proof != "" {
		r.Header = http.Header{"DPoP": {proof}}
	}
	return r
}

func (c *Client) post(path, jws string, limit int64) rest.Request {
	return rest.Request{Method: http.MethodPost, Path: path, Body: []byte(jws), ContentType: protocol.ContentType, Accept: "application/json", Max: limit}
}

func send[T any](ctx context.Context, c *Client, r rest.Request) (T, error) {
	var v T
	resp, err := c.rest.Do(ctx, r, c.learn)
	if err != nil {
		return v, err
	}
	return v, rest.Decode(resp, &v)
}

// withNonce signs for a target and does a request, and does both once more when the nonce was not fresh.
func withNonce[T any](ctx context.Context, c *Client, method, path string, sign SignFunc, do func(signed string) (T, error)) (T, error) {
	var zero T
	nonce, err := c.freshNonce(ctx)
	if err != nil {
		return zero, err
	}
	for repeated := false; ; repeated = true {
		signed, err := sign(ctx, Target{Method: method, URL: c.rest.Base() + path, Nonce: nonce})
		if err != nil {
			return zero, err
		}
		v, err := do(signed)
		next := c.heldNonce()
		if err == nil || repeated || problem.CodeOf(err) != problem.UseDPoPNonce || next == nonce {
			return v, err
		}
		nonce = next
	}
}

// freshNonce returns a nonce that is likely to be taken. When there is none it asks without a proof, which costs a round
// trip and no signature.
func (c *Client) freshNonce(ctx context.Context) (string, error) {
	c.mu.Lock()
	nonce, age := c.nonce, c.now().Sub(c.since)
	c.mu.Unlock()
	if nonce != "" && age >= 0 && age < nonceAge {
		return nonce, nil
	}
	_, err := c.rest.Do(ctx, c.read(inboxPath, ""), c.learn)
	if code := problem.CodeOf(err); code != problem.UseDPoPNonce && code != problem.DeviceUnauthorized && err != nil {
		return "", err
	}
	return c.heldNonce(), nil
}

func (c *Client) heldNonce() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.nonce
}

// learn takes the nonce of an answer. One of an odd shape is passed over: it could not be signed.
func (c *Client) learn(h http.Header) {
	nonce := h.Get("DPoP-Nonce")
	if nonce == "" || len(nonce) > maxNonce || protocol.CheckText("nonce", nonce, true, maxNonce) != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nonce, c.since = nonce, c.now()
}

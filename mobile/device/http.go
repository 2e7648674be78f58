package device

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nod-auth/nod/shared/client/sse"
	"github.com/nod-auth/nod/shared/problem"
	"github.com/nod-auth/nod/shared/protocol"
)

const (
	requestTimeout = 15 * time.Second
	// streamSilence ends a stream that has sent nothing: the server sends a comment every 25 s.
	streamSilence = 60 * time.Second
	maxAnswer     = 1 << 20
	maxEvent      = 64 << 10
)

// httpRemote is the device API over HTTP.
type httpRemote struct {
	base   string
	client *http.Client
	now    func() time.Time
	// sign signs a proof with the device key.
	sign func(context.Context, *protocol.Proof) (string, error)

	mu    sync.Mutex
	nonce string
}

// do sends a request and returns an answer of status 2xx; its body is the caller's to close.
func (r *httpRemote) do(ctx context.Context, method, path, body string, header http.Header) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, r.base+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	for name, values := range header {
		req.Header[name] = values
	}
	if body != "" {
		req.Header.Set("Content-Type", protocol.ContentType)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, err
	}
	if nonce := resp.Header.Get("DPoP-Nonce"); nonce != "" {
		r.mu.Lock()
		r.nonce = nonce
		r.mu.Unlock()
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer func() { _ = resp.Body.Close() }()
	return nil, readProblem(resp)
}

func readProblem(resp *http.Response) error {
	data, err := io.ReadAll(io.LimitReader(resp.Body, problem.MaxBytes))
	if err != nil {
		return err
	}
	p, err := problem.Parse(data)
	if err != nil {
		return fmt.Errorf("status %d: %w", resp.StatusCode, err) // not Nod's answer: a portal, a proxy
	}
	if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && s > 0 {
		p = p.WithRetryAfter(time.Duration(s) * time.Second)
	}
	return p
}

func (r *httpRemote) json(ctx context.Context, method, path, body string, header http.Header, into any) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	resp, err := r.do(ctx, method, path, body, header)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(into); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	return nil
}

// proven calls send with a proof, and once more if the server wants another nonce (RFC 9449 section 8).
func (r *httpRemote) proven(ctx context.Context, path string, send func(http.Header) error) error {
	var err error
	for range 2 {
		r.mu.Lock()
		nonce := r.nonce
		r.mu.Unlock()
		header := http.Header{}
		if nonce != "" { // without one, asking is how to get one
			proof, err := r.sign(ctx, &protocol.Proof{
				ID: protocol.RandomText(16), IssuedAt: protocol.At(r.now()), Method: http.MethodGet, URL: r.base + path, Nonce: nonce,
			})
			if err != nil {
				return err
			}
			header.Set("DPoP", proof)
		}
		if err = send(header); problem.CodeOf(err) != problem.UseDPoPNonce {
			return err
		}
	}
	return err
}

func (r *httpRemote) Enroll(ctx context.Context, jws string) (enrolled, keys string, err error) {
	var out struct{ Enrolled, Keys string }
	err = r.json(ctx, http.MethodPost, "/device/v1/enrollments", jws, nil, &out)
	return out.Enrolled, out.Keys, err
}

func (r *httpRemote) Keys(ctx context.Context, tenant protocol.TenantID) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	resp, err := r.do(ctx, http.MethodGet, "/.well-known/nod/"+string(tenant)+"/keys", "", nil)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(resp.Body, int64(protocol.MaxSize(protocol.TypeKeys))+1))
	if err != nil {
		return "", fmt.Errorf("read keys: %w", err)
	}
	return strings.TrimSpace(string(data)), nil
}

func (r *httpRemote) Inbox(ctx context.Context) (inbox, error) {
	var out struct {
		Device     struct{ Status string }
		KeysSeq    uint64 `json:"keys_seq"`
		Challenges []string
	}
	const path = "/device/v1/challenges"
	err := r.proven(ctx, path, func(h http.Header) error { return r.json(ctx, http.MethodGet, path, "", h, &out) })
	return inbox{Status: out.Device.Status, KeysSequence: out.KeysSeq, Challenges: out.Challenges}, err
}

func (r *httpRemote) Decide(ctx context.Context, id protocol.ChallengeID, jws string) (protocol.Status, error) {
	var out struct{ Status protocol.Status }
	err := r.json(ctx, http.MethodPost, "/device/v1/challenges/"+string(id)+"/decision", jws, nil, &out)
	return out.Status, err
}

const updatesPath = "/device/v1/updates"

func (r *httpRemote) Update(ctx context.Context, sign func(updateTarget) (string, error)) error {
	var err error
	for range 2 {
		r.mu.Lock()
		nonce := r.nonce
		r.mu.Unlock()
		if nonce == "" {
			if _, err := r.Inbox(ctx); err != nil { // any proven read brings one
				return err
			}
			continue
		}
		var jws string
		if jws, err = sign(updateTarget{Method: http.MethodPost, URL: r.base + updatesPath, Nonce: nonce}); err != nil {
			return err
		}
		if err = r.SendUpdate(ctx, jws); problem.CodeOf(err) != problem.UseDPoPNonce {
			return err
		}
	}
	return err
}

func (r *httpRemote) SendUpdate(ctx context.Context, jws string) error {
	var out struct{ Status string }
	return r.json(ctx, http.MethodPost, updatesPath, jws, nil, &out)
}

var errSilent = errors.New("the stream is silent")

func (r *httpRemote) Stream(ctx context.Context, opened func(), on func(streamEvent) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(streamSilence, func() { cancel(errSilent) })
	defer watchdog.Stop()
	const path = "/device/v1/events"
	return r.proven(ctx, path, func(h http.Header) error {
		h.Set("Accept", "text/event-stream")
		resp, err := r.do(ctx, http.MethodGet, path, "", h)
		if err != nil {
			return err
		}
		defer func() { _ = resp.Body.Close() }()
		opened()
		events := sse.NewReader(&alive{resp.Body, watchdog}, maxEvent)
		for {
			e, err := events.Next()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			out, err := parseEvent(e)
			if err != nil {
				return err
			}
			if err := on(out); err != nil {
				return err
			}
		}
	})
}

// alive feeds the watchdog with whatever arrives, comments too.
type alive struct {
	in       io.Reader
	watchdog *time.Timer
}

func (a *alive) Read(p []byte) (int, error) {
	n, err := a.in.Read(p)
	if n > 0 {
		a.watchdog.Reset(streamSilence)
	}
	return n, err
}

func parseEvent(e sse.Event) (streamEvent, error) {
	var data struct {
		Status    string
		Challenge string
		ID        protocol.ChallengeID
		Seq       uint64
		Reason    string
	}
	if err := json.Unmarshal(e.Data, &data); err != nil {
		return streamEvent{}, fmt.Errorf("read event: %w", err)
	}
	return streamEvent{Type: e.Type, Status: data.Status, Challenge: data.Challenge, ID: data.ID, Sequence: data.Seq, Reason: data.Reason}, nil
}

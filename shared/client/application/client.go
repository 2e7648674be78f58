package application

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/nod-auth/nod/shared/client/internal/rest"
	"github.com/nod-auth/nod/shared/protocol"
)

// UnexpectedAnswer is the error of an answer that is not Nod's: a proxy's error page, a redirect, a body over the cap.
type UnexpectedAnswer = rest.UnexpectedError

const (
	maxAnswer = 1 << 20          // far over the largest answer, 1000 audit events apart
	maxAudit  = 16 << 20         // 1000 audit events
	longPoll  = 30 * time.Second // of one request of a wait
	slack     = 15 * time.Second // over longPoll, before a request counts as lost
)

// Params configures a [Client]. The first four are required; `nodd application create` prints them.
type Params struct {
	URL         string                 // the server, such as https://nod.example.com; http is for this machine only
	Key         string                 // the API key, nod_sk_...
	Tenant      protocol.TenantID      // the tenant whose keys sign results
	Application protocol.ApplicationID // this application: a result for another one is refused

	Issuer string           // the server's public base URL when URL is an internal one; "" for URL
	HTTP   *http.Client     // nil for one of its own; redirects are never followed
	Replay Replay           // what was used already; nil for a memory of this process
	Now    func() time.Time // nil for time.Now
}

// Client calls the application API of one server. It is safe for concurrent use; make one and keep it.
type Client struct {
	rest   *rest.Client
	header http.Header
	want   protocol.Expectation // issuer, tenant, audience
	keys   *keySet
	replay Replay
	now    func() time.Time
	pause  func(context.Context, time.Duration) error
}

// New checks the parameters and returns a client. It calls nothing.
func New(p Params) (*Client, error) {
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.Replay == nil {
		p.Replay = NewMemory(DefaultMemory, p.Now)
	}
	if p.Key == "" {
		return nil, errors.New("new client: the API key is missing")
	}
	r, err := rest.New(rest.Params{BaseURL: p.URL, HTTP: p.HTTP, Now: p.Now})
	if err != nil {
		return nil, fmt.Errorf("new client: %w", err)
	}
	if p.Issuer == "" {
		p.Issuer = r.Base()
	}
	if p.Issuer, err = protocol.ParseServer(p.Issuer); err != nil {
		return nil, fmt.Errorf("new client: issuer: %w", err)
	}
	if _, err := protocol.ParseID[protocol.TenantID](string(p.Tenant)); err != nil {
		return nil, fmt.Errorf("new client: tenant: %w", err)
	}
	if _, err := protocol.ParseID[protocol.ApplicationID](string(p.Application)); err != nil {
		return nil, fmt.Errorf("new client: application: %w", err)
	}
	return &Client{
		rest:   r,
		header: http.Header{"Authorization": {"Bearer " + p.Key}},
		want:   protocol.Expectation{Issuer: p.Issuer, Tenant: p.Tenant, Audience: p.Application},
		keys:   newKeySet(r, p.Issuer, p.Tenant, p.Now),
		replay: p.Replay,
		now:    p.Now,
		pause:  pause,
	}, nil
}

// CreateEnrollment invites a user who is signed in to enroll a device.
func (c *Client) CreateEnrollment(ctx context.Context, r EnrollmentRequest) (Enrollment, error) {
	return create[Enrollment](ctx, c, "/v1/enrollments", r.IdempotencyKey, r)
}

// WaitEnrollment returns the enrollment as soon as its status is not known any more, or when ctx ends with its error.
// Pass the status that you have shown last, "" for none; final ones return at once.
func (c *Client) WaitEnrollment(ctx context.Context, id protocol.EnrollmentID, known EnrollmentStatus) (Enrollment, error) {
	path := "/v1/enrollments/" + url.PathEscape(string(id))
	query := url.Values{}
	if known != "" {
		query.Set("status", string(known))
	}
	return wait(ctx, c, path, query, func(e Enrollment) bool { return e.Status != known || e.Status.Final() })
}

// Confirm passes on the six digits that the user read from the new device and typed in the session that invited it. There
// is one try: a wrong code is the problem confirm_code_wrong and ends the enrollment. It is never sent twice by itself.
func (c *Client) Confirm(ctx context.Context, id protocol.EnrollmentID, code string) (Enrollment, error) {
	r, err := c.request(http.MethodPost, "/v1/enrollments/"+url.PathEscape(string(id))+"/confirm", struct {
		Code string `json:"code"`
	}{code})
	if err != nil {
		return Enrollment{}, err
	}
	return send[Enrollment](ctx, c, r)
}

// CreateChallenge asks a user to approve. Show Match.Number, then [Client.Wait].
func (c *Client) CreateChallenge(ctx context.Context, r ChallengeRequest) (CreatedChallenge, error) {
	return create[CreatedChallenge](ctx, c, "/v1/challenges", r.IdempotencyKey, r)
}

// Challenge reads a challenge as it is now.
func (c *Client) Challenge(ctx context.Context, id protocol.ChallengeID) (Challenge, error) {
	return retry(ctx, c, patience, func() (Challenge, error) {
		return send[Challenge](ctx, c, c.get("/v1/challenges/"+url.PathEscape(string(id)), nil))
	})
}

// Wait returns the challenge when its status is final, or when ctx ends with its error. It survives a restart of the
// server. Its status is not proof: pass its Result to [Client.Verify].
func (c *Client) Wait(ctx context.Context, id protocol.ChallengeID) (Challenge, error) {
	return wait(ctx, c, "/v1/challenges/"+url.PathEscape(string(id)), url.Values{}, func(ch Challenge) bool { return ch.Status.Final() })
}

// Cancel ends a pending challenge, for example when the user leaves the page.
func (c *Client) Cancel(ctx context.Context, id protocol.ChallengeID) (Challenge, error) {
	r, err := c.request(http.MethodPost, "/v1/challenges/"+url.PathEscape(string(id))+"/cancel", nil)
	if err != nil {
		return Challenge{}, err
	}
	return retry(ctx, c, patience, func() (Challenge, error) { return send[Challenge](ctx, c, r) })
}

// Devices lists a user's devices, oldest first.
func (c *Client) Devices(ctx context.Context, userRef string) ([]Device, error) {
	list, err := retry(ctx, c, patience, func() (deviceList, error) {
		return send[deviceList](ctx, c, c.get("/v1/users/"+url.PathEscape(userRef)+"/devices", nil))
	})
	return list.Devices, err
}

// RemoveDevice revokes a device at once.
func (c *Client) RemoveDevice(ctx context.Context, userRef string, id protocol.DeviceID) error {
	r := c.get("/v1/users/"+url.PathEscape(userRef)+"/devices/"+url.PathEscape(string(id)), nil)
	r.Method, r.Accept = http.MethodDelete, ""
	_, err := retry(ctx, c, patience, func() (*rest.Response, error) { return c.rest.Do(ctx, r, nil) })
	return err
}

// AuditEvents returns up to limit sealed events with a sequence number over after, in order. An empty slice means that
// there are no newer ones yet. limit is 1 to 1000.
func (c *Client) AuditEvents(ctx context.Context, after int64, limit int) ([]AuditEvent, error) {
	r := c.get("/v1/audit-events", url.Values{"after": {strconv.FormatInt(after, 10)}, "limit": {strconv.Itoa(limit)}})
	r.Max = maxAudit
	list, err := retry(ctx, c, patience, func() (auditList, error) { return send[auditList](ctx, c, r) })
	return list.Events, err
}

func (c *Client) get(path string, query url.Values) rest.Request {
	return rest.Request{Method: http.MethodGet, Path: path, Query: query, Header: c.header, Accept: "application/json", Max: maxAnswer}
}

func (c *Client) request(method, path string, body any) (rest.Request, error) {
	r := c.get(path, nil)
	r.Method = method
	if body == nil {
		return r, nil
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		return r, fmt.Errorf("encode request: %w", err)
	}
	r.Body, r.ContentType = encoded, "application/json"
	return r, nil
}

// create sends a create under an idempotency key, so that sending it again cannot create twice.
func create[T any](ctx context.Context, c *Client, path, key string, body any) (T, error) {
	var zero T
	r, err := c.request(http.MethodPost, path, body)
	if err != nil {
		return zero, err
	}
	if key == "" {
		key = protocol.RandomText(16)
	}
	r.Header = c.header.Clone()
	r.Header.Set("Idempotency-Key", key)
	return retry(ctx, c, patience, func() (T, error) { return send[T](ctx, c, r) })
}

func send[T any](ctx context.Context, c *Client, r rest.Request) (T, error) {
	var v T
	resp, err := c.rest.Do(ctx, r, nil)
	if err != nil {
		return v, err
	}
	return v, rest.Decode(resp, &v)
}

// wait asks with a long poll until done or until ctx ends. A server that ignores the wait is not hammered.
func wait[T any](ctx context.Context, c *Client, path string, query url.Values, done func(T) bool) (T, error) {
	query.Set("wait", strconv.Itoa(int(longPoll.Seconds())))
	r := c.get(path, query)
	r.Timeout = longPoll + slack
	for {
		asked := c.now()
		v, err := retry(ctx, c, waitPatience, func() (T, error) { return send[T](ctx, c, r) })
		if err != nil || done(v) {
			return v, err
		}
		if c.now().Sub(asked) < firstPause {
			if err := c.pause(ctx, firstPause); err != nil {
				return v, err
			}
		}
	}
}

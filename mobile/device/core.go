package device

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/nod-auth/nod/mobile/keystore"
	"github.com/nod-auth/nod/shared/protocol"
)

// Params says which profile to open and what the core may use.
type Params struct {
	// Dir is the profile's directory, made with mode 0700 if missing. "" keeps
	// everything in memory: for simulations.
	Dir string
	// UseBackup goes on from the previous copy if the state file is damaged; the
	// damaged file is kept beside it. Ask the person first.
	UseBackup bool
	// Stores are the open key stores. The first makes new keys, all are asked for
	// old ones. Closing them is the caller's, after Core.Close.
	Stores []keystore.Store
	// Model, Platform (required) and AppVersion describe this device to servers.
	Model, Platform, AppVersion string
	// Scheme is the invitation's; "" means "nod".
	Scheme string
	// Hosts are the only ones accepted by a branded build; empty accepts any.
	Hosts []string
	// Transport carries the requests; nil makes one with the system's trust.
	Transport http.RoundTripper
	// Logger gets what a maintainer needs and nothing secret; nil drops it.
	Logger *slog.Logger
	// Now is the local clock; nil means time.Now.
	Now func() time.Time
}

// Core is one open profile. Make one with [Open].
type Core struct {
	params Params
	log    *slog.Logger
	now    func() time.Time
	file   *file // nil: memory only
	feed   feed

	// write admits one change of the state at a time and covers its save.
	write sync.Mutex

	mu       sync.Mutex // guards all below, and the sessions' own state
	state    *state
	stores   []keystore.Store
	sessions map[AccountID]*session
	running  context.Context //nolint:containedctx // Run's, while it runs: accounts that are added then join it
	loops    sync.WaitGroup
	closed   bool
}

// Open opens the profile. Errors: [ErrInUse], and a [StateError] about a file
// that is damaged, newer or unreadable; none of them changes the file.
func Open(ctx context.Context, params Params) (*Core, error) {
	if params.Platform == "" {
		return nil, errors.New("open profile: Platform is required")
	}
	if params.Scheme == "" {
		params.Scheme = protocol.Scheme
	}
	if params.Now == nil {
		params.Now = time.Now
	}
	if params.Logger == nil {
		params.Logger = slog.New(slog.DiscardHandler)
	}
	if params.Transport == nil {
		params.Transport = newTransport()
	}
	c := &Core{params: params, log: params.Logger, now: params.Now, state: &state{}, stores: slices.Clone(params.Stores), sessions: map[AccountID]*session{}}
	if params.Dir != "" {
		if err := c.load(); err != nil {
			return nil, err
		}
	}
	for _, a := range c.state.Accounts {
		s, err := c.newSession(a)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("open profile: %w", err), c.Close())
		}
		c.sessions[a.ID] = s
	}
	c.emptyTrash(ctx)
	return c, nil
}

func (c *Core) load() error {
	f, err := openFile(c.params.Dir)
	if err != nil {
		return fmt.Errorf("open profile: %w", err)
	}
	s, err := f.load(c.params.UseBackup, c.now())
	if err != nil {
		return errors.Join(fmt.Errorf("open profile: %w", err), f.close())
	}
	c.file, c.state = f, s
	return nil
}

// newTransport has limits of its own; requests get their time-outs by context.
func newTransport() http.RoundTripper {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		ForceAttemptHTTP2:     true,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: 20 * time.Second,
		IdleConnTimeout:       60 * time.Second,
		MaxIdleConnsPerHost:   4,
	}
}

// Close releases the profile. Stop Run first. The key stores stay open.
func (c *Core) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	for _, s := range c.sessions {
		s.dropAll()
	}
	c.mu.Unlock()
	c.feed.close()
	if t, ok := c.params.Transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
	c.write.Lock() // a save that is under way ends first
	defer c.write.Unlock()
	if c.file == nil {
		return nil
	}
	return c.file.close()
}

// Subscribe returns a feed of changes and a function that ends it. The feed
// never blocks the core: a slow reader gets [EventResync]. The channel is closed
// by cancel and by Close.
func (c *Core) Subscribe() (events <-chan Event, cancel func()) { return c.feed.subscribe() }

// AddStore adds a key store that was opened later, such as one that needed a
// passphrase. If first, new keys are made in it.
func (c *Core) AddStore(store keystore.Store, first bool) {
	c.mu.Lock()
	if first {
		c.stores = append([]keystore.Store{store}, c.stores...)
	} else {
		c.stores = append(slices.Clone(c.stores), store)
	}
	for _, s := range c.sessions {
		s.deviceKey = nil // it may be of a store that was closed since
	}
	c.mu.Unlock()
	c.Wake("", "store")
}

// Accounts lists the accounts in the order in which they were added.
func (c *Core) Accounts() []Account {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]Account, 0, len(c.state.Accounts))
	for _, a := range c.state.Accounts {
		out = append(out, a.snapshot())
	}
	return out
}

// Account returns one account.
func (c *Core) Account(id AccountID) (Account, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.state.account(id)
	if a == nil {
		return Account{}, false
	}
	return a.snapshot(), true
}

func (a *accountState) snapshot() Account {
	return Account{
		ID: a.ID, Status: a.Status, Server: a.Server, Host: hostOf(a.Server), Tenant: a.Tenant, Device: a.Device,
		Company: a.Company, User: a.User.Name, UserRef: a.User.Ref, DeviceName: a.DeviceName, ConfirmCode: a.ConfirmCode,
		Levels:       protocol.KeyLevels{Device: a.DeviceKey.Level, Approval: a.ApprovalKey.Level},
		Verification: a.ApprovalKey.Verification, Requirements: a.Requirements, WakeHandle: a.WakeHandle, VAPID: applicationServerKey(a.VAPID),
		CreatedAt: a.CreatedAt, LastUsedAt: a.LastUsedAt,
	}
}

// Activity returns the local history, newest first, at most 200 entries.
func (c *Core) Activity() []Entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.state.Activity)
}

// change applies fn to the state and saves it; only then others see it. If it
// cannot be saved nothing has changed. fn must not keep what it is given.
func (c *Core) change(fn func(*state) error) error {
	c.write.Lock()
	defer c.write.Unlock()
	if c.isClosed() {
		return ErrClosed
	}
	if c.file == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		return fn(c.state)
	}
	next := c.state.clone() // only change, under write, replaces c.state
	if err := fn(next); err != nil {
		return err
	}
	if err := c.file.save(next); err != nil {
		return err
	}
	c.mu.Lock()
	c.state = next
	c.mu.Unlock()
	return nil
}

// changeAccount is change for one account; it gives ErrNoAccount if that is gone.
func (c *Core) changeAccount(id AccountID, fn func(*state, *accountState) error) error {
	return c.change(func(s *state) error {
		a := s.account(id)
		if a == nil {
			return ErrNoAccount
		}
		return fn(s, a)
	})
}

func (c *Core) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// read returns a copy of an account's state and its session.
func (c *Core) read(id AccountID) (*session, accountState, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, s := c.state.account(id), c.sessions[id]
	switch {
	case c.closed:
		return nil, accountState{}, ErrClosed
	case a == nil || s == nil:
		return nil, accountState{}, ErrNoAccount
	}
	return s, *a.clone(), nil
}

func (s *state) clone() *state {
	out := &state{Activity: slices.Clone(s.Activity), Trash: slices.Clone(s.Trash), Accounts: make([]*accountState, len(s.Accounts))}
	for i, a := range s.Accounts {
		out.Accounts[i] = a.clone()
	}
	return out
}

// clone copies what change functions write to; what lies behind Enrollment and
// Rotation is replaced whole, never written to.
func (a *accountState) clone() *accountState {
	out := *a
	out.Decisions = slices.Clone(a.Decisions)
	return &out
}

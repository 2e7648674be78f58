package device

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	client "github.com/nod-auth/nod/shared/client/device"
	"github.com/nod-auth/nod/shared/problem"
)

const (
	backoffFirst = time.Second
	backoffLast  = time.Minute
	// revokedPause is how often a server that says "unknown device" is asked
	// again: it may have been restored from a backup.
	revokedPause = 15 * time.Minute
	// steadyStream is how long a stream must last to count as good.
	steadyStream = 10 * time.Second
	// freshStream is how old a stream must be before a wake-up opens it anew.
	freshStream = 2 * time.Second
)

// Run keeps one stream open for each account, opens it again when it ends, and
// sends again what was not acknowledged. Accounts that are added later join. It
// returns nil when ctx has ended and everything has stopped; [ErrRunning] if it runs already.
func (c *Core) Run(ctx context.Context) error {
	c.mu.Lock()
	switch {
	case c.closed:
		c.mu.Unlock()
		return ErrClosed
	case c.running != nil:
		c.mu.Unlock()
		return ErrRunning
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c.running = ctx
	for _, s := range c.sessions {
		c.launch(s)
	}
	c.mu.Unlock()
	<-ctx.Done()
	c.mu.Lock()
	c.running = nil // nothing joins from here on
	c.mu.Unlock()
	c.loops.Wait()
	return nil
}

// launch starts a session's loops if Run runs; the caller holds Core.mu.
func (c *Core) launch(s *session) {
	if c.running == nil {
		return
	}
	ctx, cancel := context.WithCancel(c.running)
	s.stop = cancel
	c.loops.Go(func() { c.streamLoop(ctx, s) })
	c.loops.Go(func() { c.resendLoop(ctx, s) })
}

// Wake says that something happened: a push with an account's handle, or with
// "" a changed network or the end of a sleep. Streams are opened anew at once.
// It returns the account; where Run does not run, call Sync with it.
func (c *Core) Wake(handle, channel string) (AccountID, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var found AccountID
	for _, a := range c.state.Accounts {
		s := c.sessions[a.ID]
		if s == nil || handle != "" && a.WakeHandle != handle {
			continue
		}
		if handle != "" {
			found = a.ID
			s.diag.lastWakeUp, s.diag.wakeUpChannel = c.now(), channel
		}
		if s.diag.streamSince.IsZero() || c.now().Sub(s.diag.streamSince) > freshStream {
			poke(s.wake)
		}
	}
	return found, found != ""
}

func (c *Core) streamLoop(ctx context.Context, s *session) {
	failures := 0
	for ctx.Err() == nil {
		started := c.now()
		err := c.connect(ctx, s)
		c.noteStream(s, false)
		if ctx.Err() != nil {
			return
		}
		if err != nil { // a stream that ended in order says nothing
			c.noteFailure(s, err)
		}
		if c.now().Sub(started) >= steadyStream {
			failures = 0
		}
		pause(ctx, delay(failures, err), s.wake)
		failures++
	}
}

// connect finishes an enrollment, then holds a stream until it ends or a wake-up asks for a new one.
func (c *Core) connect(ctx context.Context, s *session) error {
	if err := c.register(ctx, s.id); err != nil {
		return err
	}
	if err := c.resumeRotation(ctx, s); err != nil && !errors.Is(err, ErrRefused) {
		return err
	}
	select { // what was asked for before is being done now
	case <-s.wake:
	default:
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stopped := make(chan struct{})
	defer func() { cancel(); <-stopped }()
	go func() {
		defer close(stopped)
		select {
		case <-s.wake:
			cancel()
			poke(s.wake) // the loop must not pause
		case <-ctx.Done():
		}
	}()
	err := s.remote.stream(ctx, func() { c.noteStream(s, true) }, func(e client.Event) error { return c.handle(ctx, s, e) })
	if err == nil {
		return nil
	}
	err = classify(err)
	return errors.Join(err, c.noteRevoked(s, err))
}

// handle takes one event of the stream.
func (c *Core) handle(ctx context.Context, s *session, e client.Event) error {
	switch e.Type { //nolint:exhaustive // bye: the stream ends by itself
	case client.EventDevice:
		if err := c.applyStatus(s, e.Status); err != nil {
			return err
		}
		poke(s.todo) // the server is there: send what waits
	case client.EventChallenge:
		c.admitOrLog(ctx, s, e.Challenge)
	case client.EventClosed:
		c.endHeld(s, e.ID, known(e.Outcome))
	case client.EventKeys:
		if err := c.applySequence(ctx, s, e.KeysSequence); err != nil {
			c.log.WarnContext(ctx, "keys not renewed", "account", s.id, "error", err)
		}
	}
	return nil
}

// resendLoop sends again what has no outcome yet, when the server is back or some time has passed.
func (c *Core) resendLoop(ctx context.Context, s *session) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.todo:
		}
		for failures := 0; ctx.Err() == nil; failures++ {
			left, err := c.catchUp(ctx, s)
			if !left {
				break
			}
			pause(ctx, delay(failures, err), s.todo)
		}
	}
}

// catchUp brings up to date what a broken connection left open; left tells whether something still is.
func (c *Core) catchUp(ctx context.Context, s *session) (left bool, err error) {
	if err := c.resumeRotation(ctx, s); err != nil {
		c.log.WarnContext(ctx, "key replacement still open", "account", s.id, "error", err)
	}
	left, err = c.resend(ctx, s)
	if len(c.unseen(s)) > 0 { // they may have ended while no stream was open
		if err := c.readInbox(ctx, s); err != nil {
			c.log.WarnContext(ctx, "inbox not read", "account", s.id, "error", err)
		}
	}
	return left, err
}

// delay is the pause before the next try: doubling, with jitter so that a server
// that comes back is not met by all devices at once, never less than the server asked for.
func delay(failures int, err error) time.Duration {
	d := backoffLast
	if failures < 6 {
		d = min(backoffLast, backoffFirst<<failures)
	}
	if errors.Is(err, ErrRevoked) {
		d = revokedPause
	}
	d = d/2 + rand.N(d/2) //nolint:forbidigo,gosec // spreads load; nothing depends on it being secret
	var p *problem.Problem
	if errors.As(err, &p) {
		d = max(d, p.RetryAfter)
	}
	var u *client.UnexpectedAnswer
	if errors.As(err, &u) {
		d = max(d, u.RetryAfter)
	}
	return d
}

// pause waits for d, a wake-up or the end.
func pause(ctx context.Context, d time.Duration, wake <-chan struct{}) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-wake:
	case <-ctx.Done():
	}
}

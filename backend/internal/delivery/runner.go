package delivery

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

// Defaults of the runner.
const (
	defaultSlots   = 128
	defaultLease   = 30 * time.Second
	defaultTimeout = 10 * time.Second
	defaultPoll    = 2 * time.Second
	recordTimeout  = 5 * time.Second
)

// RunnerParams configures a runner. Store, Senders and Logger are required.
type RunnerParams struct {
	Store   Store
	Senders *Senders
	Logger  *slog.Logger
	// Observe is told of every attempt, for metrics. It must not block.
	Observe func(Job, Attempt)
	// Slots is how many attempts of one channel run at the same time.
	Slots int
	// Lease is how long a claimed job belongs to this node; an attempt takes at most half of it.
	Lease time.Duration
	// Timeout is how long one attempt may take.
	Timeout time.Duration
	// Poll is how often the outbox is looked at without a poke: for jobs of a node that died.
	Poll time.Duration
	Now  func() time.Time
	// Random returns a number in [0, 1).
	Random func() float64
}

// Runner takes jobs from the outbox and sends them. Any number of runners may share one outbox.
type Runner struct {
	p        RunnerParams
	lanes    []*lane
	breakers breakers
	inFlight sync.WaitGroup
}

// lane is one channel with its own slots, so that a channel in trouble takes none of another's.
type lane struct {
	channel Channel
	poke    chan struct{} // capacity 1: a poke while one waits changes nothing
	slots   chan struct{}
}

// NewRunner fills in the defaults and returns a runner.
func NewRunner(p RunnerParams) (*Runner, error) {
	if p.Store == nil || p.Senders == nil || p.Logger == nil {
		return nil, errors.New("delivery runner needs a store, senders and a logger")
	}
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.Random == nil {
		p.Random = rand.Float64 //nolint:forbidigo // jitter only
	}
	if p.Observe == nil {
		p.Observe = func(Job, Attempt) {}
	}
	p.Slots = orDefault(p.Slots, defaultSlots)
	p.Lease = orDefault(p.Lease, defaultLease)
	p.Timeout = min(orDefault(p.Timeout, defaultTimeout), p.Lease/2)
	p.Poll = orDefault(p.Poll, defaultPoll)
	r := &Runner{p: p}
	for _, channel := range Channels() {
		r.lanes = append(r.lanes, &lane{channel: channel, poke: make(chan struct{}, 1), slots: make(chan struct{}, p.Slots)})
	}
	return r, nil
}

func orDefault[T int | time.Duration](value, fallback T) T {
	if value <= 0 {
		return fallback
	}
	return value
}

// Poke says that jobs were committed. It never blocks; call it after every commit that wrote some.
func (r *Runner) Poke() {
	for _, l := range r.lanes {
		l.wake()
	}
}

func (l *lane) wake() {
	select {
	case l.poke <- struct{}{}:
	default:
	}
}

// Run sends until ctx ends. Attempts that are under way then are finished and recorded before it returns, which takes
// at most the time of one attempt. Call it once.
func (r *Runner) Run(ctx context.Context) {
	var loops sync.WaitGroup
	for _, l := range r.lanes {
		loops.Go(func() { r.loop(ctx, l) })
	}
	loops.Wait()
	r.inFlight.Wait()
}

func (r *Runner) loop(ctx context.Context, l *lane) {
	timer := time.NewTimer(r.p.Poll)
	defer timer.Stop()
	for ctx.Err() == nil {
		more, err := r.claim(ctx, l)
		if err != nil && ctx.Err() == nil {
			r.p.Logger.ErrorContext(ctx, "outbox can't be read", "channel", string(l.channel), "error", err)
		}
		if more {
			continue
		}
		timer.Reset(r.p.Poll)
		select {
		case <-l.poke:
		case <-timer.C:
		case <-ctx.Done():
		}
	}
}

// claim takes as many jobs as the lane has free slots and starts them. It returns true when there may be more to
// take. When every slot is taken it waits for one, so that a lease never runs while its job waits.
func (r *Runner) claim(ctx context.Context, l *lane) (more bool, err error) {
	select {
	case l.slots <- struct{}{}: // one slot for sure
	case <-ctx.Done():
		return false, nil
	}
	limit := 1
	for limit < cap(l.slots) && trySend(l.slots) {
		limit++
	}
	jobs, err := r.p.Store.Claim(ctx, Claim{Channel: l.channel, Limit: limit, Now: r.p.Now(), Lease: r.p.Lease})
	if err != nil {
		jobs = nil
	}
	for range limit - len(jobs) {
		<-l.slots
	}
	for _, job := range jobs {
		r.inFlight.Go(func() {
			defer func() { <-l.slots }()
			r.handle(context.WithoutCancel(ctx), l, job)
		})
	}
	return len(jobs) == limit, err
}

func trySend(slots chan struct{}) bool {
	select {
	case slots <- struct{}{}:
		return true
	default:
		return false
	}
}

// handle makes one attempt of one job, or finds out why there is none, and records it.
func (r *Runner) handle(ctx context.Context, l *lane, job Job) {
	now := r.p.Now()
	if !now.Before(job.Wakeup.ExpiresAt) {
		r.record(ctx, l, Report{Lease: job.Lease, Outcome: OutcomeExpired})
		return
	}
	breaker := r.breakers.of(job.Address)
	if wait, ok := breaker.Allow(now); !ok {
		next, inTime := NextAttempt(now, 1, wait, job.Wakeup.ExpiresAt, r.p.Random())
		r.record(ctx, l, retryOrExpire(Report{Lease: job.Lease}, next, inTime))
		return
	}
	result := r.send(ctx, job)
	ended := r.p.Now()
	breaker.Done(ended, result)
	attempt := Attempt{
		Channel: job.Address.Channel, StartedAt: now, Latency: max(0, ended.Sub(now)),
		Outcome: result.Outcome, Code: result.Code, MessageID: result.MessageID,
	}
	r.p.Observe(job, attempt)
	r.record(ctx, l, r.report(job, attempt, result, ended))
}

func (r *Runner) report(job Job, attempt Attempt, result Result, now time.Time) Report {
	report := Report{Lease: job.Lease, Attempt: &attempt, Outcome: result.Outcome}
	switch result.Outcome {
	case OutcomeRetry:
		next, inTime := NextAttempt(now, job.Lease.Number, result.RetryAfter, job.Wakeup.ExpiresAt, r.p.Random())
		return retryOrExpire(report, next, inTime)
	case OutcomeAddressDead:
		report.Drop = &Drop{Device: job.Device, Address: job.Address, RegisteredBefore: attempt.StartedAt}
		if since := result.DeadSince; !since.IsZero() && since.Before(attempt.StartedAt) {
			report.Drop.RegisteredBefore = since
		}
	case OutcomeSent, OutcomeConfigError, OutcomeExpired:
	}
	return report
}

func retryOrExpire(report Report, next time.Time, inTime bool) Report {
	if inTime {
		report.Next, report.Outcome = next, OutcomeRetry
	} else {
		report.Outcome = OutcomeExpired
	}
	return report
}

// send makes the attempt within its time, whatever the sender does.
func (r *Runner) send(ctx context.Context, job Job) (result Result) {
	if job.Wakeup.Check() != nil {
		return Result{Outcome: OutcomeConfigError, Code: CodeBadWakeup}
	}
	if job.Address.Check() != nil {
		return Result{Outcome: OutcomeConfigError, Code: CodeBadAddress}
	}
	sender, ok := r.p.Senders.Find(job.Address)
	if !ok {
		return Result{Outcome: OutcomeConfigError, Code: CodeNoCredentials}
	}
	ctx, cancel := context.WithTimeout(ctx, min(r.p.Timeout, job.Wakeup.ExpiresAt.Sub(r.p.Now())))
	defer cancel()
	defer func() {
		if cause := recover(); cause != nil {
			r.p.Logger.ErrorContext(ctx, "push sender failed inside", "channel", string(job.Address.Channel))
			result = Result{Outcome: OutcomeConfigError, Code: CodePanic}
		}
	}()
	return sender.Send(ctx, job.Address, job.Wakeup)
}

// record writes the report, and tries again for a while: an attempt that is not recorded is made twice.
func (r *Runner) record(ctx context.Context, l *lane, report Report) {
	deadline := time.Now().Add(r.p.Lease / 2)
	for wait := 50 * time.Millisecond; ; wait *= 2 {
		err := r.recordOnce(ctx, report)
		if err == nil {
			break
		}
		if errors.Is(err, ErrLeaseLost) || time.Now().Add(wait).After(deadline) {
			r.p.Logger.ErrorContext(ctx, "delivery can't be recorded", "job", report.Lease.JobID, "error", err)
			return
		}
		<-time.After(wait)
	}
	if !report.Next.IsZero() {
		time.AfterFunc(report.Next.Sub(r.p.Now()), l.wake)
	}
}

func (r *Runner) recordOnce(ctx context.Context, report Report) error {
	ctx, cancel := context.WithTimeout(ctx, recordTimeout)
	defer cancel()
	return r.p.Store.Record(ctx, report)
}

// Ring sends a test doorbell at once, outside the outbox, for `nodd push test`. It returns what the service answered;
// [Explain] puts it into words.
func Ring(ctx context.Context, senders *Senders, to Address, w Wakeup) Result {
	w.Test, w.ChallengeID = true, ""
	switch {
	case w.Check() != nil:
		return Result{Outcome: OutcomeConfigError, Code: CodeBadWakeup}
	case to.Check() != nil:
		return Result{Outcome: OutcomeConfigError, Code: CodeBadAddress}
	}
	sender, ok := senders.Find(to)
	if !ok {
		return Result{Outcome: OutcomeConfigError, Code: CodeNoCredentials}
	}
	ctx, cancel := context.WithTimeout(ctx, defaultTimeout)
	defer cancel()
	return sender.Send(ctx, to, w)
}

package delivery_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/nod-auth/nod/backend/internal/delivery"
	"github.com/nod-auth/nod/shared/protocol"
)

// memory is an outbox in memory: the reference for what a store must do. It knows no clock of its own.
type memory struct {
	mu       sync.Mutex
	jobs     []*row
	reports  []delivery.Report
	dropped  []delivery.Drop
	settled  map[protocol.ChallengeID]bool
	claims   int
	failing  int  // this many calls of Record fail
	deadNode bool // Record is lost, as if the node was killed
}

type row struct {
	job      delivery.Job
	due      time.Time
	leased   time.Time
	finished bool
	outcome  delivery.Outcome
	attempts []delivery.Attempt
}

func (m *memory) add(jobs ...delivery.Job) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, job := range jobs {
		m.jobs = append(m.jobs, &row{job: job, due: job.CreatedAt})
	}
}

func (m *memory) settle(id protocol.ChallengeID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.settled == nil {
		m.settled = map[protocol.ChallengeID]bool{}
	}
	m.settled[id] = true
}

func (m *memory) Claim(_ context.Context, q delivery.Claim) ([]delivery.Job, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.claims++
	var out []delivery.Job
	for _, r := range m.jobs {
		switch {
		case len(out) == q.Limit, r.finished, r.job.Address.Channel != q.Channel, r.due.After(q.Now), r.leased.After(q.Now):
			continue
		case m.settled[r.job.Wakeup.ChallengeID], !q.Now.Before(r.job.Wakeup.ExpiresAt):
			r.finished, r.outcome = true, delivery.OutcomeExpired
			continue
		}
		r.job.Lease.Number++
		r.leased = q.Now.Add(q.Lease)
		out = append(out, r.job)
	}
	return out, nil
}

func (m *memory) Record(_ context.Context, report delivery.Report) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.deadNode {
		return delivery.ErrLeaseLost
	}
	if m.failing > 0 {
		m.failing--
		return errors.New("disk is busy")
	}
	i := slices.IndexFunc(m.jobs, func(r *row) bool { return r.job.Lease == report.Lease && !r.finished })
	if i < 0 {
		return delivery.ErrLeaseLost
	}
	r := m.jobs[i]
	m.reports = append(m.reports, report)
	if report.Attempt != nil {
		r.attempts = append(r.attempts, *report.Attempt)
	}
	if report.Drop != nil {
		m.dropped = append(m.dropped, *report.Drop)
	}
	r.due, r.leased = report.Next, time.Time{}
	r.finished, r.outcome = report.Next.IsZero(), report.Outcome
	return nil
}

// rows returns a copy of every job.
func (m *memory) rows() []row {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]row, len(m.jobs))
	for i, r := range m.jobs {
		out[i] = *r
		out[i].attempts = slices.Clone(r.attempts)
	}
	return out
}

package delivery

import (
	"context"
	"errors"
	"time"

	"github.com/nod-auth/nod/shared/protocol"
)

// ErrLeaseLost says that a job was claimed again, or ended, since its lease was given. What is reported is then not
// recorded.
var ErrLeaseLost = errors.New("lease is lost")

// Store is the outbox as the runner sees it. Both methods are safe for concurrent use, on any number of nodes.
type Store interface {
	// Claim leases up to q.Limit jobs of one channel, oldest first, and returns them. A job is free when it is
	// unfinished, due, not leased, its challenge is pending and unexpired, and its device is active and has an address
	// on the channel. The same job is never given out again before its lease ends. A job whose challenge is over, or
	// whose device or address is gone, may be finished here without being returned.
	Claim(ctx context.Context, q Claim) ([]Job, error)

	// Record writes what became of a job under its lease, in one transaction: the attempt if there was one, the next
	// due time or the end, and the drop of a dead address. It returns [ErrLeaseLost] and writes nothing when the lease
	// is not the job's latest.
	Record(ctx context.Context, r Report) error
}

// Claim asks for jobs.
type Claim struct {
	Channel Channel
	Limit   int           // at least 1
	Now     time.Time     // the node's clock; a store with a clock of its own uses that
	Lease   time.Duration // how long the jobs are this node's
}

// Lease names a job and one claim of it.
type Lease struct {
	JobID string
	// Number counts the claims of the job, from 1. It fences off a node that was too slow.
	Number int
}

// Job is one wake-up of one device.
type Job struct {
	Lease     Lease
	Device    protocol.DeviceID
	Address   Address
	Wakeup    Wakeup
	CreatedAt time.Time
}

// Attempt is one try as the operator sees it in `nodd deliveries`.
type Attempt struct {
	Channel   Channel
	StartedAt time.Time
	Latency   time.Duration
	Outcome   Outcome
	Code      string
	MessageID string
}

// Drop asks to forget a device's address.
type Drop struct {
	Device  protocol.DeviceID
	Address Address
	// RegisteredBefore spares an address that the app registered since: drop it only if it is still this one and was
	// registered before this time.
	RegisteredBefore time.Time
}

// Report is what became of a claimed job.
type Report struct {
	Lease   Lease
	Attempt *Attempt  // nil when nothing was tried
	Next    time.Time // when to try again; zero ends the job
	Outcome Outcome   // of the job, when it ends
	Drop    *Drop
}

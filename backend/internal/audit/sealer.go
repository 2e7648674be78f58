package audit

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/nod-auth/nod/backend/internal/txn"
	"github.com/nod-auth/nod/shared/protocol"
)

// Tx is what sealing and checking need of a store.
type Tx interface {
	// Unsealed returns committed events without a place, by ascending id, at most limit, of all tenants.
	Unsealed(limit int) ([]Event, error)
	// Head returns the end of a tenant's chain, the zero Head with the tenant when it is empty.
	Head(protocol.TenantID) (Head, error)
	// Seal stores place and hash of one event that has none.
	Seal(id int64, seq uint64, hash string) error
	// SaveHead stores the end of a tenant's chain.
	SaveHead(Head) error
	// Events returns a tenant's events with id above after, by ascending id, at most limit.
	Events(tenant protocol.TenantID, after int64, limit int) ([]Event, error)
	// Checkpoints returns a tenant's stored checkpoints by ascending seq.
	Checkpoints(protocol.TenantID) ([]Checkpoint, error)
	// SaveCheckpoint stores one.
	SaveCheckpoint(Checkpoint) error
}

// Signer signs a tenant's checkpoint and returns the compact JWS.
type Signer func(ctx context.Context, head Head, at time.Time) (string, error)

// Sealer chains committed events. Only one runs on a database at a time: the caller holds the lease.
type Sealer struct {
	Store           txn.Store[Tx]
	Sign            Signer
	Now             func() time.Time
	Log             *slog.Logger
	CheckpointEvery time.Duration // 0: no checkpoints
	lastCheckpoint  map[protocol.TenantID]time.Time
}

const sealBatch = 500

// Run seals every interval until ctx ends, and once more then, so that a clean shutdown leaves no tail.
func (s *Sealer) Run(ctx context.Context, interval time.Duration) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		if err := s.SealAll(ctx); err != nil && ctx.Err() == nil {
			s.Log.ErrorContext(ctx, "audit events could not be sealed", "error", err)
		}
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			if err := s.SealAll(last); err != nil {
				s.Log.ErrorContext(last, "audit events could not be sealed at shutdown", "error", err)
			}
			return
		case <-tick.C:
		}
	}
}

// SealAll seals batches until no committed event is unsealed, then signs due checkpoints.
func (s *Sealer) SealAll(ctx context.Context) error {
	changed := map[protocol.TenantID]Head{}
	for {
		n, err := s.sealBatch(ctx, changed)
		if err != nil {
			return err
		}
		if n < sealBatch {
			break
		}
	}
	return s.checkpoint(ctx, changed)
}

func (s *Sealer) sealBatch(ctx context.Context, heads map[protocol.TenantID]Head) (int, error) {
	var pending []Event
	if err := s.Store.View(ctx, func(tx Tx) (err error) {
		pending, err = tx.Unsealed(1)
		return err
	}); err != nil || len(pending) == 0 {
		return 0, err
	}
	n := 0
	err := s.Store.Update(ctx, func(tx Tx) error {
		events, err := tx.Unsealed(sealBatch)
		if err != nil {
			return err
		}
		n = len(events)
		local := map[protocol.TenantID]Head{}
		for _, e := range events {
			head, ok := local[e.Tenant]
			if !ok {
				if head, err = tx.Head(e.Tenant); err != nil {
					return err
				}
			}
			head = Head{Tenant: e.Tenant, Seq: head.Seq + 1, Hash: Link(head.Hash, head.Seq+1, e)}
			if err := tx.Seal(e.ID, head.Seq, head.Hash); err != nil {
				return err
			}
			local[e.Tenant] = head
		}
		for t, h := range local {
			if err := tx.SaveHead(h); err != nil {
				return err
			}
			heads[t] = h
		}
		return nil
	})
	return n, err
}

func (s *Sealer) checkpoint(ctx context.Context, changed map[protocol.TenantID]Head) error {
	if s.CheckpointEvery == 0 || s.Sign == nil {
		return nil
	}
	if s.lastCheckpoint == nil {
		s.lastCheckpoint = map[protocol.TenantID]time.Time{}
	}
	now := s.Now()
	for tenant, head := range changed {
		if now.Sub(s.lastCheckpoint[tenant]) < s.CheckpointEvery {
			continue
		}
		jws, err := s.Sign(ctx, head, now)
		if err != nil {
			return fmt.Errorf("sign the checkpoint: %w", err)
		}
		cp := Checkpoint{Tenant: tenant, Seq: head.Seq, Hash: head.Hash, At: now, JWS: jws}
		if err := s.Store.Update(ctx, func(tx Tx) error { return tx.SaveCheckpoint(cp) }); err != nil {
			return fmt.Errorf("store the checkpoint: %w", err)
		}
		s.lastCheckpoint[tenant] = now
	}
	return nil
}

// Report is what Verify found.
type Report struct {
	Tenant   protocol.TenantID
	Sealed   uint64 // rows that are chained and right
	Unsealed int    // committed rows that the sealer has not reached: these could be deleted unseen
	Head     Head
	// BadID is the id of the first row that is wrong, 0 when all are right; BadSeq is its place, Problem says in words.
	BadID   int64
	BadSeq  uint64
	Problem string
}

// Verify walks a tenant's chain from the start. known are heads that were kept elsewhere, such as exported
// checkpoints; a chain that is shorter than one of them, or differs at its place, is reported.
func Verify(ctx context.Context, store txn.Store[Tx], tenant protocol.TenantID, known []Head) (Report, error) {
	r := Report{Tenant: tenant, Head: Head{Tenant: tenant}}
	want := map[uint64]string{}
	for _, h := range known {
		want[h.Seq] = h.Hash
	}
	err := store.View(ctx, func(tx Tx) error {
		checkpoints, err := tx.Checkpoints(tenant)
		if err != nil {
			return err
		}
		for _, c := range checkpoints {
			want[c.Seq] = c.Hash
		}
		head, err := tx.Head(tenant)
		if err != nil {
			return err
		}
		if head.Seq > 0 && want[head.Seq] == "" {
			want[head.Seq] = head.Hash
		}
		for after := int64(0); ; {
			events, err := tx.Events(tenant, after, sealBatch)
			if err != nil || len(events) == 0 {
				return err
			}
			for _, e := range events {
				after = e.ID
				if r.step(e, want); r.Problem != "" {
					return nil
				}
			}
		}
	})
	if err != nil {
		return r, fmt.Errorf("read the audit events: %w", err)
	}
	for seq := range want {
		if r.Problem == "" && seq > r.Head.Seq {
			r.BadSeq, r.Problem = r.Head.Seq+1, fmt.Sprintf("the chain ends at %d, a checkpoint reaches %d: rows are missing at the end", r.Head.Seq, seq)
		}
	}
	return r, nil
}

// step checks one row after the ones before it.
func (r *Report) step(e Event, want map[uint64]string) {
	if e.Seq == 0 {
		r.Unsealed++
		return
	}
	bad := func(problem string) { r.BadID, r.BadSeq, r.Problem = e.ID, e.Seq, problem }
	next := r.Head.Seq + 1
	switch hash := Link(r.Head.Hash, next, e); {
	case r.Unsealed > 0:
		bad("a sealed row follows one that is not sealed")
	case e.Seq > next:
		bad(fmt.Sprintf("place %d follows %d: a row is missing", e.Seq, r.Head.Seq))
	case e.Seq < next:
		bad(fmt.Sprintf("place %d follows %d: rows were reordered", e.Seq, r.Head.Seq))
	case e.Hash != hash:
		bad("the row or its hash was changed")
	case want[e.Seq] != "" && want[e.Seq] != hash:
		bad("the chain differs from a checkpoint")
	default:
		r.Head, r.Sealed = Head{Tenant: e.Tenant, Seq: next, Hash: hash}, r.Sealed+1
	}
}

package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
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

// Sealer chains committed events. Only one runs on a database at a time: the caller holds the lease. Its methods are not for concurrent use.
type Sealer struct {
	Store           txn.Store[Tx]
	Sign            Signer
	Now             func() time.Time
	Log             *slog.Logger
	CheckpointEvery time.Duration // 0: no checkpoints

	open map[protocol.TenantID]Head      // sealed since the last checkpoint
	last map[protocol.TenantID]time.Time // checkpoint
}

const sealBatch = 500

// Run seals every interval until ctx ends, and once more then, with a checkpoint, so that a clean shutdown leaves no tail.
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
			if err := errors.Join(s.SealAll(last), s.checkpoint(last, true)); err != nil {
				s.Log.ErrorContext(last, "audit events could not be sealed at shutdown", "error", err)
			}
			return
		case <-tick.C:
		}
	}
}

// SealAll seals batches until no committed event is unsealed, then signs due checkpoints.
func (s *Sealer) SealAll(ctx context.Context) error {
	if s.open == nil {
		s.open, s.last = map[protocol.TenantID]Head{}, map[protocol.TenantID]time.Time{}
	}
	for {
		n, err := s.sealBatch(ctx, s.open)
		if err != nil {
			return err
		}
		if n < sealBatch {
			break
		}
	}
	return s.checkpoint(ctx, false)
}

func (s *Sealer) sealBatch(ctx context.Context, heads map[protocol.TenantID]Head) (int, error) {
	var pending []Event
	if err := s.Store.View(ctx, func(tx Tx) (err error) {
		pending, err = tx.Unsealed(1)
		return err
	}); err != nil || len(pending) == 0 {
		return 0, err
	}
	n, local := 0, map[protocol.TenantID]Head{}
	err := s.Store.Update(ctx, func(tx Tx) error {
		events, err := tx.Unsealed(sealBatch)
		if err != nil {
			return err
		}
		n = len(events)
		local = map[protocol.TenantID]Head{}
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
				return fmt.Errorf("store the head of tenant %s: %w", t, err)
			}
		}
		return nil
	})
	if err == nil {
		maps.Copy(heads, local)
	}
	return n, err
}

// checkpoint signs the heads that are new, of a tenant at most every CheckpointEvery unless all is asked for. One that fails is
// tried again and holds up no other.
func (s *Sealer) checkpoint(ctx context.Context, all bool) error {
	if s.CheckpointEvery == 0 || s.Sign == nil {
		return nil
	}
	now := s.Now()
	var errs []error
	for tenant, head := range s.open {
		if !all && now.Sub(s.last[tenant]) < s.CheckpointEvery {
			continue
		}
		s.last[tenant] = now
		jws, err := s.Sign(ctx, head, now)
		if err == nil {
			cp := Checkpoint{Tenant: tenant, Seq: head.Seq, Hash: head.Hash, At: now, JWS: jws}
			err = s.Store.Update(ctx, func(tx Tx) error { return tx.SaveCheckpoint(cp) })
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("checkpoint of tenant %s: %w", tenant, err))
			continue
		}
		delete(s.open, tenant)
	}
	return errors.Join(errs...)
}

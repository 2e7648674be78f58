package audit

import (
	"context"
	"fmt"

	"github.com/nod-auth/nod/backend/internal/txn"
	"github.com/nod-auth/nod/shared/protocol"
)

// Check is what a chain is held against.
type Check struct {
	Tenant protocol.TenantID
	// Kept are heads that were kept where the server cannot write, such as exported checkpoints.
	Kept []Head
	// Open checks the signature of a stored checkpoint and returns the head that it states. With nil they are not looked at.
	Open func(jws string) (Head, error)
}

// Report is what Verify found.
type Report struct {
	Tenant      protocol.TenantID
	Sealed      uint64 // rows that are chained and right
	Unsealed    int    // committed rows that the sealer has not reached: these could be deleted unseen
	Head        Head
	Checkpoints int    // stored ones whose signature was checked
	Signed      uint64 // the place of the last one: later rows could be rewritten by whoever can write the database
	// BadID is the id of the first row that is wrong, 0 when all are right or a row is missing; BadSeq is its place, Problem says in words.
	BadID   int64
	BadSeq  uint64
	Problem string
}

// mark is a hash that the chain must have at a place.
type mark struct{ hash, source string }

// marks are the places of a chain that are known from elsewhere.
type marks map[uint64][]mark

func (m marks) add(seq uint64, hash, source string) { m[seq] = append(m[seq], mark{hash, source}) }

// Verify walks a tenant's chain from the start. A chain that is shorter than a kept head, a signed checkpoint or its own stored end,
// or differs there, is reported, and so is a stored checkpoint whose signature is not the tenant's.
func Verify(ctx context.Context, store txn.Store[Tx], c Check) (Report, error) {
	r := Report{Tenant: c.Tenant, Head: Head{Tenant: c.Tenant}}
	want := marks{}
	for _, h := range c.Kept {
		want.add(h.Seq, h.Hash, "a head that was kept")
	}
	err := store.View(ctx, func(tx Tx) error {
		if err := r.readMarks(tx, c, want); err != nil || r.Problem != "" {
			return err
		}
		return r.walk(tx, want)
	})
	if err != nil {
		return r, fmt.Errorf("read the audit events: %w", err)
	}
	for seq, list := range want {
		if r.Problem == "" && seq > r.Head.Seq {
			r.BadSeq, r.Problem = r.Head.Seq+1, fmt.Sprintf("the chain ends at %d, %s reaches %d: rows are missing at the end", r.Head.Seq, list[0].source, seq)
		}
	}
	return r, nil
}

// readMarks adds what the database itself says about the chain.
func (r *Report) readMarks(tx Tx, c Check, want marks) error {
	head, err := tx.Head(r.Tenant)
	if err != nil {
		return err
	}
	if head.Seq > 0 {
		want.add(head.Seq, head.Hash, "the stored end")
	}
	if c.Open == nil {
		return nil
	}
	list, err := tx.Checkpoints(r.Tenant)
	for _, cp := range list {
		stated, err := c.Open(cp.JWS)
		if err != nil || stated != (Head{Tenant: r.Tenant, Seq: cp.Seq, Hash: cp.Hash}) {
			r.BadSeq, r.Problem = cp.Seq, fmt.Sprintf("the stored checkpoint of place %d is not signed by this tenant, or was changed", cp.Seq)
			return nil
		}
		r.Checkpoints, r.Signed = r.Checkpoints+1, cp.Seq
		want.add(cp.Seq, cp.Hash, "a signed checkpoint")
	}
	return err
}

func (r *Report) walk(tx Tx, want marks) error {
	for after := int64(0); ; {
		events, err := tx.Events(r.Tenant, after, sealBatch)
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
}

// step checks one row after the ones before it.
func (r *Report) step(e Event, want marks) {
	if e.Seq == 0 {
		r.Unsealed++
		return
	}
	bad := func(problem string) { r.BadID, r.BadSeq, r.Problem = e.ID, e.Seq, problem }
	next := r.Head.Seq + 1
	hash := Link(r.Head.Hash, next, e)
	switch {
	case r.Unsealed > 0:
		bad("a sealed row follows one that is not sealed")
		return
	case e.Seq > next:
		bad(fmt.Sprintf("place %d follows %d: a row is missing", e.Seq, r.Head.Seq))
		return
	case e.Seq < next:
		bad(fmt.Sprintf("place %d follows %d: rows were reordered", e.Seq, r.Head.Seq))
		return
	case e.Hash != hash:
		bad("the row or its hash was changed")
		return
	}
	for _, m := range want[next] {
		if m.hash != hash {
			bad("the chain differs from " + m.source)
			return
		}
	}
	r.Head, r.Sealed = Head{Tenant: e.Tenant, Seq: next, Hash: hash}, r.Sealed+1
}

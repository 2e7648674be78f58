package audit_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nod-auth/nod/backend/internal/audit"
	"github.com/nod-auth/nod/backend/internal/sqlstore"
	"github.com/nod-auth/nod/backend/internal/testkit"
	"github.com/nod-auth/nod/backend/internal/txn"
	"github.com/nod-auth/nod/shared/protocol"
)

var ctx = context.Background()

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// rows is a store of one tenant's rows in memory, which a test falsifies at will. Its transactions are not isolated.
type rows struct {
	list   []audit.Event
	heads  map[protocol.TenantID]audit.Head
	points []audit.Checkpoint
}

const (
	here  = protocol.TenantID("ten_AAAAAAAAAAAAAAAAAAAAAA")
	there = protocol.TenantID("ten_BBBBBBBBBBBBBBBBBBBBBA")
)

func (r *rows) View(_ context.Context, fn func(audit.Tx) error) error   { return fn(r) }
func (r *rows) Update(_ context.Context, fn func(audit.Tx) error) error { return fn(r) }

func (r *rows) Unsealed(limit int) (out []audit.Event, err error) {
	for _, e := range r.list {
		if e.Seq == 0 && len(out) < limit {
			out = append(out, e)
		}
	}
	return out, nil
}

func (r *rows) Head(t protocol.TenantID) (audit.Head, error) {
	h := r.heads[t]
	h.Tenant = t
	return h, nil
}

func (r *rows) Seal(id int64, seq uint64, hash string) error {
	for i := range r.list {
		if r.list[i].ID == id {
			r.list[i].Seq, r.list[i].Hash = seq, hash
			return nil
		}
	}
	return txn.ErrConflict
}

func (r *rows) SaveHead(h audit.Head) error { r.heads[h.Tenant] = h; return nil }

func (r *rows) Events(t protocol.TenantID, after int64, limit int) (out []audit.Event, err error) {
	for _, e := range r.list {
		if e.Tenant == t && e.ID > after && len(out) < limit {
			out = append(out, e)
		}
	}
	return out, nil
}

func (r *rows) Checkpoints(t protocol.TenantID) (out []audit.Checkpoint, err error) {
	for _, c := range r.points {
		if c.Tenant == t {
			out = append(out, c)
		}
	}
	return out, nil
}

func (r *rows) SaveCheckpoint(c audit.Checkpoint) error { r.points = append(r.points, c); return nil }

// add appends n events, one in three of another tenant.
func (r *rows) add(n int) {
	for range n {
		id := int64(len(r.list) + 1)
		e := audit.Event{ID: id, Tenant: here, At: time.UnixMilli(1_700_000_000_000 + id), Type: audit.ChallengeApproved, Actor: "dev", Subject: fmt.Sprint("chl", id)}
		if id%3 == 0 {
			e.Tenant = there
		}
		r.list = append(r.list, e)
	}
}

// sign stands for a signature that others can't make: the text of the head behind a secret.
func sign(_ context.Context, h audit.Head, _ time.Time) (string, error) {
	return fmt.Sprintf("secret|%s|%d|%s", h.Tenant, h.Seq, h.Hash), nil
}

func open(jws string) (h audit.Head, err error) {
	part := strings.Split(jws, "|")
	if len(part) != 4 || part[0] != "secret" {
		return h, errors.New("not signed")
	}
	h = audit.Head{Tenant: protocol.TenantID(part[1]), Hash: part[3]}
	_, err = fmt.Sscan(part[2], &h.Seq)
	return h, err
}

// chain makes a sealed chain of thirty rows, twenty of them of here, with a checkpoint at place 12 and a tail of two.
func chain(t *testing.T) *rows {
	r := &rows{heads: map[protocol.TenantID]audit.Head{}}
	s := &audit.Sealer{Store: r, Sign: sign, Now: time.Now, CheckpointEvery: time.Hour, Log: slog.New(slog.DiscardHandler)}
	r.add(18)
	must(t, s.SealAll(ctx))
	r.add(12)
	must(t, s.SealAll(ctx))
	r.add(2)
	slices.SortFunc(r.points, func(a, b audit.Checkpoint) int { return strings.Compare(string(a.Tenant), string(b.Tenant)) })
	return r
}

// rewrite chains everything anew from row i on, as somebody with the whole database can.
func (r *rows) rewrite(i int) {
	head := audit.Head{Tenant: here}
	for j := range r.list {
		e := &r.list[j]
		if e.Tenant != here || e.Seq == 0 {
			continue
		}
		if j >= i {
			e.Seq, e.Hash = head.Seq+1, audit.Link(head.Hash, head.Seq+1, *e)
		}
		head = audit.Head{Tenant: here, Seq: e.Seq, Hash: e.Hash}
	}
	r.heads[here] = head
}

func TestT43_EveryFalsificationIsNamedAtItsRow(t *testing.T) {
	remove := func(r *rows, i, n int) { r.list = append(r.list[:i:i], r.list[i+n:]...) }
	for _, c := range []struct {
		name  string
		spoil func(r *rows)
		id    int64
		seq   uint64
		say   string
	}{
		{"an edited row", func(r *rows) { r.list[4].Detail = "x" }, 5, 4, "was changed"},
		{"an edited time", func(r *rows) { r.list[4].At = r.list[4].At.Add(time.Millisecond) }, 5, 4, "was changed"},
		{"text moved between two members", func(r *rows) { r.list[4].Actor, r.list[4].User = "", "dev" }, 5, 4, "was changed"},
		{"an edited hash", func(r *rows) { r.list[4].Hash = r.list[3].Hash }, 5, 4, "was changed"},
		{"the first row removed", func(r *rows) { remove(r, 0, 1) }, 2, 2, "a row is missing"},
		{"a row removed", func(r *rows) { remove(r, 4, 1) }, 7, 5, "a row is missing"},
		{"two rows that changed places", func(r *rows) {
			a, b := &r.list[3], &r.list[4]
			a.Seq, a.Hash, b.Seq, b.Hash = b.Seq, b.Hash, a.Seq, a.Hash
		}, 4, 4, "missing"},
		{"two rows that changed contents", func(r *rows) {
			a, b := &r.list[3], &r.list[4]
			a.Subject, b.Subject = b.Subject, a.Subject
		}, 4, 3, "was changed"},
		{"a row twice", func(r *rows) {
			e := r.list[4]
			e.ID = 33
			r.list = append(r.list[:30], e)
		}, 33, 4, "reordered"},
		{"a row taken back to unsealed", func(r *rows) { r.list[4].Seq, r.list[4].Hash = 0, "" }, 7, 5, "not sealed"},
		{"a row of another tenant", func(r *rows) { r.list[4].Tenant = there }, 7, 5, "a row is missing"},
		{"cut at the end", func(r *rows) { r.list = r.list[:20] }, 0, 15, "missing at the end"},
		{"cut at the end with the stored end", func(r *rows) { r.list = r.list[:9]; r.rewrite(9) }, 0, 7, "a signed checkpoint reaches 12"},
		{"rewritten behind the checkpoint", func(r *rows) { r.list[4].Detail = "x"; r.rewrite(4) }, 17, 12, "differs from a signed checkpoint"},
		{"rewritten with a checkpoint made up", func(r *rows) {
			r.list[4].Detail = "x"
			r.rewrite(4)
			r.points[0].Hash = r.list[16].Hash
		}, 0, 12, "is not signed"},
		{"rewritten with a checkpoint signed by somebody else", func(r *rows) {
			r.list[4].Detail = "x"
			r.rewrite(4)
			r.points[0].Hash, r.points[0].JWS = r.list[16].Hash, "other|"+string(here)+"|12|"+r.list[16].Hash
		}, 0, 12, "is not signed"},
		{"rewritten with the other tenant's checkpoint", func(r *rows) { r.points[0].Tenant, r.points[1].Tenant = r.points[1].Tenant, r.points[0].Tenant }, 0, 0, "is not signed"},
		{"rewritten with every checkpoint removed", func(r *rows) { r.list[4].Detail = "x"; r.rewrite(4); r.points = nil }, 13, 9, "differs from a head that was kept"},
		{"rewritten, and a checkpoint put where one was kept", func(r *rows) {
			r.list[4].Detail = "x"
			r.rewrite(4)
			h := audit.Head{Tenant: here, Seq: 9, Hash: r.list[12].Hash}
			jws, _ := sign(ctx, h, time.Time{})
			r.points = []audit.Checkpoint{{Tenant: here, Seq: 9, Hash: h.Hash, JWS: jws}}
		}, 13, 9, "differs from a head that was kept"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := chain(t)
			var kept []audit.Head
			if strings.Contains(c.say, "kept") {
				kept = []audit.Head{{Tenant: here, Seq: 9, Hash: r.list[12].Hash}}
			}
			c.spoil(r)
			got, err := audit.Verify(ctx, r, audit.Check{Tenant: here, Kept: kept, Open: open})
			must(t, err)
			if !strings.Contains(got.Problem, c.say) || got.BadID != c.id || c.seq != 0 && got.BadSeq != c.seq {
				t.Errorf("place %d, row %d: %q; want place %d, row %d, %q", got.BadSeq, got.BadID, got.Problem, c.seq, c.id, c.say)
			}
		})
	}
}

func TestT43_ARightChainIsRightAndItsTailIsCounted(t *testing.T) {
	r := chain(t)
	kept := []audit.Head{{Tenant: here, Seq: 9, Hash: r.list[12].Hash}}
	got, err := audit.Verify(ctx, r, audit.Check{Tenant: here, Kept: kept, Open: open})
	must(t, err)
	want := audit.Report{Tenant: here, Sealed: 20, Unsealed: 2, Head: audit.Head{Tenant: here, Seq: 20, Hash: r.list[28].Hash}, Checkpoints: 1, Signed: 12}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	empty, err := audit.Verify(ctx, r, audit.Check{Tenant: "ten_C", Open: open})
	if err != nil || empty.Problem != "" || empty.Sealed != 0 {
		t.Errorf("an empty chain: %+v %v", empty, err)
	}
}

func TestACheckpointIsSignedWhenDueAndTheLastOneAtTheEnd(t *testing.T) {
	clock := testkit.NewClock()
	r := &rows{heads: map[protocol.TenantID]audit.Head{}}
	fails := true
	s := &audit.Sealer{Store: r, Now: clock.Now, CheckpointEvery: 10 * time.Minute, Log: slog.New(slog.DiscardHandler),
		Sign: func(ctx context.Context, h audit.Head, at time.Time) (string, error) {
			if h.Tenant == there && fails {
				return "", errors.New("no key")
			}
			return sign(ctx, h, at)
		}}
	r.add(3)
	if err := s.SealAll(ctx); err == nil {
		t.Error("a checkpoint that can't be signed is not told")
	}
	if len(r.points) != 1 || r.points[0].Seq != 2 {
		t.Fatalf("one tenant's failure held up the other: %+v", r.points)
	}
	r.add(1)
	must(t, s.SealAll(ctx))
	if len(r.points) != 1 {
		t.Error("a second checkpoint before its time")
	}
	clock.Advance(10 * time.Minute)
	fails = false
	must(t, s.SealAll(ctx)) // nothing new was sealed, but what was is due
	if len(r.points) != 3 {
		t.Fatalf("%d checkpoints", len(r.points))
	}
	must(t, s.SealAll(ctx))
	r.add(1)
	over, cancel := context.WithCancel(ctx)
	cancel()
	s.Run(over, time.Hour)
	if len(r.points) != 4 || r.points[3].Seq != 4 {
		t.Errorf("the end left %+v", r.points)
	}
}

func TestT43_SealingWhileOthersWriteLeavesOneUnbrokenChain(t *testing.T) {
	k := testkit.New(t)
	signHead := func(ctx context.Context, h audit.Head, at time.Time) (string, error) {
		return k.Tenants.SignCheckpoint(ctx, &protocol.Checkpoint{Tenant: h.Tenant, IssuedAt: protocol.At(at), Sequence: h.Seq, Hash: h.Hash})
	}
	s := &audit.Sealer{Store: sqlstore.For[audit.Tx](k.DB), Sign: signHead, Now: k.Clock.Now, CheckpointEvery: time.Nanosecond, Log: slog.New(slog.DiscardHandler)}
	run, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { s.Run(run, time.Millisecond); close(done) }()
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			for j := range 40 {
				err := k.DB.Update(ctx, func(tx *sqlstore.Tx) error {
					err := tx.AppendAudit(audit.Event{Tenant: k.Tenant.ID, At: k.Clock.Now(), Type: audit.UserLocked, Subject: fmt.Sprint(i, j)})
					if err == nil && j%7 == 0 {
						return errors.New("rolled back") // leaves no gap
					}
					return err
				})
				if err != nil && j%7 != 0 {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	stop()
	<-done
	keys, err := k.Tenants.OwnKeys(ctx, k.Tenant.ID)
	must(t, err)
	r, err := audit.Verify(ctx, sqlstore.For[audit.Tx](k.DB), audit.Check{Tenant: k.Tenant.ID, Open: func(jws string) (audit.Head, error) {
		c, err := protocol.VerifyCheckpoint(jws, keys)
		if err != nil {
			return audit.Head{}, err
		}
		return audit.Head{Tenant: c.Tenant, Seq: c.Sequence, Hash: c.Hash}, nil
	}})
	must(t, err)
	if written := uint64(6 * 34); r.Problem != "" || r.Unsealed != 0 || r.Sealed < written || r.Sealed > written+10 || r.Signed != r.Sealed {
		t.Errorf("%+v", r)
	}
}

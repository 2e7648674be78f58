package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nod-auth/nod/backend/internal/challenge"
	"github.com/nod-auth/nod/backend/internal/device"
	"github.com/nod-auth/nod/backend/internal/enrollment"
	"github.com/nod-auth/nod/backend/internal/replay"
	"github.com/nod-auth/nod/backend/internal/tenant"
	"github.com/nod-auth/nod/backend/internal/txn"
	"github.com/nod-auth/nod/backend/internal/user"
	"github.com/nod-auth/nod/shared/protocol"
)

func users(_ *testing.T, b *bench) {
	other, _, stranger := b.space("Other")
	b.view(func(tx Tx) error {
		u, err := tx.UserByRef(b.tn.ID, "ada")
		b.equal("the user", u, b.user)
		_, missing := tx.UserByRef(b.tn.ID, "nobody")
		b.want("an unknown name", missing, txn.ErrNotFound)
		_, foreign := tx.User(b.tn.ID, stranger.ID)
		b.want("another tenant's user", foreign, txn.ErrNotFound)
		same, sameErr := tx.UserByRef(other.ID, "ada")
		b.equal("the same name in another tenant", same.ID, stranger.ID)
		if sameErr != nil {
			return sameErr
		}
		return err
	})
	u := b.user
	u.ID = protocol.NewID[protocol.UserID]()
	b.want("a second user of one name", b.store.Update(b.ctx, func(tx Tx) error { return tx.SaveUser(u) }), txn.ErrConflict)
}

func lockouts(_ *testing.T, b *bench) {
	l := user.Lockout{Class: user.ClassSigned, Streak: 1, Total: 2, Locks: 3, LockedUntil: now, Disabled: true}
	for _, want := range []user.Lockout{l, {Class: user.ClassSigned}} {
		b.update(func(tx Tx) error { return tx.SaveLockout(b.tn.ID, b.user.ID, want) })
		b.view(func(tx Tx) error {
			got, err := tx.Lockout(b.tn.ID, b.user.ID, user.ClassSigned)
			b.equal("the lock-out", got, want)
			typed, _ := tx.Lockout(b.tn.ID, b.user.ID, user.ClassTyped)
			b.equal("the other class", typed, user.Lockout{Class: user.ClassTyped})
			return err
		})
	}
}

func devices(_ *testing.T, b *bench) {
	d := b.device()
	d.Push = &protocol.PushAddress{Channel: "fcm", Address: "a"}
	b.update(func(tx Tx) error { return tx.SaveDevice(d) })
	b.update(func(tx Tx) error {
		return tx.SaveCounter(d.Tenant, d.ID, device.Counter{Max: 1 << 62, Seen: 1<<32 - 1})
	})
	old := d.Approval.ID
	fresh := newKey(b.t)
	d.Approval = device.Credential{ID: fresh.Thumbprint(), JWK: fresh, Claimed: protocol.LevelTPM}
	b.update(func(tx Tx) error { return tx.SaveDevice(d) })
	d.Counter = device.Counter{Max: 1 << 62, Seen: 1<<32 - 1}
	b.view(func(tx Tx) error {
		for _, kid := range []protocol.Thumbprint{d.Key.ID, d.Approval.ID} {
			got, err := tx.DeviceByKey(kid)
			if err != nil {
				return err
			}
			b.equal("the device", got.Counter, d.Counter)
			b.equal("its keys", []any{got.Key.JWK.Equal(d.Key.JWK), got.Approval.JWK.Equal(fresh), got.Approval.Claimed}, []any{true, true, protocol.LevelTPM})
			b.equal("its address", *got.Push, *d.Push)
		}
		_, err := tx.DeviceByKey(old)
		b.want("a replaced key", err, txn.ErrNotFound)
		for kid, want := range map[protocol.Thumbprint]bool{old: true, d.Key.ID: true, newKey(b.t).Thumbprint(): false} {
			known, err := tx.KnownKey(kid)
			if err != nil {
				return err
			}
			b.equal("known", known, want)
		}
		at, err := tx.DevicesAt(*d.Push)
		b.equal("devices at the address", len(at), 1)
		return err
	})
	thief := b.device()
	thief.Key = device.Credential{ID: old, JWK: newKey(b.t), Claimed: protocol.LevelSoftware}
	b.want("a key of another device", b.store.Update(b.ctx, func(tx Tx) error { return tx.SaveDevice(thief) }), txn.ErrConflict)
	d.Status = device.StatusRevoked
	b.update(func(tx Tx) error { return tx.SaveDevice(d) })
	b.view(func(tx Tx) error {
		at, err := tx.DevicesAt(*d.Push)
		b.equal("revoked devices at the address", len(at), 0)
		list, listErr := tx.Devices(b.tn.ID, b.user.ID)
		b.equal("the user's devices, revoked ones too", len(list), 1)
		if listErr != nil {
			return listErr
		}
		return err
	})
}

func usedIDs(_ *testing.T, b *bench) {
	a, c := protocol.NewID[protocol.DeviceID](), protocol.NewID[protocol.DeviceID]()
	use := func(d protocol.DeviceID) error {
		return b.store.Update(b.ctx, func(tx Tx) error { return tx.UseOnce(d, "jti", now) })
	}
	b.want("the first use", use(a), nil)
	b.want("the second use", use(a), txn.ErrConflict)
	b.want("another device's", use(c), nil)
	b.update(func(tx Tx) error { return tx.Sweep(now, now) })
	b.want("after the sweep", use(a), nil)
}

func enrollments(_ *testing.T, b *bench) {
	e := enrollment.Enrollment{Tenant: b.tn.ID, ID: protocol.NewID[protocol.EnrollmentID](), Application: b.app.ID, User: b.user.ID, UserRef: "ada",
		TokenHash: "hash", Status: enrollment.StatusInvited, CreatedAt: now, ExpiresAt: now.Add(time.Minute)}
	b.update(func(tx Tx) error { return tx.InsertEnrollment(e) })
	twin := e
	twin.ID = protocol.NewID[protocol.EnrollmentID]()
	b.want("the same token", b.store.Update(b.ctx, func(tx Tx) error { return tx.InsertEnrollment(twin) }), txn.ErrConflict)
	next := e
	next.Status, next.Hash, next.Sealed, next.Device, next.Approval = enrollment.StatusAwaiting, "h", []byte{1}, "dev_x", "chl_x"
	for _, want := range []bool{true, false} {
		b.update(func(tx Tx) error {
			won, err := tx.MoveEnrollment(next, enrollment.StatusInvited)
			b.equal("moved", won, want)
			return err
		})
	}
	b.view(func(tx Tx) error {
		got, err := tx.EnrollmentByToken("hash")
		b.equal("by its token", got, next)
		byApproval, approvalErr := tx.EnrollmentByApproval(b.tn.ID, "chl_x")
		b.equal("by its question", byApproval.ID, e.ID)
		early, _ := tx.DueEnrollments(e.ExpiresAt.Add(-time.Millisecond), 10)
		late, _ := tx.DueEnrollments(e.ExpiresAt, 10)
		b.equal("due before and at its end", []int{len(early), len(late)}, []int{0, 1})
		if approvalErr != nil {
			return approvalErr
		}
		return err
	})
}

func challenges(_ *testing.T, b *bench) {
	c := b.challenge(nil)
	other, _, _ := b.space("Other")
	end := func(at time.Time, overdue bool) challenge.Final {
		return challenge.Final{Tenant: b.tn.ID, ID: c.ID, Status: protocol.StatusApproved, At: at, Decision: "raw", Overdue: overdue,
			Signer: &challenge.Signer{Device: "dev_x", JWK: newKey(b.t), Level: protocol.LevelTPM}}
	}
	foreign := end(now, false)
	foreign.Tenant = other.ID
	b.equal("another tenant's", b.finish(foreign), false)
	b.equal("when its time is over", b.finish(end(c.ExpiresAt, false)), false)
	b.equal("overdue before its time is over", b.finish(end(c.ExpiresAt.Add(-time.Millisecond), true)), false)
	b.view(func(tx Tx) error {
		early, err := tx.Overdue(c.ExpiresAt.Add(-time.Millisecond), 10)
		late, lateErr := tx.Overdue(c.ExpiresAt, 10)
		b.equal("overdue before and at its end", []int{len(early), len(late)}, []int{0, 1})
		if lateErr != nil {
			return lateErr
		}
		return err
	})
	won := end(c.ExpiresAt.Add(-time.Millisecond), false)
	b.equal("in its time", b.finish(won), true)
	b.equal("a second time", b.finish(end(now, false)), false)
	b.view(func(tx Tx) error {
		got, err := tx.Challenge(b.tn.ID, c.ID)
		b.equal("its members", []any{got.Status, got.Decision, got.DecidedAt, got.Signer.Level, got.Hash, got.Match, got.Recipients, got.SaltSealed, got.UserRef},
			[]any{protocol.StatusApproved, "raw", won.At, protocol.LevelTPM, c.Hash, c.Match, c.Recipients, c.SaltSealed, "ada"})
		browser, browserErr := tx.ChallengeByBrowser(c.ID, c.BrowserHash)
		b.equal("by its browser token", browser.ID, c.ID)
		_, foreignErr := tx.Challenge(other.ID, c.ID)
		b.want("read by another tenant", foreignErr, txn.ErrNotFound)
		if browserErr != nil {
			return browserErr
		}
		return err
	})
}

func race(_ *testing.T, b *bench) {
	for range 5 {
		c := b.challenge(nil)
		var won atomic.Int32
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				err := b.store.Update(b.ctx, func(tx Tx) error {
					ok, err := tx.FinishChallenge(challenge.Final{Tenant: c.Tenant, ID: c.ID, Status: protocol.StatusDenied, At: now})
					if ok {
						won.Add(1)
					}
					return err
				})
				if err != nil {
					b.t.Error(err)
				}
			})
		}
		wg.Wait()
		b.equal("winners", won.Load(), 1)
	}
}

func reports(_ *testing.T, b *bench) {
	c := b.challenge(nil)
	for i, want := range []bool{true, false} {
		b.update(func(tx Tx) error {
			saved, err := tx.SaveReport(c.Tenant, c.ID, fmt.Sprint("report", i), now)
			b.equal("saved", saved, want)
			return err
		})
	}
	b.view(func(tx Tx) error {
		got, err := tx.Challenge(c.Tenant, c.ID)
		b.equal("the report", []any{got.Report, got.ReportedAt, got.Status}, []any{"report0", now, protocol.StatusPending})
		return err
	})
}

func recent(_ *testing.T, b *bench) {
	b.challenge(func(c *challenge.Challenge) { c.ExpiresAt = now })
	pending := b.challenge(nil)
	denied := b.challenge(func(c *challenge.Challenge) { c.CreatedAt = now.Add(time.Second) })
	longAgo, approved := b.challenge(nil), b.challenge(nil)
	b.finish(challenge.Final{Tenant: b.tn.ID, ID: denied.ID, Status: protocol.StatusDenied, At: now.Add(2 * time.Second)})
	b.finish(challenge.Final{Tenant: b.tn.ID, ID: longAgo.ID, Status: protocol.StatusDenied, At: now})
	b.finish(challenge.Final{Tenant: b.tn.ID, ID: approved.ID, Status: protocol.StatusApproved, At: now.Add(2 * time.Second)})
	b.view(func(tx Tx) error {
		list, err := tx.Recent(b.tn.ID, b.user.ID, now, now.Add(time.Second))
		var ids []protocol.ChallengeID
		for _, c := range list {
			ids = append(ids, c.ID)
		}
		b.equal("recent, oldest first", ids, []protocol.ChallengeID{pending.ID, denied.ID})
		return err
	})
	b.update(func(tx Tx) error {
		ids, err := tx.CancelPending(b.tn.ID, b.user.ID, now, "factor_changed")
		b.equal("canceled", ids, []protocol.ChallengeID{pending.ID})
		return err
	})
}

func replays(_ *testing.T, b *bench) {
	r := replay.Record{Tenant: b.tn.ID, Scope: "s", Body: "b", Subject: "x", Sealed: []byte{1}, SecretsAt: now, ExpiresAt: now.Add(time.Hour)}
	b.update(func(tx Tx) error { return tx.SaveReplay(r) })
	b.want("a second time", b.store.Update(b.ctx, func(tx Tx) error { return tx.SaveReplay(r) }), txn.ErrConflict)
	read := func(want error) (got replay.Record) {
		b.view(func(tx Tx) (err error) {
			got, err = tx.Replay("s")
			b.want("read", err, want)
			return nil
		})
		return got
	}
	b.equal("the record", read(nil), r)
	b.update(func(tx Tx) error { return tx.Sweep(now, now) })
	b.equal("secrets after their time", len(read(nil).Sealed), 0)
	b.update(func(tx Tx) error { return tx.Sweep(r.ExpiresAt, now) })
	read(txn.ErrNotFound)
}

func tenants(t *testing.T, b *bench) {
	other, app, stranger := b.space("Other")
	for name, fn := range map[string]func(Tx) error{
		"a challenge of another tenant's user": func(tx Tx) error {
			return tx.InsertChallenge(challenge.Challenge{Tenant: b.tn.ID, ID: "chl_1", Application: b.app.ID, User: stranger.ID, Status: protocol.StatusPending, BrowserHash: "1"})
		},
		"a challenge of another tenant's application": func(tx Tx) error {
			return tx.InsertChallenge(challenge.Challenge{Tenant: b.tn.ID, ID: "chl_2", Application: app.ID, User: b.user.ID, Status: protocol.StatusPending, BrowserHash: "2"})
		},
		"a device of another tenant's user": func(tx Tx) error {
			d := b.device()
			d.User = stranger.ID
			return tx.SaveDevice(d)
		},
		"an API key of another tenant's application": func(tx Tx) error {
			return tx.SaveAPIKey(tenant.APIKey{ID: "key_x", Hash: "h", Tenant: other.ID, Application: b.app.ID, CreatedAt: now})
		},
		"an enrollment of another tenant's user": func(tx Tx) error {
			return tx.InsertEnrollment(enrollment.Enrollment{Tenant: b.tn.ID, ID: "enr_x", Application: b.app.ID, User: stranger.ID, TokenHash: "x"})
		},
	} {
		if err := b.store.Update(b.ctx, fn); err == nil {
			t.Errorf("T9: %s is stored", name)
		}
	}
}

func times(_ *testing.T, b *bench) {
	for _, at := range []time.Time{now, {}} {
		u := b.user
		u.Ref, u.ID, u.CreatedAt = "x"+at.String(), protocol.NewID[protocol.UserID](), at
		b.update(func(tx Tx) error { return tx.SaveUser(u) })
		b.view(func(tx Tx) error {
			got, err := tx.User(u.Tenant, u.ID)
			b.equal("the time", []any{got.CreatedAt, got.CreatedAt.IsZero()}, []any{at, at.IsZero()})
			return err
		})
	}
}

func texts(_ *testing.T, b *bench) {
	for _, text := range []string{"'; DROP TABLE users; --", "%_\\", "\u00e9 \u4f60 \U0001F600", "$1 ?1 :a", "1e309", "0007"} {
		u := b.user
		u.Ref, u.ID, u.Name = text, protocol.NewID[protocol.UserID](), text
		b.update(func(tx Tx) error { return tx.SaveUser(u) })
		b.view(func(tx Tx) error {
			got, err := tx.UserByRef(u.Tenant, text)
			b.equal("the user", got, u)
			return err
		})
	}
}

func settings(_ *testing.T, b *bench) {
	app := b.app
	app.Origins, app.MinMatch, app.Disabled = []string{"https://a.example.com"}, protocol.MatchNone, true
	key := tenant.APIKey{ID: "key_1", Hash: "h1", Tenant: b.tn.ID, Application: app.ID, Label: "l", Scopes: tenant.Scopes(), CreatedAt: now}
	signing := tenant.SigningKey{Tenant: b.tn.ID, JWK: newKey(b.t), Sealed: []byte{9}, Status: protocol.KeyActive, NotBefore: now}
	signing.ID = signing.JWK.Thumbprint()
	b.update(func(tx Tx) error {
		for _, err := range []error{tx.SaveApplication(app), tx.SaveAPIKey(key), tx.SaveSigningKey(signing)} {
			if err != nil {
				return err
			}
		}
		key.RevokedAt, signing.Status, signing.RetiredAt = now, protocol.KeyRetired, now
		if err := tx.SaveAPIKey(key); err != nil {
			return err
		}
		return tx.SaveSigningKey(signing)
	})
	b.view(func(tx Tx) error {
		gotApp, err := tx.Application(b.tn.ID, app.ID)
		b.equal("the application", gotApp, app)
		apiKeys, keyErr := tx.APIKeys(b.tn.ID)
		b.equal("the API key", apiKeys, []tenant.APIKey{key})
		keys, keysErr := tx.SigningKeys(b.tn.ID)
		b.equal("the signing key", []any{len(keys), keys[0].Status, keys[0].RetiredAt, keys[0].Sealed}, []any{1, protocol.KeyRetired, now, []byte{9}})
		known, knownErr := tx.KnownKey(signing.ID)
		b.equal("a tenant's key is known", known, true)
		for _, e := range []error{keyErr, keysErr, knownErr} {
			if e != nil {
				return e
			}
		}
		return err
	})
}

package user_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nod-auth/nod/backend/internal/audit"
	"github.com/nod-auth/nod/backend/internal/fault"
	"github.com/nod-auth/nod/backend/internal/txn"
	"github.com/nod-auth/nod/backend/internal/user"
	"github.com/nod-auth/nod/shared/protocol"
)

// memory is a transaction over one user.
type memory struct {
	user   user.User
	locks  map[user.Class]user.Lockout
	events []audit.Event
}

func (m *memory) AppendAudit(e audit.Event) error { m.events = append(m.events, e); return nil }
func (m *memory) SaveUser(u user.User) error      { m.user = u; return nil }

func (m *memory) User(protocol.TenantID, protocol.UserID) (user.User, error) { return m.user, nil }

func (m *memory) UserByRef(_ protocol.TenantID, ref string) (user.User, error) {
	if ref != m.user.Ref {
		return user.User{}, txn.ErrNotFound
	}
	return m.user, nil
}

func (m *memory) Lockout(_ protocol.TenantID, _ protocol.UserID, c user.Class) (user.Lockout, error) {
	l := m.locks[c]
	l.Class = c
	return l, nil
}

func (m *memory) SaveLockout(_ protocol.TenantID, _ protocol.UserID, l user.Lockout) error {
	m.locks[l.Class] = l
	return nil
}

// account is the rule in its plainest form: the times of the wrong answers since the last right one.
type account struct {
	wrong    int
	streak   int
	locks    int
	until    time.Time
	disabled bool
}

func (a *account) state(now time.Time) fault.Code {
	switch {
	case a.disabled:
		return fault.UserLocked
	case now.Before(a.until):
		return fault.LockedOut
	}
	return ""
}

func (a *account) guess(right bool, now time.Time) {
	if right {
		*a = account{}
		return
	}
	a.wrong++
	if a.streak++; a.streak == 5 {
		length := 30 * time.Minute
		for range min(a.locks, 10) {
			length *= 2
		}
		a.until, a.streak, a.locks = now.Add(length), 0, a.locks+1
	}
	a.disabled = a.wrong >= 100
}

func TestT07_TheLockOutFollowsItsRule(t *testing.T) {
	classes := []user.Class{user.ClassSigned, user.ClassTyped}
	rapid.Check(t, func(rt *rapid.T) {
		tx := &memory{locks: map[user.Class]user.Lockout{}}
		model := map[user.Class]*account{user.ClassSigned: {}, user.ClassTyped: {}}
		now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
		rightIn := rapid.SampledFrom([]int{3, 10, 1000}).Draw(rt, "right answers one in")
		for range rapid.IntRange(1, 300).Draw(rt, "steps") {
			class := rapid.SampledFrom(classes).Draw(rt, "class")
			a := model[class]
			switch rapid.IntRange(0, 9).Draw(rt, "action") {
			case 0:
				now = now.Add(rapid.SampledFrom([]time.Duration{time.Second, 29 * time.Minute, 24 * time.Hour}).Draw(rt, "time"))
			case 1:
				now = now.Add(max(0, a.until.Sub(now)))
			case 2:
				if rapid.IntRange(0, 20).Draw(rt, "recovery") == 0 {
					check(rt, user.Unlock(tx, tx.user, class, now), "")
					*a = account{}
				}
			default:
				right, compared := rapid.IntRange(0, rightIn).Draw(rt, "answer") == 0, false
				want := a.state(now)
				got, l, err := user.Guess(tx, tx.user, class, now, func() bool { compared = true; return right })
				check(rt, err, want)
				if compared != (want == "") || err == nil && got != right {
					rt.Fatalf("compared %v in state %q, answered %v", compared, want, got)
				}
				if want == "" {
					a.guess(right, now)
				}
				if err == nil && l.Locked(now) != (a.state(now) != "") {
					rt.Fatalf("after the guess it says locked %v", l.Locked(now))
				}
			}
			for _, c := range classes {
				for _, phase := range []user.Phase{user.PhaseCreate, user.PhaseDecision, user.PhaseResult, user.PhaseEnroll} {
					check(rt, user.Authorize(tx, tx.user, phase, c, now), model[c].state(now))
				}
			}
		}
	})
}

func check(rt *rapid.T, err error, want fault.Code) {
	if fault.CodeOf(err) != want {
		rt.Fatalf("got %v, want %q", err, want)
	}
}

func TestT11_ADisabledUserIsRefusedInEveryPhase(t *testing.T) {
	tx := &memory{user: user.User{Disabled: true}, locks: map[user.Class]user.Lockout{}}
	for _, phase := range []user.Phase{user.PhaseCreate, user.PhaseDecision, user.PhaseResult, user.PhaseEnroll} {
		if err := user.Authorize(tx, tx.user, phase, user.ClassSigned, time.Now()); fault.CodeOf(err) != fault.UserDisabled {
			t.Errorf("%s: %v", phase, err)
		}
	}
	if err := user.SetDisabled(tx, tx.user, false, time.Now()); err != nil || tx.user.Disabled || tx.events[0].Type != audit.UserEnabled {
		t.Errorf("enable: %v %+v", err, tx.events)
	}
}

func TestANameIsReplacedOnlyByAnother(t *testing.T) {
	tx := &memory{locks: map[user.Class]user.Lockout{}}
	for _, c := range [][2]string{{"Ada", "Ada"}, {"", "Ada"}, {"Ada L.", "Ada L."}} {
		u, err := user.Ensure(tx, "ten_x", "ada", c[0], time.Now())
		if err != nil || u.Name != c[1] || tx.user.Name != c[1] {
			t.Errorf("named %q: %q, stored %q, %v", c[0], u.Name, tx.user.Name, err)
		}
	}
}

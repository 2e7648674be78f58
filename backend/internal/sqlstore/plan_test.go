package sqlstore

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nod-auth/nod/backend/internal/audit"
	"github.com/nod-auth/nod/backend/internal/challenge"
	"github.com/nod-auth/nod/backend/internal/txn"
	"github.com/nod-auth/nod/shared/protocol"
)

// What an authentication asks the database goes through an index, whatever stands in the tables: none of its statements scans
// one. A partial index is passed over when a query does not state its condition.
func TestTheStatementsOfAnAuthenticationScanNothing(t *testing.T) {
	db, err := Open(t.Context(), Options{Path: filepath.Join(t.TempDir(), "nod.db"), Create: true, Migrate: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	err = db.Update(t.Context(), func(tx *Tx) error {
		now := time.Now()
		for range 3 {
			useAuthentication(t, tx, now)
		}
		checkPlans(t, tx.conn)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func useAuthentication(t *testing.T, tx *Tx, now time.Time) {
	t.Helper()
	const tn, id, dev, ch = protocol.TenantID("t"), protocol.UserID("u"), protocol.DeviceID("d"), protocol.ChallengeID("c")
	_, callerErr := tx.CallerByHash("h")
	_, replayErr := tx.Replay("s")
	_, refErr := tx.UserByRef(tn, "ada")
	_, userErr := tx.User(tn, id)
	_, approversErr := tx.Approvers(tn, id)
	_, lockoutErr := tx.Lockout(tn, id, "signed")
	_, recentErr := tx.Recent(tn, id, now, now)
	_, reachableErr := tx.Reachable(tn, []protocol.DeviceID{dev})
	_, historyErr := tx.WakeupHistory(tn, id, now)
	_, _, standingErr := tx.Standing(tn, dev)
	_, keyErr := tx.DeviceByKey("k")
	_, deviceErr := tx.Device(tn, dev)
	_, challengeErr := tx.Challenge(tn, ch)
	_, browserErr := tx.ChallengeByBrowser(ch, "h")
	_, finishErr := tx.FinishChallenge(challenge.Final{Tenant: tn, ID: ch, Status: protocol.StatusApproved, At: now})
	_, overdueErr := tx.Overdue(now, 10)
	_, unsealedErr := tx.Unsealed(10)
	for _, err := range []error{
		callerErr, replayErr, refErr, userErr, approversErr, lockoutErr, recentErr, reachableErr, historyErr, standingErr, keyErr, deviceErr,
		challengeErr, browserErr, finishErr, overdueErr, unsealedErr,
		tx.AppendAudit(audit.Event{Tenant: tn, At: now}),
	} {
		if err != nil && !errors.Is(err, txn.ErrNotFound) {
			t.Error(err)
		}
	}
}

func checkPlans(t *testing.T, c *conn) {
	t.Helper()
	queries := make([]string, 0, len(c.stmts))
	for q := range c.stmts {
		if word, _, _ := strings.Cut(q, " "); word == "SELECT" || word == "UPDATE" || word == "DELETE" {
			queries = append(queries, q)
		}
	}
	if len(queries) < 15 {
		t.Errorf("only %d statements were used", len(queries))
	}
	for _, q := range queries {
		r, err := c.query("EXPLAIN QUERY PLAN "+q, make([]any, len(c.stmts[q].args)))
		if err != nil {
			t.Fatal(err)
		}
		for more, err := r.next(); more && err == nil; more, err = r.next() {
			if step, _ := r.row[3].(string); strings.HasPrefix(step, "SCAN ") && step != "SCAN CONSTANT ROW" {
				t.Errorf("%s\n%s", step, q)
			}
		}
		if err := r.raw.Close(); err != nil {
			t.Error(err)
		}
	}
}

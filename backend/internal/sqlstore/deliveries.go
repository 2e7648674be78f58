package sqlstore

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/nod-auth/nod/backend/internal/delivery"
	"github.com/nod-auth/nod/backend/internal/webhook"
	"github.com/nod-auth/nod/shared/protocol"
)

// lateReport bounds how far back a report on a final challenge is looked for: protocol.ReportWindow after delivery, and
// the longest life of a challenge.
const lateReport = protocol.ReportWindow + protocol.ChallengeLifetimeMax

// WakeupHistory reads what the wake-up budgets look at (T1).
func (t *Tx) WakeupHistory(tn protocol.TenantID, id protocol.UserID, now time.Time) (h delivery.History, err error) {
	var approved, late time.Time
	for status, into := range map[protocol.Status]*time.Time{
		protocol.StatusApproved: &approved, protocol.StatusDenied: &h.Denied, protocol.StatusReported: &h.Reported,
	} {
		err := t.row(`SELECT coalesce(max(decided_at), 0) FROM challenges WHERE tenant_id = $1 AND user_id = $2 AND status = $3 AND decided_at > 0`, tn, id, status).
			Scan(at{into})
		if err != nil {
			return h, err
		}
	}
	err = t.row(`SELECT coalesce(max(reported_at), 0) FROM challenges WHERE tenant_id = $1 AND user_id = $2
		AND status IN ('approved', 'denied', 'expired', 'canceled', 'superseded', 'failed') AND decided_at > 0 AND decided_at > $3`, tn, id, millis(now.Add(-lateReport))).Scan(at{&late})
	if err != nil {
		return h, err
	}
	if late.After(h.Reported) {
		h.Reported = late
	}
	h.Wakeups, err = list(t, func(s scanner) (when time.Time, err error) {
		err = s.Scan(at{&when})
		return when, err
	}, `SELECT max(created_at) FROM deliveries WHERE tenant_id = $1 AND user_id = $2 AND created_at > $3 GROUP BY challenge_id ORDER BY 1 DESC LIMIT $4`,
		tn, id, millis(approved), delivery.BudgetInAll)
	return h, err
}

// Reachable lists those of the devices that are active and can be rung: by their push address, or by an integrator who
// takes push.requested events.
func (t *Tx) Reachable(tn protocol.TenantID, devices []protocol.DeviceID) (reachable []protocol.DeviceID, err error) {
	for _, d := range devices {
		var has bool
		err := t.row(`SELECT EXISTS (SELECT 1 FROM devices WHERE tenant_id = $1 AND id = $2 AND status = 'active'
			AND (push <> '' OR EXISTS (SELECT 1 FROM webhook_endpoints WHERE tenant_id = $3 AND disabled_at = 0)))`, tn, d, tn).Scan(&has)
		if err != nil {
			return nil, err
		}
		if has {
			reachable = append(reachable, d)
		}
	}
	return reachable, nil
}

// EnqueueWakeups writes deliveries for each device: one on the channel of its push address, and one for each endpoint
// that takes push.requested. Call it in the transaction that writes the challenge.
func (t *Tx) EnqueueWakeups(tn protocol.TenantID, id protocol.ChallengeID, devices []protocol.DeviceID, now time.Time) error {
	endpoints, err := t.Webhooks(tn)
	if err != nil {
		return err
	}
	for _, d := range devices {
		var push protocol.PushAddress
		var user protocol.UserID
		if err := t.row(`SELECT push, user_id FROM devices WHERE tenant_id = $1 AND id = $2`, tn, d).Scan(parsed{&push}, &user); err != nil {
			return err
		}
		row := queued{tn, id, user, d, push.Channel, "", now}
		if push.Channel != "" {
			if err := t.enqueue(row); err != nil {
				return err
			}
		}
		for _, e := range endpoints {
			if !e.DisabledAt.IsZero() || !slices.Contains(e.Events, webhook.EventPush) {
				continue
			}
			row.channel, row.endpoint = string(delivery.Webhook), e.ID
			if err := t.enqueue(row); err != nil {
				return err
			}
		}
	}
	return nil
}

// queued is one new row of the outbox.
type queued struct {
	tenant            protocol.TenantID
	challenge         protocol.ChallengeID
	user              protocol.UserID
	device            protocol.DeviceID
	channel, endpoint string
	now               time.Time
}

func (t *Tx) enqueue(q queued) error {
	return t.store(`INSERT INTO deliveries (tenant_id, challenge_id, user_id, device_id, channel, endpoint_id, created_at, due_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		q.tenant, q.challenge, q.user, q.device, q.channel, q.endpoint, millis(q.now), millis(q.now))
}

// Outbox is the deliveries as [delivery.Runner] sees them.
func (db *DB) Outbox() delivery.Store { return outbox{db} }

// ReleaseLeases ends every lease. Call it at the start of a process that is alone on the database: whoever held a lease
// is gone, and a challenge is too short-lived to wait for the lease to lapse.
func (db *DB) ReleaseLeases(ctx context.Context) error {
	return db.Update(ctx, func(tx *Tx) error {
		return tx.store(`UPDATE deliveries SET leased_until = 0 WHERE finished_at = 0 AND leased_until > 0`)
	})
}

type outbox struct{ db *DB }

// claimed is a row of the outbox with what decides whether it is still to be sent.
type claimed struct {
	id, claims int64
	device     protocol.DeviceID
	push       protocol.PushAddress
	endpoint   string // of the channel webhook
	wakeup     delivery.Wakeup
	created    time.Time
	live       bool
}

// Claim leases jobs of one channel. It reads first, so that an idle outbox costs no write.
func (o outbox) Claim(ctx context.Context, q delivery.Claim) ([]delivery.Job, error) {
	waiting := false
	err := o.db.View(ctx, func(tx *Tx) error {
		return tx.row(`SELECT EXISTS (SELECT 1 FROM deliveries WHERE finished_at = 0 AND channel = $1 AND due_at <= $2 AND leased_until <= $3)`,
			q.Channel, millis(q.Now), millis(q.Now)).Scan(&waiting)
	})
	if err != nil || !waiting {
		return nil, err
	}
	var jobs []delivery.Job
	err = o.db.Update(ctx, func(tx *Tx) (err error) {
		jobs, err = tx.claimAll(q)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("claim deliveries: %w", err)
	}
	return jobs, nil
}

// claimAll passes over what is over until there is something to send or nothing left.
func (t *Tx) claimAll(q delivery.Claim) (jobs []delivery.Job, err error) {
	for {
		rows, err := t.claimable(q)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			job, err := t.claim(row, q)
			if err != nil {
				return nil, err
			}
			if job != nil {
				jobs = append(jobs, *job)
			}
		}
		if len(jobs) > 0 || len(rows) < q.Limit {
			return jobs, nil
		}
	}
}

func (t *Tx) claimable(q delivery.Claim) ([]claimed, error) {
	return list(t, func(s scanner) (c claimed, err error) {
		err = s.Scan(&c.id, &c.claims, &c.device, at{&c.created}, &c.wakeup.ChallengeID, at{&c.wakeup.ExpiresAt}, &c.wakeup.Handle, parsed{&c.push}, &c.endpoint, &c.live)
		c.wakeup.Language = c.push.Language
		return c, err
	}, `SELECT o.id, o.claims, o.device_id, o.created_at, o.challenge_id, c.expires_at, d.handle, d.push, o.endpoint_id,
		c.status = 'pending' AND c.expires_at > $1 AND d.status = 'active' AND CASE WHEN o.endpoint_id = '' THEN d.push <> ''
			ELSE EXISTS (SELECT 1 FROM webhook_endpoints w WHERE w.tenant_id = o.tenant_id AND w.id = o.endpoint_id AND w.disabled_at = 0) END
		FROM deliveries o JOIN challenges c ON c.tenant_id = o.tenant_id AND c.id = o.challenge_id JOIN devices d ON d.tenant_id = o.tenant_id AND d.id = o.device_id
		WHERE o.finished_at = 0 AND o.channel = $2 AND o.due_at <= $3 AND o.leased_until <= $4 ORDER BY o.due_at, o.id LIMIT $5`,
		millis(q.Now), q.Channel, millis(q.Now), millis(q.Now), q.Limit)
}

// claim leases one row, or finishes it when there is nothing to send any more. A device that moved to another channel
// since is reached there, by the runner of that channel.
func (t *Tx) claim(c claimed, q delivery.Claim) (*delivery.Job, error) {
	if !c.live {
		return nil, t.store(`UPDATE deliveries SET finished_at = $1, outcome = $2 WHERE id = $3`, millis(q.Now), delivery.OutcomeExpired, c.id)
	}
	if c.endpoint == "" && c.push.Channel != string(q.Channel) {
		return nil, t.store(`UPDATE deliveries SET channel = $1 WHERE id = $2`, c.push.Channel, c.id)
	}
	if err := t.store(`UPDATE deliveries SET claims = claims + 1, leased_until = $1 WHERE id = $2`, millis(q.Now.Add(q.Lease)), c.id); err != nil {
		return nil, err
	}
	return &delivery.Job{
		Lease:  delivery.Lease{JobID: strconv.FormatInt(c.id, 10), Number: int(c.claims) + 1},
		Device: c.device, Address: c.address(q.Channel), Wakeup: c.wakeup, CreatedAt: c.created,
	}, nil
}

// address says where the row is sent. One that is not usable is left empty: the runner records that.
func (c claimed) address(channel delivery.Channel) delivery.Address {
	if c.endpoint != "" {
		return delivery.Address{Channel: delivery.Webhook, Value: string(c.device), App: c.endpoint}
	}
	a, err := delivery.FromProtocol(c.push)
	if err != nil {
		return delivery.Address{Channel: channel}
	}
	return a
}

// Record writes what became of a job, if the lease is still the job's latest.
func (o outbox) Record(ctx context.Context, r delivery.Report) error {
	id, err := strconv.ParseInt(r.Lease.JobID, 10, 64)
	if err != nil {
		return delivery.ErrLeaseLost
	}
	return o.db.Update(ctx, func(tx *Tx) error {
		finished := int64(0)
		if r.Next.IsZero() {
			finished = millis(time.Now())
		}
		n, err := tx.exec(`UPDATE deliveries SET due_at = $1, leased_until = 0, finished_at = $2, outcome = $3 WHERE id = $4 AND claims = $5 AND finished_at = 0`,
			millis(r.Next), finished, r.Outcome, id, r.Lease.Number)
		if err != nil {
			return err
		}
		if n != 1 {
			return delivery.ErrLeaseLost
		}
		if a := r.Attempt; a != nil {
			err := tx.store(`INSERT INTO delivery_attempts (delivery_id, channel, started_at, latency_ms, outcome, code, message_id) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
				id, a.Channel, millis(a.StartedAt), a.Latency.Milliseconds(), a.Outcome, a.Code, a.MessageID)
			if err != nil {
				return err
			}
		}
		if r.Drop != nil {
			return tx.dropAddress(id, *r.Drop)
		}
		return nil
	})
}

// dropAddress forgets a dead address unless it was replaced, or registered again since.
func (t *Tx) dropAddress(job int64, d delivery.Drop) error {
	var tn protocol.TenantID
	var push protocol.PushAddress
	err := t.row(`SELECT d.tenant_id, d.push FROM deliveries o JOIN devices d ON d.tenant_id = o.tenant_id AND d.id = o.device_id WHERE o.id = $1`, job).
		Scan(&tn, parsed{&push})
	if err != nil {
		return err
	}
	if now, err := delivery.FromProtocol(push); err != nil || now.Value != d.Address.Value || now.Channel != d.Address.Channel || now.Kind != d.Address.Kind {
		return nil // it is another one by now
	}
	return t.store(`UPDATE devices SET push = '', push_hash = '' WHERE tenant_id = $1 AND id = $2 AND push_at < $3`, tn, d.Device, millis(d.RegisteredBefore))
}

// Delivery is one job with its attempts, as the operator sees it.
type Delivery struct {
	ID        int64
	Tenant    protocol.TenantID
	Challenge protocol.ChallengeID
	Device    protocol.DeviceID
	Channel   delivery.Channel
	CreatedAt time.Time
	Outcome   delivery.Outcome // of the job; empty while it waits for its first attempt
	Finished  bool
	Attempts  []delivery.Attempt
}

// Deliveries lists the latest jobs with their attempts, newest first. failed leaves out what was sent.
func (t *Tx) Deliveries(failed bool, limit int) ([]Delivery, error) {
	jobs, err := list(t, func(s scanner) (d Delivery, err error) {
		err = s.Scan(&d.ID, &d.Tenant, &d.Challenge, &d.Device, &d.Channel, at{&d.CreatedAt}, &d.Outcome, &d.Finished)
		return d, err
	}, `SELECT id, tenant_id, challenge_id, device_id, channel, created_at, outcome, finished_at <> 0 FROM deliveries WHERE NOT ($1 AND outcome = 'sent') ORDER BY id DESC LIMIT $2`,
		failed, limit)
	if err != nil {
		return nil, err
	}
	for i := range jobs {
		jobs[i].Attempts, err = list(t, func(s scanner) (a delivery.Attempt, err error) {
			var ms int64
			err = s.Scan(&a.Channel, at{&a.StartedAt}, &ms, &a.Outcome, &a.Code, &a.MessageID)
			a.Latency = time.Duration(ms) * time.Millisecond
			return a, err
		}, `SELECT channel, started_at, latency_ms, outcome, code, message_id FROM delivery_attempts WHERE delivery_id = $1 ORDER BY id`, jobs[i].ID)
		if err != nil {
			return nil, err
		}
	}
	return jobs, nil
}

// SweepDeliveries deletes jobs and attempts that were created before a time, at most limit, and returns how many. A
// week is long enough to find out why a phone stayed silent.
func (t *Tx) SweepDeliveries(before time.Time, limit int) (int64, error) {
	return t.exec(`DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE created_at < $1 LIMIT $2)`, millis(before), limit)
}

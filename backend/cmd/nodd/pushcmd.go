package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nod-auth/nod/backend/internal/delivery"
	"github.com/nod-auth/nod/backend/internal/device"
	"github.com/nod-auth/nod/backend/internal/sqlstore"
	"github.com/nod-auth/nod/backend/internal/txn"
	"github.com/nod-auth/nod/shared/protocol"
)

type deliveriesCmd struct {
	Failed bool `help:"Only what was not sent."`
	Limit  int  `help:"How many, newest first." default:"20"`
}

// Run lists wake-ups with every attempt and what to do.
func (c deliveriesCmd) Run(ctx context.Context, p *program, s *settings) error {
	return s.with(ctx, p, func(d *domain) error {
		var list []sqlstore.Delivery
		err := d.view(ctx, func(tx *sqlstore.Tx) (err error) {
			list, err = tx.Deliveries(c.Failed, c.Limit)
			return err
		})
		if err != nil {
			return err
		}
		var rows [][]string
		advice := map[string]string{}
		for _, x := range list {
			rows = append(rows, deliveryRows(x, advice)...)
		}
		p.table("CREATED DEVICE CHANNEL STATE ATTEMPT OUTCOME CODE LATENCY", rows)
		for code, text := range advice {
			p.printf("\n%s: %s\n", printable(code), text)
		}
		return nil
	})
}

func deliveryRows(x sqlstore.Delivery, advice map[string]string) (rows [][]string) {
	state := "waiting"
	if x.Finished {
		state = string(x.Outcome)
	}
	if len(x.Attempts) == 0 {
		return [][]string{{stamp(x.CreatedAt), string(x.Device), string(x.Channel), state, "-", "-", "-", "-"}}
	}
	for i, a := range x.Attempts {
		rows = append(rows, []string{stamp(x.CreatedAt), string(x.Device), string(a.Channel), state, fmt.Sprint(i + 1), string(a.Outcome), orDash(a.Code),
			a.Latency.Round(time.Millisecond).String()})
		if a.Code != "" {
			advice[a.Code] = delivery.Explain(a.Channel, a.Code)
		}
	}
	return rows
}

type pushCmd struct {
	Test pushTest `cmd:"" help:"Send a test doorbell to a device and say what the push service answered."`
}

type pushTest struct {
	inTenant
	Device string `arg:"" help:"Device id (dev_...)."`
}

// Run rings one device.
func (c pushTest) Run(ctx context.Context, p *program, s *settings) error {
	return s.with(ctx, p, func(d *domain) error {
		x, err := d.reachable(ctx, c.Tenant, protocol.DeviceID(c.Device))
		if err != nil {
			return err
		}
		to, err := delivery.FromProtocol(*x.Push)
		if err != nil {
			return withRemedy(err, "opening the app registers a new address")
		}
		senders, err := d.newSenders()
		if err != nil {
			return err
		}
		began := time.Now()
		got := delivery.Ring(ctx, senders, to, delivery.Wakeup{Handle: x.Handle, Language: x.Push.Language, ExpiresAt: wallClock().Add(protocol.ChallengeLifetime)})
		advice := delivery.Explain(to.Channel, got.Code)
		if got.Outcome != delivery.OutcomeSent {
			return failure(advice, "%s answered %s (%s) after %v", to.Channel, got.Code, got.Outcome, time.Since(began).Round(time.Millisecond))
		}
		p.printf("%s accepted the test doorbell after %v %s\n%s\n", to.Channel, time.Since(began).Round(time.Millisecond), got.MessageID, advice)
		return nil
	})
}

// reachable reads an active device that has a push address.
func (d *domain) reachable(ctx context.Context, tenant string, id protocol.DeviceID) (x device.Device, err error) {
	t, err := d.tenant(ctx, tenant)
	if err != nil {
		return x, err
	}
	err = d.view(ctx, func(tx *sqlstore.Tx) (err error) {
		x, err = tx.Device(t.ID, id)
		return err
	})
	switch {
	case errors.Is(err, txn.ErrNotFound):
		return x, failure("`nodd device list USER` shows a user's devices", "there is no device %s", id)
	case err != nil:
		return x, err
	case x.Push == nil:
		return x, failure("the app registers one when notifications are allowed; a desktop needs none while it is open", "the device has no push address")
	}
	return x, nil
}

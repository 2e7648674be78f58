package inbox

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/nod-auth/nod/mobile/device"
	"github.com/nod-auth/nod/shared/protocol"
)

// Past is one request of the history.
type Past struct {
	device.Entry
	// Company is the account's, "" when the account is gone.
	Company string
	// Reportable: "it was not me" can still be sent.
	Reportable bool
}

// History returns what was asked and answered, newest first.
func (b *Inbox) History() []Past {
	companies := map[device.AccountID]string{}
	for _, a := range b.core.Accounts() {
		companies[a.ID] = a.Company
	}
	entries := b.core.Activity()
	out := make([]Past, 0, len(entries))
	for _, e := range entries {
		company, known := companies[e.Account]
		out = append(out, Past{Entry: e, Company: company, Reportable: known && e.Reportable(b.now())})
	}
	return out
}

// Report sends "it was not me" for a request of the history.
func (b *Inbox) Report(ctx context.Context, account device.AccountID, id protocol.ChallengeID) (device.Outcome, error) {
	out, err := b.core.Decide(ctx, device.DecideParams{Account: account, Challenge: id, Answer: protocol.Report})
	b.tell()
	return out, err
}

// Diagnostics is how everything stands, for the person.
func (b *Inbox) Diagnostics() device.Diagnostics { return b.core.Diagnostics() }

// Support is the diagnostics as text to send to somebody: servers, states and
// times; no company, person, device, key, code or identifier. About is lines
// about this installation that the caller vouches for.
func (b *Inbox) Support(about ...string) string {
	d := b.core.Diagnostics()
	var out strings.Builder
	fmt.Fprintf(&out, "version %s\nplatform %s\nrunning %t\ntime %s\n", d.AppVersion, d.Platform, d.Running, stamp(b.now()))
	for _, line := range about {
		fmt.Fprintln(&out, line)
	}
	for i, a := range d.Accounts {
		fmt.Fprintf(&out, "\naccount %d\n  server %s\n  status %s\n  reachable %t\n", i+1, a.Host, a.Status, a.Reachable)
		fmt.Fprintf(&out, "  stream since %s\n  last contact %s\n", stamp(a.StreamSince), stamp(a.LastContact))
		fmt.Fprintf(&out, "  last failure %s %s\n", stamp(a.LastFailure), cmp.Or(a.Failure, "-"))
		fmt.Fprintf(&out, "  last wake-up %s %s\n", stamp(a.LastWakeUp), cmp.Or(a.WakeUpChannel, "-"))
		if a.ClockKnown {
			fmt.Fprintf(&out, "  clock difference %s\n", a.ClockSkew.Round(time.Second))
		}
		fmt.Fprintf(&out, "  key levels %s %s\n  key sequence %d\n  not shown %d\n  unsent %d\n", a.Levels.Device, a.Levels.Approval, a.KeysSequence, a.Refused, a.Unsent)
	}
	return out.String()
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format(time.RFC3339)
}

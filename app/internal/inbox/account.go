package inbox

import (
	"time"

	"github.com/nod-auth/nod/mobile/device"
)

// Link is how the connection to an account's server stands.
type Link string

// The links.
const (
	// LinkConnecting: no stream is open and none has failed lately.
	LinkConnecting Link = "connecting"
	// LinkOnline: the stream is open.
	LinkOnline Link = "online"
	// LinkOffline: the last try failed; see Account.Failure.
	LinkOffline Link = "offline"
)

// SkewToTell is the difference between this device's clock and a server's from
// which the person is told. Nothing depends on it: times are the server's.
const SkewToTell = 2 * time.Minute

// Account is one account and how it stands.
type Account struct {
	device.Account
	Link Link
	// Failure names the last failure while LinkOffline, see [device.AccountDiagnostics].
	Failure string
	// Skew is this device's clock minus the server's when it is worth telling, else 0.
	Skew time.Duration
	// Asking: a request waits for an answer of this device.
	Asking bool
}

func readAccounts(core *device.Core, asking map[device.AccountID]bool) []Account {
	diagnostics := map[device.AccountID]device.AccountDiagnostics{}
	for _, d := range core.Diagnostics().Accounts {
		diagnostics[d.Account] = d
	}
	list := core.Accounts()
	out := make([]Account, 0, len(list))
	for _, a := range list {
		d := diagnostics[a.ID]
		account := Account{Account: a, Link: linkOf(d), Asking: asking[a.ID]}
		if account.Link == LinkOffline {
			account.Failure = d.Failure
		}
		if d.ClockKnown && d.ClockSkew.Abs() >= SkewToTell {
			account.Skew = d.ClockSkew
		}
		out = append(out, account)
	}
	return out
}

func linkOf(d device.AccountDiagnostics) Link {
	switch {
	case !d.StreamSince.IsZero():
		return LinkOnline
	case d.Failure != "" && !d.Reachable:
		return LinkOffline
	default:
		return LinkConnecting
	}
}

// The pauses after which the links are looked at again: the core tells when a
// stream opens or ends, not when opening it fails.
var linkPauses = []time.Duration{time.Second, 3 * time.Second, 10 * time.Second, 30 * time.Second}

// watchLinks looks again while a link is undecided; the caller holds mu.
func (b *Inbox) watchLinks() {
	if b.rechecks >= len(linkPauses) {
		return
	}
	for _, a := range b.accounts {
		if a.Link == LinkConnecting && a.Status != device.AccountRevoked {
			pause := linkPauses[b.rechecks]
			b.rechecks++
			b.after(timerLinks, pause, func() { b.reread(); b.watchLinks() })
			return
		}
	}
}

package flow

import (
	"strings"
	"time"

	"github.com/nod-auth/nod/app/internal/resource"
	"github.com/nod-auth/nod/app/internal/ui/prompt"
	"github.com/nod-auth/nod/mobile/device"
	"github.com/nod-auth/nod/shared/protocol"
)

// blocked is a way to match that no prompt knows: it cannot be approved.
const blocked prompt.Match = "blocked"

// requestOf is a verified challenge as the prompt shows it. Everything that the
// challenge carries is in it (docs/protocol.md section 7): the device signs what
// the person saw.
func requestOf(r device.Challenge, acc device.Account, now time.Time) prompt.Request {
	issued := r.Deadline.Add(-time.Duration(r.ExpiresAt-r.IssuedAt) * time.Second) // by this device's clock
	risks := newRisks(r.RiskReasons)
	out := prompt.Request{
		Who: whoAsks(r, acc), Kind: prompt.Kind(r.Action.Kind), Title: r.Action.Title, Message: r.Action.Message,
		Place:   prompt.Item{Text: r.Context.Location, Unusual: risks.take("location", "place", "city", "country")},
		Browser: prompt.Item{Text: r.Context.Browser, Unusual: risks.take("browser", "user_agent", "device")},
		When:    prompt.Item{Text: whenAsked(issued, now), Unusual: risks.take("time", "when")},
		Network: prompt.Item{Text: joined(r.Context.IP, r.Context.Network), Unusual: risks.take("ip", "network")},
		Match:   prompt.Match(r.Match.Mode), Digits: r.Match.Digits, Options: r.Match.Options, Code: r.Match.Code,
		Unknown: r.Unsupported, ExpiresAt: r.Deadline, Lifetime: time.Duration(r.ExpiresAt-r.IssuedAt) * time.Second,
	}
	for _, d := range r.Details {
		addDetail(&out, d, risks)
	}
	if (r.Requirements.UserVerification || out.Kind == prompt.Payment) && asks(r.Verification) {
		out.Verification = text("prompt.pin")
	}
	warnings := risks.rest()
	for _, b := range r.Blockers {
		if b != device.BlockUnsupported { // the prompt has its own words for that one
			out.Match = blocked
			warnings = append(warnings, text("prompt.block."+string(b)))
		}
	}
	out.Warning = strings.Join(warnings, " ")
	return out
}

// addDetail puts the first amount and payee of a payment large, the rest in rows.
func addDetail(out *prompt.Request, d protocol.Detail, risks *risks) {
	unusual := risks.take(d.Kind, d.Label)
	large := out.Kind == prompt.Payment && unusual == ""
	switch {
	case large && d.Kind == "amount" && out.Money.Amount == "":
		out.Money.Amount = d.Value
	case large && d.Kind == "payee" && out.Money.Payee == "" && out.Money.Amount != "":
		out.Money.Payee = d.Value
	default:
		icons := map[string]resource.Icon{"amount": resource.IconMoney, "payee": resource.IconPerson, "reference": resource.IconPen, "place": resource.IconPlace}
		out.Details = append(out.Details, prompt.Detail{Label: d.Label, Item: prompt.Item{Text: d.Value, Unusual: unusual}, Icon: icons[d.Kind]})
	}
}

// risks hands each reason out once, to the row it is about.
type risks struct{ left []protocol.RiskReason }

func newRisks(reasons []protocol.RiskReason) *risks {
	return &risks{left: append([]protocol.RiskReason(nil), reasons...)}
}

// take returns the words of the reasons about a row, by any of its names.
func (r *risks) take(names ...string) string {
	var words []string
	kept := r.left[:0]
	for _, reason := range r.left {
		if reason.About != "" && contains(names, reason.About) {
			words = append(words, riskName(reason.Code))
		} else {
			kept = append(kept, reason)
		}
	}
	r.left = kept
	return strings.Join(words, ", ")
}

// rest are sentences for the reasons that no row took.
func (r *risks) rest() []string {
	var out []string
	for _, reason := range r.left {
		out = append(out, text("risk.other", map[string]any{"Reason": riskName(reason.Code)}))
	}
	r.left = nil
	return out
}

func contains(names []string, s string) bool {
	for _, n := range names {
		if n != "" && strings.EqualFold(n, s) {
			return true
		}
	}
	return false
}

func joined(parts ...string) string {
	var out []string
	for _, p := range parts {
		if p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, " · ")
}

func whenAsked(issued, now time.Time) string {
	out := when(issued, now)
	if now.Sub(issued) < 20*time.Second {
		out += " · " + text("when.now")
	}
	return out
}

package main

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/nod-auth/nod/mobile/device"
	"github.com/nod-auth/nod/shared/protocol"
)

// width is where lines break: a terminal of the usual 80 columns with a margin.
const width = 72

// kinds are the sentences of the action kinds that Nod names; others are shown as they are.
var kinds = map[string]string{
	"sign_in": "Sign in", "payment": "Confirm a payment", "add_device": "Add a new device to your account",
}

// risks are the sentences of known risk reasons.
var risks = map[string]string{
	"new_city": "a new city", "new_country": "a new country", "new_browser": "a new browser", "new_network": "a new network",
	"unusual_time": "an unusual time", "first_payment_to_payee": "the first payment to this payee",
}

func title(c device.Challenge) string {
	if c.Action.Title != "" {
		return c.Action.Title
	}
	if s, ok := kinds[c.Action.Kind]; ok {
		return s
	}
	return c.Action.Kind
}

// prompt draws a challenge. Every text in it was signed and has no control
// characters (protocol.CheckText), so it cannot play tricks on the terminal.
func (o *output) prompt(c device.Challenge, company string, others int) string {
	var b strings.Builder
	bar := o.paint(accent, "┃")
	line := func(text string) { b.WriteString("  " + bar + " " + text + "\n") }
	b.WriteString("\n")
	line(o.paint(bold, c.Application.Name) + o.paint(dim, " asks you to approve"))
	line("")
	for _, l := range wrap(title(c), width) {
		line(o.paint(bold, l))
	}
	for _, l := range wrap(c.Action.Message, width) {
		line(l)
	}
	line("")
	for _, r := range c.RiskReasons {
		line(o.paint(caution, "▲ Unusual: "+orElse(risks[r.Code], r.Code)))
	}
	for _, row := range rows(c, company) {
		for i, l := range wrap(row.value, width-14) {
			label := ""
			if i == 0 {
				label = row.label
			}
			line(o.paint(dim, pad(label, 12)) + "  " + o.paint(row.style, l))
		}
	}
	if others > 0 {
		line("")
		line(o.paint(dim, fmt.Sprintf("%d more waiting after this one", others)))
	}
	for _, blocker := range c.Blockers {
		line("")
		line(o.paint(caution, blocked[blocker]))
	}
	b.WriteString("\n")
	b.WriteString(o.question(c))
	return b.String()
}

var blocked = map[device.Blocker]string{
	device.BlockUnconfirmed: "This device is not confirmed yet. It can only deny.",
	device.BlockUnsupported: "This request has parts that nodsim cannot show. It can only be denied.",
	device.BlockKeyLevel:    "This request needs a stronger key store than this device has. It can only be denied.",
}

type row struct{ label, value, style string }

// rows are what the person judges by: the transaction first, then from where.
func rows(c device.Challenge, company string) []row {
	var out []row
	for _, d := range c.Details {
		style := ""
		if d.Kind == "amount" || d.Kind == "payee" {
			style = bold
		}
		out = append(out, row{d.Label, d.Value, style})
	}
	unusual := map[string]bool{}
	for _, r := range c.RiskReasons {
		unusual[r.About] = true
	}
	for _, r := range []struct{ about, label, value string }{
		{"location", "Where", c.Context.Location}, {"browser", "Browser", c.Context.Browser},
		{"network", "Network", c.Context.Network}, {"ip", "Address", c.Context.IP},
		{"", "Account", orElse(c.User.Name, c.User.Ref) + " · " + company},
	} {
		style := ""
		if r.about != "" && unusual[r.about] {
			style = caution
		}
		if r.value != "" {
			out = append(out, row{r.label, r.value, style})
		}
	}
	return out
}

// question says what can be typed.
func (o *output) question(c device.Challenge) string {
	no := "  " + o.paint(danger, "d") + " deny   " + o.paint(danger, "w") + " wrong request   " + o.paint(danger, "r") + " it was not me\n"
	if len(c.Blockers) > 0 {
		return no
	}
	switch c.Match.Mode {
	case protocol.MatchEnter:
		return fmt.Sprintf("  Type the %s digits that the sign-in page shows, then Enter.\n", o.paint(bold, fmt.Sprint(c.Match.Digits))) + no
	case protocol.MatchChoose:
		return "  Which number does the sign-in page show?   " + o.paint(bold, strings.Join(c.Match.Options, "   ")) + "\n" + no
	case protocol.MatchCompare:
		return "  The sign-in page must show   " + o.paint(bold, c.Match.Code) + "   Type " + o.paint(bold, "yes") + " if it does.\n" + no
	case protocol.MatchNone:
	}
	return "  Type " + o.paint(bold, "yes") + " to approve.\n" + no
}

// countdown is the bar under a prompt.
func (o *output) countdown(left, whole time.Duration) string {
	const cells = 24
	full := 0
	if whole > 0 {
		full = min(cells, max(0, int(int64(cells)*int64(left)/int64(whole))))
	}
	style := accent
	if left < 15*time.Second {
		style = caution
	}
	return "  " + o.paint(style, strings.Repeat("━", full)) + o.paint(dim, strings.Repeat("━", cells-full)) +
		fmt.Sprintf("  %3d s left", max(0, int(left.Round(time.Second)/time.Second)))
}

// outcomes are what a person is told, and in which color.
var outcomes = map[device.OutcomeKind]struct{ style, text string }{
	device.OutcomeApproved:         {good, "✓ Approved."},
	device.OutcomeDenied:           {danger, "✗ Denied."},
	device.OutcomeReported:         {danger, "✗ Reported. The company knows that it was not you."},
	device.OutcomeNumberWrong:      {danger, "✗ The number was wrong. This request has ended; start again in the browser."},
	device.OutcomeExpired:          {dim, "· Too late: the request has expired."},
	device.OutcomeDecidedElsewhere: {dim, "· Already answered on another device."},
	device.OutcomeSuperseded:       {dim, "· A newer request has replaced this one."},
	device.OutcomeCanceled:         {dim, "· The application took the request back."},
	device.OutcomeNeedsPIN:         {caution, "! The PIN is needed."},
	device.OutcomeWrongPIN:         {caution, "! Wrong PIN."},
	device.OutcomeLockedOut:        {danger, "! Approving is locked. Deny and report still work."},
	device.OutcomeUnverified:       {caution, "! Not verified."},
	device.OutcomeOffline:          {caution, "! The server cannot be reached. The answer is kept and sent again."},
	device.OutcomeRefused:          {danger, "! The server refused"},
}

func (o *output) outcome(out device.Outcome) string {
	t := outcomes[out.Kind]
	text := t.text
	switch {
	case out.Kind == device.OutcomeWrongPIN && out.TriesLeft > 0:
		text += fmt.Sprintf(" %d tries are left.", out.TriesLeft)
	case out.Kind == device.OutcomeLockedOut && !out.Until.IsZero():
		text += " Until " + out.Until.Local().Format("15:04") + "."
	case out.Kind == device.OutcomeRefused:
		text += " (" + string(out.Code) + ")."
	}
	return "  " + o.paint(t.style, text) + "\n"
}

// wrap breaks a text between words into lines of at most n characters.
func wrap(text string, n int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		for utf8.RuneCountInString(word) > n { // a word longer than a line
			r := []rune(word)
			if line != "" {
				lines, line = append(lines, line), ""
			}
			lines, word = append(lines, string(r[:n])), string(r[n:])
		}
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) <= n:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

func pad(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s + strings.Repeat(" ", n-utf8.RuneCountInString(s))
}

func challengeEvent(c device.Challenge) event {
	return event{
		"event": "challenge", "account": c.Account, "challenge": c.ID, "application": c.Application.Name, "kind": c.Action.Kind,
		"title": c.Action.Title, "message": c.Action.Message, "details": c.Details, "context": c.Context, "user": c.User.Ref,
		"match":   event{"mode": c.Match.Mode, "digits": c.Match.Digits, "options": c.Match.Options, "code": c.Match.Code},
		"unusual": c.RiskReasons, "blockers": c.Blockers, "seconds_left": int(time.Until(c.Deadline).Round(time.Second) / time.Second),
	}
}

func outcomeEvent(c device.Challenge, answer protocol.Answer, out device.Outcome) event {
	return event{
		"event": "outcome", "account": c.Account, "challenge": c.ID, "answer": answer, "outcome": out.Kind, "status": out.Status, "code": out.Code,
	}
}

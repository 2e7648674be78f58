// Package prompt owns the screens of one request: the prompt itself, the
// question behind its red button, and what is shown afterwards.
//
// It is told what to show in plain values and reports what the person did
// through functions; it verifies, signs and sends nothing. Its invariants are
// the ones a reflex must not get past (docs/threat-model.md, T07):
//
//   - Approve is disabled until the number is complete, is never a default
//     button and never has the focus unless the person moved it there;
//   - nothing is accepted in the first 600 ms after the prompt appears, nor after
//     the window was raised ([Prompt.Appeared]);
//   - nothing is accepted once it has expired, and it says so;
//   - a request with parts this app cannot show cannot be approved;
//   - the red button, and Esc, open one question; neither answers by itself.
package prompt

import (
	"sort"
	"strings"
	"time"

	"github.com/nod-auth/nod/app/internal/resource"
	"github.com/nod-auth/nod/app/internal/widgets"
)

// Kind is what is being asked.
type Kind string

// The kinds with words of their own; any other is shown by its Title.
const (
	SignIn    Kind = "sign_in"
	Payment   Kind = "payment"
	AddDevice Kind = "add_device"
)

// Match is how the number is matched.
type Match string

// The ways to match, in the protocol's words.
const (
	Enter   Match = "enter"
	Choose  Match = "choose"
	Compare Match = "compare"
	None    Match = "none"
)

// Item is one known thing and what is unusual about it.
type Item struct {
	Text    string
	Unusual string // "new city"; "" when nothing is
}

// Detail is one labelled field of the transaction.
type Detail struct {
	Label string
	Item
	Icon resource.Icon // "" picks one
}

// Money is what a payment's prompt sets large.
type Money struct {
	Amount string // as the server wrote it: "€ 1 250.00"
	Payee  string
}

// Request is everything one prompt shows. Empty items are left out.
type Request struct {
	Who     widgets.Who
	Kind    Kind
	Title   string // the application's own words; "" takes those of Kind
	Message string
	Money   Money // for Payment
	Details []Detail
	Place   Item
	Browser Item
	When    Item
	Network Item
	Warning string // one sentence that is set apart

	Match   Match
	Digits  int      // for Enter
	Options []string // for Choose
	Code    string   // for Compare

	// Verification says what Approve will ask for: "Approve asks for your PIN
	// and signs exactly this." Empty says nothing.
	Verification string
	// Unknown names members of the request this app cannot show. With any,
	// Approve stays disabled.
	Unknown []string

	ExpiresAt time.Time
	Lifetime  time.Duration // from creation to expiry, for the ring
	Practice  bool          // a practice prompt says that it is one
}

// title returns the question of the page.
func (r Request) title() string {
	if r.Title != "" {
		return flat(r.Title)
	}
	switch r.Kind {
	case SignIn:
		return resource.Text("prompt.title.sign_in")
	case AddDevice:
		return resource.Text("prompt.title.add_device")
	case Payment:
		return resource.Text("prompt.title.payment")
	}
	return resource.Text("prompt.title.other")
}

// refuse is the label of the red button.
func (r Request) refuse() string {
	if r.Kind == SignIn || r.Kind == AddDevice {
		return resource.Text("prompt.not_me")
	}
	return resource.Text("prompt.reject")
}

// flat puts a text of the server's on one line, so that it cannot push what
// follows out of sight with empty lines.
func flat(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool {
		return r == '\n' || r == '\r' || r == '\t' || r == '\v' || r == '\f' || r == 0x85 || r == 0x2028 || r == 0x2029
	}), " ")
}

func (r Request) who() widgets.Who {
	return widgets.Who{Company: flat(r.Who.Company), User: flat(r.Who.User), Color: r.Who.Color}
}

// facts returns the first card: what is unusual comes first, the rest in the
// order details, place, browser, time.
func (r Request) facts() []widgets.Fact {
	var out []widgets.Fact
	for _, d := range r.Details {
		icon := d.Icon
		if icon == "" {
			icon = resource.IconHash
		}
		out = append(out, widgets.Fact{Icon: icon, Label: flat(d.Label), Value: flat(d.Text), Tag: flat(d.Unusual)})
	}
	where := "prompt.where"
	if r.Kind == Payment {
		where = "prompt.asked_from"
	}
	add := func(icon resource.Icon, label string, it Item) {
		if it.Text != "" {
			out = append(out, widgets.Fact{Icon: icon, Label: resource.Text(label), Value: flat(it.Text), Tag: flat(it.Unusual)})
		}
	}
	add(resource.IconPlace, where, r.Place)
	add(resource.IconBrowser, "prompt.browser", r.Browser)
	add(resource.IconClock, "prompt.when", r.When)
	if r.Network.Unusual != "" {
		add(resource.IconNetwork, "prompt.network", r.Network)
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].Tag != "" && out[j].Tag == "" })
	return out
}

// more returns the second card, which a wide window has room for.
func (r Request) more() []widgets.Fact {
	if r.Network.Text == "" || r.Network.Unusual != "" {
		return nil
	}
	return []widgets.Fact{{Icon: resource.IconNetwork, Label: resource.Text("prompt.network"), Value: flat(r.Network.Text)}}
}

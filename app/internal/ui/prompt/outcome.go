package prompt

import (
	"fyne.io/fyne/v2"

	"github.com/nod-auth/nod/app/internal/resource"
	"github.com/nod-auth/nod/app/internal/theme"
	"github.com/nod-auth/nod/app/internal/widgets"
)

// Result is what became of a request.
type Result string

// The results a page exists for.
const (
	Approved    Result = "approved"
	Denied      Result = "denied"
	Reported    Result = "reported"
	WrongNumber Result = "wrong_number" // the server ended the request
	ExpiredNow  Result = "expired"
	Elsewhere   Result = "elsewhere" // answered on another device, or withdrawn
	NotSent     Result = "not_sent"  // the answer did not reach the server
)

// OutcomeParams makes an outcome page.
type OutcomeParams struct {
	Result    Result
	Who       widgets.Who
	Place     string // from where it was asked; "" when unknown
	RequestID string // small below, for support; "" for none
	Practice  bool
	Done      func()
	Retry     func() // for NotSent; nil leaves the button out
	// Report says afterwards that it was not the person: a report is taken after
	// the end of a request, too. Nil leaves the button out.
	Report func()
}

type outcomeLook struct {
	icon     resource.Icon
	ink, pad theme.Token
	kind     widgets.Kind
	steps    int // how many things to do are listed
}

var outcomeLooks = map[Result]outcomeLook{
	Approved:    {resource.IconCheck, theme.OK, theme.OKWeak, widgets.Weak, 0},
	Denied:      {resource.IconCross, theme.Secondary, theme.Idle, widgets.Weak, 0},
	Reported:    {resource.IconCross, theme.Bad, theme.BadWeak, widgets.Weak, 3},
	WrongNumber: {resource.IconHash, theme.Warn, theme.WarnWeak, widgets.Weak, 2},
	ExpiredNow:  {resource.IconClock, theme.Secondary, theme.Idle, widgets.Weak, 0},
	Elsewhere:   {resource.IconLaptop, theme.Secondary, theme.Idle, widgets.Weak, 0},
	NotSent:     {resource.IconOffline, theme.Warn, theme.WarnWeak, widgets.Weak, 0},
}

// NewOutcome makes the page that says what became of a request: one sentence,
// and after a report what to do now.
func NewOutcome(p OutcomeParams) fyne.CanvasObject {
	look := outcomeLooks[p.Result]
	data := map[string]any{"Company": p.Who.Company, "Place": p.Place}
	key := "outcome." + string(p.Result)
	body := widgets.Column(0, widgets.Mark(look.icon, look.ink, look.pad), widgets.Room(20),
		widgets.Center(text(key+".title"), theme.Title, theme.Ink), widgets.Room(8),
		widgets.Narrower(24, widgets.Center(leadOf(p, key, data), theme.Lead, theme.Secondary)))
	if look.steps > 0 && !p.Practice {
		list := widgets.Column(0, widgets.T(text("outcome.todo"), theme.Heading, theme.Ink), widgets.Room(4))
		for i := range look.steps {
			list.Add(widgets.T(text(key+".step"+string(rune('1'+i)), data), theme.Body, theme.Secondary))
		}
		body.Add(widgets.Room(26))
		body.Add(widgets.NewPanel(widgets.CardSurface(widgets.Around(16)), list))
	}
	foot := widgets.Column(12)
	if p.RequestID != "" {
		foot.Add(widgets.Center(text("error.request_id", map[string]any{"ID": p.RequestID}), theme.Label, theme.Secondary))
	}
	if p.Result == NotSent && p.Retry != nil {
		foot.Add(widgets.NewButton(widgets.Primary, text("error.retry"), p.Retry))
	}
	done := widgets.NewButton(look.kind, text("outcome.done"), p.Done)
	if p.Report != nil && p.Result != Reported && p.Result != NotSent {
		foot.Add(widgets.Actions(12, widgets.NewButton(widgets.Danger, text("deny.not_me"), p.Report), done))
	} else {
		foot.Add(done)
	}
	return widgets.NewPage(widgets.PageParams{Body: body, Foot: foot, Center: true, MaxWidth: 440})
}

// leadOf is the sentence; a report names the place when it is known.
func leadOf(p OutcomeParams, key string, data map[string]any) string {
	switch {
	case p.Practice:
		return text("outcome.practice." + practiceKey(p.Result))
	case p.Result == Reported && p.Place == "":
		return text(key+".lead_nowhere", data)
	}
	return text(key+".lead", data)
}

func practiceKey(r Result) string {
	if r == Reported || r == Denied || r == Approved {
		return string(r)
	}
	return "other"
}

// Package activity owns the page of what was asked and answered.
package activity

import (
	"fyne.io/fyne/v2"

	"github.com/nod-auth/nod/app/internal/resource"
	"github.com/nod-auth/nod/app/internal/theme"
	"github.com/nod-auth/nod/app/internal/widgets"
)

// Status is how a request ended, in the protocol's words.
type Status string

// The final statuses.
const (
	Approved   Status = "approved"
	Denied     Status = "denied"
	Reported   Status = "reported"
	Expired    Status = "expired"
	Canceled   Status = "canceled"
	Superseded Status = "superseded"
	Failed     Status = "failed"
)

var inks = map[Status]theme.Token{
	Approved: theme.OK, Denied: theme.Bad, Reported: theme.Bad, Failed: theme.Warn,
}

// Entry is one request of the past.
type Entry struct {
	ID     string
	Title  string // "Example Bank · Sign-in"
	Sub    string // "Porto · 14:02 · number matched"
	Status Status
}

// Day groups entries under a word: "TODAY".
type Day struct {
	Name    string
	Entries []Entry
}

// Params makes the page.
type Params struct {
	Days    []Day
	OnEntry func(id string) // nil makes entries that cannot be opened
	Problem string          // the history cannot be read: a sentence
}

// New makes the page; the newest day comes first.
func New(p Params) fyne.CanvasObject {
	body, center := widgets.Column(10), false
	switch {
	case p.Problem != "":
		center = true
		body.Add(widgets.State(widgets.StateParams{Icon: resource.IconWarning, Bad: true, Title: text("activity.problem"), Lead: p.Problem}))
	case len(p.Days) == 0:
		center = true
		body.Add(widgets.State(widgets.StateParams{Icon: resource.IconClock, Title: text("activity.empty.title"), Lead: text("activity.empty.lead")}))
	}
	for _, d := range p.Days {
		body.Add(widgets.Section(d.Name))
		for _, e := range d.Entries {
			body.Add(entry(e, p.OnEntry))
		}
	}
	return widgets.NewPage(widgets.PageParams{
		Head: widgets.TitleRow(text("activity.title"), nil), Body: body, Center: center,
		Gap: 12, Pad: &widgets.Insets{Top: 26, Right: 20, Bottom: 12, Left: 20},
	})
}

func entry(e Entry, open func(string)) fyne.CanvasObject {
	ink, ok := inks[e.Status]
	if !ok {
		ink = theme.Secondary
	}
	content := widgets.Row(12, 0, widgets.Column(0, widgets.T(e.Title, theme.Heading, theme.Ink),
		widgets.T(e.Sub, theme.Label, theme.Secondary)), widgets.OneLine(text("status."+string(e.Status)), theme.Note, ink))
	if open == nil {
		return widgets.NewPanel(widgets.CardSurface(widgets.Sides(13, 15)), content)
	}
	return widgets.NewPress(widgets.CardSurface(widgets.Sides(13, 15)), content, func() { open(e.ID) })
}

func text(key string, data ...map[string]any) string { return resource.Text(key, data...) }

// Package notice owns the pages for what is not a screen of its own: something
// went wrong, or something takes a moment.
package notice

import (
	"fyne.io/fyne/v2"

	"github.com/nod-auth/nod/app/internal/resource"
	"github.com/nod-auth/nod/app/internal/theme"
	"github.com/nod-auth/nod/app/internal/widgets"
)

// Params makes an error page: what happened, what to do, one button.
type Params struct {
	Icon      resource.Icon // "" is the warning sign
	Title     string
	Lead      string
	Action    string
	OnAction  func()
	Other     string // a second, quiet way; "" for none
	OnOther   func()
	RequestID string
}

// New makes the page.
func New(p Params) fyne.CanvasObject {
	icon := p.Icon
	if icon == "" {
		icon = resource.IconWarning
	}
	body := widgets.State(widgets.StateParams{Icon: icon, Bad: true, Title: p.Title, Lead: p.Lead})
	foot := widgets.Column(10)
	if p.RequestID != "" {
		foot.Add(widgets.Center(text("error.request_id", map[string]any{"ID": p.RequestID}), theme.Label, theme.Secondary))
	}
	if p.Action != "" {
		foot.Add(widgets.NewButton(widgets.Primary, p.Action, p.OnAction))
	}
	if p.Other != "" {
		foot.Add(widgets.NewButton(widgets.Quiet, p.Other, p.OnOther))
	}
	return widgets.NewPage(widgets.PageParams{Body: body, Foot: foot, Center: true, MaxWidth: 440})
}

// NewWait makes the page for what takes a moment: a sentence, nothing that moves.
func NewWait(title, lead string, onCancel func()) fyne.CanvasObject {
	body := widgets.State(widgets.StateParams{Icon: resource.IconClock, Title: title, Lead: lead})
	var foot fyne.CanvasObject
	if onCancel != nil {
		foot = widgets.NewButton(widgets.Quiet, text("cancel"), onCancel)
	}
	return widgets.NewPage(widgets.PageParams{Body: body, Foot: foot, Center: true, MaxWidth: 440})
}

func text(key string, data ...map[string]any) string { return resource.Text(key, data...) }

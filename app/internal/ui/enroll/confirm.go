package enroll

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"

	"github.com/nod-auth/nod/app/internal/resource"
	"github.com/nod-auth/nod/app/internal/theme"
	"github.com/nod-auth/nod/app/internal/widgets"
)

// ConfirmParams makes the page that is shown before anything is contacted.
type ConfirmParams struct {
	Who    widgets.Who
	Server string // host, with its port when it is not 443
	Key    string // "Made on this device, kept in its TPM"
	// Weak says in a sentence why the key is not kept in hardware; "" when it is.
	Weak     string
	OnAdd    func()
	OnCancel func()
}

// Confirm is the page.
type Confirm struct {
	widget.BaseWidget
	page   *widgets.Page
	cancel func()
	busy   func()
}

// NewConfirm makes the page.
func NewConfirm(p ConfirmParams) *Confirm {
	c := &Confirm{cancel: p.OnCancel}
	body := heading(p.Who, text("confirm.title", map[string]any{"Company": p.Who.Company}))
	body.Add(widgets.Room(24))
	body.Add(widgets.Facts([]widgets.Fact{
		{Icon: resource.IconServer, Label: text("confirm.server"), Value: p.Server},
		{Icon: resource.IconKey, Label: text("confirm.key"), Value: p.Key},
		{Icon: resource.IconList, Label: text("confirm.next"), Value: text("confirm.next.value")},
	}))
	if p.Weak != "" {
		body.Add(widgets.Room(12))
		body.Add(widgets.Warning(p.Weak))
	}
	body.Add(widgets.Room(16))
	body.Add(widgets.Center(text("confirm.only"), theme.Body, theme.Secondary))
	add := widgets.NewButton(widgets.Primary, text("confirm.add"), p.OnAdd)
	c.busy = func() { add.SetDisabled(true); add.SetText(text("wait")) }
	c.page = cancelPage(p.OnCancel, body, add)
	c.ExtendBaseWidget(c)
	return c
}

// Busy shows that the account is being added; nothing can be tapped twice.
func (c *Confirm) Busy() { c.busy() }

// CreateRenderer implements fyne.Widget.
func (c *Confirm) CreateRenderer() fyne.WidgetRenderer { return widget.NewSimpleRenderer(c.page) }

// TypedKey takes Esc from the canvas.
func (c *Confirm) TypedKey(e *fyne.KeyEvent) {
	if e.Name == fyne.KeyEscape {
		c.cancel()
	}
}

// heading is a company's tile over a title and the person's name there.
func heading(w widgets.Who, title string) *fyne.Container {
	body := widgets.Column(0, widgets.Room(16), widgets.Middle(widgets.NewTile(w.Company, w.Color, 72)), widgets.Room(18),
		widgets.Center(title, theme.Title, theme.Ink))
	if w.User != "" {
		body.Add(widgets.Room(6))
		body.Add(widgets.Center(text("confirm.for", map[string]any{"User": w.User}), theme.Body, theme.Secondary))
	}
	return body
}

func cancelPage(cancel func(), body, foot fyne.CanvasObject) *widgets.Page {
	return widgets.NewPage(widgets.PageParams{
		Head: widgets.Row(0, -1, widgets.LinkButton(text("cancel"), theme.Secondary, cancel)), Body: body, Foot: foot, MaxWidth: 440,
		Gap: 10, Pad: &widgets.Insets{Top: 20, Right: 20, Bottom: 24, Left: 20},
	})
}

// CodeState is what the code page waits for.
type CodeState string

// The states of the code page.
const (
	WaitCode     CodeState = "code"     // for the code to be typed in the browser
	WaitApproval CodeState = "approval" // for another device to approve this one
	CodeFailed   CodeState = "failed"   // a wrong code was typed: the enrollment is over
)

// CodeParams makes the page with the code to type in the browser.
type CodeParams struct {
	Who      widgets.Who
	Code     string // six digits
	State    CodeState
	Server   string
	OnCancel func()
	OnAgain  func() // after CodeFailed
}

// NewCode makes the page.
func NewCode(p CodeParams) fyne.CanvasObject {
	data := map[string]any{"Company": p.Who.Company, "Server": p.Server}
	switch p.State {
	case WaitCode: // below
	case WaitApproval:
		return cancelPage(p.OnCancel, widgets.Column(0, widgets.Room(70), widgets.State(widgets.StateParams{
			Icon: resource.IconLaptop, Title: text("code.approval.title"), Lead: text("code.approval.lead", data),
		})), nil)
	case CodeFailed:
		return cancelPage(p.OnCancel, widgets.Column(0, widgets.Room(70), widgets.State(widgets.StateParams{
			Icon: resource.IconWarning, Bad: true, Title: text("code.failed.title"), Lead: text("code.failed.lead", data),
		})), widgets.NewButton(widgets.Primary, text("code.failed.again"), p.OnAgain))
	}
	code := widgets.NewCodeText(p.Code, theme.Amount, theme.Primary)
	card := widgets.NewPanel(widgets.CardSurface(widgets.Sides(22, 12)), widgets.Middle(code.Container))
	body := heading(p.Who, text("code.title"))
	body.Add(widgets.Room(20))
	body.Add(card)
	body.Add(widgets.Room(16))
	body.Add(widgets.Center(text("code.lead", data), theme.Body, theme.Secondary))
	body.Add(widgets.Room(16))
	body.Add(widgets.Warning(text("code.warning")))
	waiting := widgets.Center(text("code.waiting"), theme.Body, theme.Secondary)
	return cancelPage(p.OnCancel, body, waiting)
}

// Package account owns the page of one account: the device's name and key, its
// other devices, its one-time code, and the way to remove it.
package account

import (
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"

	"github.com/nod-auth/nod/app/internal/resource"
	"github.com/nod-auth/nod/app/internal/theme"
	"github.com/nod-auth/nod/app/internal/widgets"
)

// Device is another device of the same person.
type Device struct {
	Name  string
	Sub   string // "Pixel 9 · last used yesterday"
	Phone bool
}

// Params makes the page. Empty parts are left out.
type Params struct {
	Who        widgets.Who
	Server     string
	DeviceName string
	KeyLevel   string // "TPM", worded; what the server knows, never more
	KeyStrong  bool   // the key cannot leave this device
	LastUsed   string
	Added      string
	Code       string
	Left       time.Duration
	Period     time.Duration
	Devices    []Device
	// Problem is what the person must do, with the button's words and function.
	Problem, ProblemAction string
	OnProblem              func()
	// Stronger offers to move the key: a sentence; "" offers nothing.
	Stronger string
	OnRotate func()
	OnRename func()
	OnCopy   func() // copies the code
	OnRemove func()
	OnBack   func() // nil in a wide window
}

// Account is the page.
type Account struct {
	widget.BaseWidget
	p    Params
	page *widgets.Page
	code *widgets.CodeText
	ring *widgets.Ring
}

// New makes the page.
func New(p Params) *Account {
	a := &Account{p: p}
	body := widgets.Column(12)
	a.addTop(body)
	a.addDevice(body)
	if len(p.Devices) > 0 {
		rows := make([]fyne.CanvasObject, 0, len(p.Devices))
		for _, d := range p.Devices {
			icon := resource.IconLaptop
			if d.Phone {
				icon = resource.IconPhone
			}
			rows = append(rows, widgets.NewRow(widgets.RowParams{Icon: icon, Title: d.Name, Sub: d.Sub}))
		}
		body.Add(widgets.Section(text("account.devices")))
		body.Add(widgets.Group(rows...))
	}
	body.Add(widgets.Room(0))
	body.Add(widgets.Group(widgets.NewRow(widgets.RowParams{Icon: resource.IconTrash, Title: text("account.remove"), Color: theme.Bad, OnTap: p.OnRemove})))
	head := widgets.Column(8)
	if p.OnBack != nil {
		head.Add(widgets.BackLink(text("back"), p.OnBack))
	}
	head.Add(widgets.Header(p.Who, nil))
	a.page = widgets.NewPage(widgets.PageParams{Head: head, Body: body, Pad: &widgets.Insets{Top: 20, Right: 20, Bottom: 20, Left: 20}})
	a.ExtendBaseWidget(a)
	return a
}

func (a *Account) addTop(body *fyne.Container) {
	p := a.p
	if p.Problem != "" {
		body.Add(widgets.Warning(p.Problem))
		if p.OnProblem != nil {
			body.Add(widgets.NewButton(widgets.Primary, p.ProblemAction, p.OnProblem))
		}
	}
	if p.Code != "" {
		a.code = widgets.NewCodeText(p.Code, theme.Code, theme.Ink)
		a.ring = widgets.CalmRing(p.Left, p.Period)
		content := widgets.Row(12, 0, widgets.Column(0, widgets.T(text("account.code"), theme.Label, theme.Secondary),
			a.code.Container), a.ring)
		body.Add(widgets.NewPress(widgets.CardSurface(widgets.Sides(13, 16)), content, p.OnCopy))
		body.Add(widgets.Narrower(4, widgets.T(text("account.code.hint"), theme.Label, theme.Secondary)))
	}
}

func (a *Account) addDevice(body *fyne.Container) {
	p := a.p
	body.Add(widgets.Section(text("account.this_device")))
	level := theme.OK
	if !p.KeyStrong {
		level = theme.Warn
	}
	rows := []fyne.CanvasObject{
		widgets.NewRow(widgets.RowParams{Icon: resource.IconLaptop, Title: text("account.name"), Value: p.DeviceName, Color: theme.Secondary, OnTap: p.OnRename}),
		widgets.NewRow(widgets.RowParams{Icon: resource.IconKey, Title: text("account.key"), Value: p.KeyLevel, Color: level}),
	}
	tell := func(icon resource.Icon, key, value string) {
		if value != "" {
			rows = append(rows, widgets.NewRow(widgets.RowParams{Icon: icon, Title: text(key), Value: value}))
		}
	}
	tell(resource.IconClock, "account.last_used", p.LastUsed)
	tell(resource.IconPlus, "account.added", p.Added)
	tell(resource.IconServer, "account.server", p.Server)
	body.Add(widgets.Group(rows...))
	if p.Stronger != "" {
		body.Add(widgets.Card(12, widgets.T(text("account.stronger"), theme.Heading, theme.Ink),
			widgets.T(p.Stronger, theme.Body, theme.Secondary), widgets.NewButton(widgets.Weak, text("account.rotate"), p.OnRotate)))
	}
}

// SetCode shows the code in force and the time until the next.
func (a *Account) SetCode(code string, left time.Duration) {
	if a.code != nil {
		a.code.Set(code)
		a.ring.Set(left)
	}
}

// CreateRenderer implements fyne.Widget.
func (a *Account) CreateRenderer() fyne.WidgetRenderer { return widget.NewSimpleRenderer(a.page) }

// TypedKey takes Esc from the canvas.
func (a *Account) TypedKey(e *fyne.KeyEvent) {
	if e.Name == fyne.KeyEscape && a.p.OnBack != nil {
		a.p.OnBack()
	}
}

// RemoveParams makes the question before an account is removed.
type RemoveParams struct {
	Who      widgets.Who
	LastOne  bool // no other device can answer for this account
	OnRemove func()
	OnKeep   func()
}

// NewRemove makes the question.
func NewRemove(p RemoveParams) fyne.CanvasObject {
	data := map[string]any{"Company": p.Who.Company}
	lead := text("remove.lead", data)
	if p.LastOne {
		lead = text("remove.lead_last", data)
	}
	body := widgets.Column(0, widgets.Middle(widgets.NewTile(p.Who.Company, p.Who.Color, 72)), widgets.Room(18),
		widgets.Center(text("remove.title", data), theme.Title, theme.Ink), widgets.Room(8),
		widgets.Narrower(12, widgets.Center(lead, theme.Lead, theme.Secondary)))
	foot := widgets.Actions(12, widgets.NewButton(widgets.Danger, text("remove.yes"), p.OnRemove), widgets.NewButton(widgets.Weak, text("remove.no"), p.OnKeep))
	return widgets.NewPage(widgets.PageParams{Body: body, Foot: foot, Center: true, MaxWidth: 440})
}

func text(key string, data ...map[string]any) string { return resource.Text(key, data...) }

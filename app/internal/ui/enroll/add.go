package enroll

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"

	"github.com/nod-auth/nod/app/internal/resource"
	"github.com/nod-auth/nod/app/internal/theme"
	"github.com/nod-auth/nod/app/internal/widgets"
)

// AddParams makes the page of ways. A nil function leaves its way out.
type AddParams struct {
	Scheme      string // of the brand's links: "nod"
	OnScan      func() // a phone's camera
	OnPaste     func() // the clipboard: a link, a code or a picture
	OnOpenImage func() // a picture with a QR code
	OnText      func(string)
	OnCancel    func()
	Problem     string // why the last try did not work; "" for none
}

// Add is the page of ways to add an account.
type Add struct {
	widget.BaseWidget
	page  *widgets.Page
	field *widgets.Field
	p     AddParams
}

// NewAdd makes the page.
func NewAdd(p AddParams) *Add {
	a := &Add{p: p}
	var rows []fyne.CanvasObject
	way := func(icon resource.Icon, key string, do func()) {
		if do != nil {
			rows = append(rows, widgets.NewRow(widgets.RowParams{Icon: icon, Title: text(key), Sub: text(key + ".sub"), OnTap: do}))
		}
	}
	way(resource.IconScan, "add.scan", p.OnScan)
	way(resource.IconClipboard, "add.paste", p.OnPaste)
	way(resource.IconImage, "add.image", p.OnOpenImage)
	next := widgets.NewButton(widgets.Primary, text("add.next"), a.submit)
	next.SetDisabled(true)
	a.field = widgets.NewField(widgets.FieldParams{
		Label: text("add.link"), Placeholder: text("add.placeholder", map[string]any{"Scheme": p.Scheme}), OnEscape: p.OnCancel,
		OnChange: func(s string) { next.SetDisabled(strings.TrimSpace(s) == "") },
		OnReturn: func(string) { a.submit() },
	})
	if p.Problem != "" {
		a.field.Say(p.Problem)
	}
	body := widgets.Column(0, widgets.T(text("add.title"), theme.Title, theme.Ink), widgets.Room(6),
		widgets.T(text("add.lead"), theme.Body, theme.Secondary), widgets.Room(18))
	if len(rows) > 0 {
		body.Add(widgets.Group(rows...))
		body.Add(widgets.Room(20))
	}
	body.Add(a.field)
	a.page = widgets.NewPage(widgets.PageParams{
		Head: widgets.Row(0, -1, widgets.LinkButton(text("cancel"), theme.Secondary, p.OnCancel)), Body: body, Foot: next, MaxWidth: 480,
		Gap: 12, Pad: &widgets.Insets{Top: 20, Right: 20, Bottom: 24, Left: 20},
	})
	a.ExtendBaseWidget(a)
	return a
}

func (a *Add) submit() {
	if s := strings.TrimSpace(a.field.Text()); s != "" {
		a.p.OnText(s)
	}
}

// SetText puts a link or code into the field, as if it had been typed.
func (a *Add) SetText(s string) { a.field.SetText(s) }

// Problem says below the field why the last try did not work.
func (a *Add) Problem(s string) { a.field.Say(s); a.page.Refresh() }

// CreateRenderer implements fyne.Widget.
func (a *Add) CreateRenderer() fyne.WidgetRenderer { return widget.NewSimpleRenderer(a.page) }

// TypedKey takes Esc from the canvas.
func (a *Add) TypedKey(e *fyne.KeyEvent) {
	if e.Name == fyne.KeyEscape {
		a.p.OnCancel()
	}
}

// Package settings owns the page of choices and the page of diagnostics.
//
// It stores nothing: each choice is reported, and whoever is told makes the page
// anew with what then holds.
package settings

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"

	"github.com/nod-auth/nod/app/internal/resource"
	"github.com/nod-auth/nod/app/internal/theme"
	"github.com/nod-auth/nod/app/internal/widgets"
)

// Params makes the page. A nil function leaves its row out.
type Params struct {
	Lock     bool
	OnLock   func(bool)
	LockSub  string // "PIN, after 5 minutes"
	OnPIN    func() // change the PIN
	Mode     theme.Mode
	OnMode   func(theme.Mode)
	Text     float32 // 1, 1.3 or 2
	OnText   func(float32)
	Language string // a tag of resource.Languages; "" for the system's
	OnLang   func()

	Notify      bool
	OnNotify    func(bool)
	Autostart   bool
	OnAutostart func(bool)

	OnTeach       func() // the first run again, with the practice prompt
	OnDiagnostics func()
	OnLicenses    func()
	Version       string
}

// Modes and text sizes in the order of their segments.
var (
	modes = []theme.Mode{theme.ModeSystem, theme.ModeLight, theme.ModeDark}
	sizes = []float32{1, 1.3, 2}
)

// New makes the page.
func New(p Params) fyne.CanvasObject {
	body := widgets.Column(10)
	group := func(title string, rows ...fyne.CanvasObject) {
		shown := rows[:0]
		for _, r := range rows {
			if r != nil {
				shown = append(shown, r)
			}
		}
		if len(shown) > 0 {
			body.Add(widgets.Section(text(title)))
			body.Add(widgets.Group(shown...))
		}
	}
	group("settings.security",
		toggle(widgets.ToggleParams{Icon: resource.IconLock, Title: text("settings.lock"), Sub: p.LockSub, On: p.Lock, OnChange: p.OnLock}),
		row(resource.IconHash, "settings.pin", "", p.OnPIN))
	body.Add(widgets.Section(text("settings.look")))
	body.Add(look(p))
	group("settings.being_there",
		toggle(widgets.ToggleParams{Icon: resource.IconBell, Title: text("settings.notify"), Sub: text("settings.notify.sub"), On: p.Notify, OnChange: p.OnNotify}),
		toggle(widgets.ToggleParams{Icon: resource.IconLaptop, Title: text("settings.autostart"), On: p.Autostart, OnChange: p.OnAutostart}))
	group("settings.help",
		row(resource.IconInfo, "settings.teach", "", p.OnTeach),
		row(resource.IconPulse, "settings.diagnostics", "", p.OnDiagnostics),
		row(resource.IconList, "settings.licenses", "", p.OnLicenses))
	if p.Version != "" {
		body.Add(widgets.Center(p.Version, theme.Label, theme.Secondary))
	}
	return widgets.NewPage(widgets.PageParams{
		Head: widgets.TitleRow(text("settings.title"), nil), Body: body, Gap: 12,
		Pad: &widgets.Insets{Top: 26, Right: 20, Bottom: 12, Left: 20},
	})
}

// look is the card of the three choices of how the app looks.
func look(p Params) fyne.CanvasObject {
	here := func(i int) int { return max(i, 0) }
	mode, size := -1, -1
	for i, m := range modes {
		if m == p.Mode || p.Mode == "" && m == theme.ModeSystem {
			mode = i
		}
	}
	for i, s := range sizes {
		if s == p.Text {
			size = i
		}
	}
	choice := func(icon resource.Icon, title string, s fyne.CanvasObject) fyne.CanvasObject {
		return widgets.Padded(widgets.Sides(10, 12), 8, widgets.Row(12, 1, widgets.NewIcon(icon, 20, theme.Secondary), widgets.T(text(title), theme.Value, theme.Ink)), s)
	}
	return widgets.Group(
		choice(resource.IconMoon, "settings.theme", widgets.Segments([]string{text("settings.theme.system"), text("settings.theme.light"), text("settings.theme.dark")}, here(mode), func(i int) { p.OnMode(modes[i]) })),
		choice(resource.IconLetter, "settings.text", widgets.Segments([]string{text("settings.text.normal"), text("settings.text.large"), text("settings.text.huge")}, here(size), func(i int) { p.OnText(sizes[i]) })),
		row(resource.IconGlobe, "settings.language", languageName(p.Language), p.OnLang))
}

func languageName(tag string) string {
	for _, l := range resource.Languages() {
		if l.Tag == tag {
			return l.Name
		}
	}
	return text("settings.theme.system")
}

func toggle(p widgets.ToggleParams) fyne.CanvasObject {
	if p.OnChange == nil {
		return nil
	}
	return widgets.NewToggle(p)
}

func row(icon resource.Icon, key, value string, tap func()) fyne.CanvasObject {
	if tap == nil {
		return nil
	}
	return widgets.NewRow(widgets.RowParams{Icon: icon, Title: text(key), Value: value, OnTap: tap})
}

// Option is one of a list to pick from.
type Option struct{ Key, Name string }

// PickParams makes a page on which one of a list is picked.
type PickParams struct {
	Title   string
	Options []Option
	Current string // the key of the one in force
	OnPick  func(key string)
	OnBack  func()
}

// NewPick makes the page.
func NewPick(p PickParams) fyne.CanvasObject {
	rows := make([]fyne.CanvasObject, 0, len(p.Options))
	for _, o := range p.Options {
		rows = append(rows, widgets.NewPick(o.Name, o.Key == p.Current, func() { p.OnPick(o.Key) }))
	}
	return sub(p.Title, widgets.Column(10, widgets.Group(rows...)), nil, p.OnBack)
}

// NewLanguage makes the page on which the language is picked; OnPick is called
// with a tag of resource.Languages, or "" for the system's.
func NewLanguage(current string, onPick func(tag string), onBack func()) fyne.CanvasObject {
	options := []Option{{Name: text("settings.theme.system")}}
	for _, l := range resource.Languages() {
		options = append(options, Option{Key: l.Tag, Name: l.Name})
	}
	return NewPick(PickParams{Title: text("settings.language"), Options: options, Current: current, OnPick: onPick, OnBack: onBack})
}

// sub is a page one comes back from.
func sub(title string, body, foot fyne.CanvasObject, back func()) *Sub {
	head := widgets.Column(4, widgets.BackLink(text("back"), back), widgets.T(title, theme.Title, theme.Ink))
	s := &Sub{back: back, page: widgets.NewPage(widgets.PageParams{
		Head: head, Body: body, Foot: foot, Pad: &widgets.Insets{Top: 20, Right: 20, Bottom: 20, Left: 20},
	})}
	s.ExtendBaseWidget(s)
	return s
}

// Sub is a page one comes back from, by its link or by Esc.
type Sub struct {
	widget.BaseWidget
	page *widgets.Page
	back func()
}

// CreateRenderer implements fyne.Widget.
func (s *Sub) CreateRenderer() fyne.WidgetRenderer { return widget.NewSimpleRenderer(s.page) }

// TypedKey takes Esc from the canvas.
func (s *Sub) TypedKey(e *fyne.KeyEvent) {
	if e.Name == fyne.KeyEscape {
		s.back()
	}
}

func text(key string, data ...map[string]any) string { return resource.Text(key, data...) }

// Package firstrun owns the three pages that teach, and the practice prompt.
//
// They say what the app does, what to look at before approving, and what to do
// with a request one did not start.
package firstrun

import (
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"

	"github.com/nod-auth/nod/app/internal/resource"
	"github.com/nod-auth/nod/app/internal/theme"
	"github.com/nod-auth/nod/app/internal/ui/prompt"
	"github.com/nod-auth/nod/app/internal/widgets"
)

// Params makes a [FirstRun].
type Params struct {
	AppName    string
	Icon       fyne.Resource // the brand's; nil draws a shield
	Page       int           // the first page shown, from 0
	OnPractice func()
	OnDone     func()
}

// FirstRun is the three pages, one at a time.
type FirstRun struct {
	widget.BaseWidget
	p     Params
	at    int
	stack *fyne.Container
}

const pages = 3

// New makes the pages.
func New(p Params) *FirstRun {
	f := &FirstRun{p: p, at: min(max(p.Page, 0), pages-1), stack: container.NewStack()}
	f.ExtendBaseWidget(f)
	f.show()
	return f
}

// CreateRenderer implements fyne.Widget.
func (f *FirstRun) CreateRenderer() fyne.WidgetRenderer { return widget.NewSimpleRenderer(f.stack) }

// Page is the page shown, from 0.
func (f *FirstRun) Page() int { return f.at }

func (f *FirstRun) turn(by int) {
	if next := f.at + by; next >= 0 && next < pages {
		f.at = next
		f.show()
	}
}

// TypedKey turns the pages with the arrow keys.
func (f *FirstRun) TypedKey(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeyRight:
		f.turn(1)
	case fyne.KeyLeft:
		f.turn(-1)
	case fyne.KeyEscape:
		f.p.OnDone()
	}
}

func (f *FirstRun) show() {
	key := "first." + string(rune('1'+f.at))
	data := map[string]any{"App": f.p.AppName}
	body := widgets.Column(0, f.picture(), widgets.Room(28),
		widgets.Center(text(key+".title", data), theme.Title, theme.Ink), widgets.Room(10),
		widgets.Narrower(8, widgets.Center(text(key+".lead", data), theme.Lead, theme.Secondary)))
	foot := widgets.Column(12, widgets.Narrower(0, steps(f.at)), widgets.Room(4))
	if f.at < pages-1 {
		foot.Add(widgets.NewButton(widgets.Primary, text("first.next"), func() { f.turn(1) }))
		foot.Add(widgets.NewButton(widgets.Quiet, text("first.skip"), f.p.OnDone))
	} else {
		foot.Add(widgets.NewButton(widgets.Primary, text("first.done"), f.p.OnDone))
		foot.Add(widgets.NewButton(widgets.Outline, text("first.practice"), f.p.OnPractice))
	}
	f.stack.Objects = []fyne.CanvasObject{widgets.NewPage(widgets.PageParams{Body: body, Foot: foot, Center: true, MaxWidth: 420})}
	f.stack.Refresh()
}

// picture is a small part of the app itself, so that it is known when it comes.
func (f *FirstRun) picture() fyne.CanvasObject {
	switch f.at {
	case 0:
		if f.p.Icon != nil {
			return widgets.AppIcon(f.p.Icon)
		}
		return widgets.Mark(resource.IconShield, theme.Primary, theme.Weak)
	case 1:
		return widgets.Facts([]widgets.Fact{
			{Icon: resource.IconPlace, Label: text("prompt.where"), Value: text("first.place"), Tag: text("first.unusual")},
			{Icon: resource.IconBrowser, Label: text("prompt.browser"), Value: text("first.browser")},
		})
	}
	return widgets.Mark(resource.IconCross, theme.Bad, theme.BadWeak)
}

// steps shows which of the pages this is.
func steps(at int) fyne.CanvasObject {
	objects := make([]fyne.CanvasObject, 0, pages)
	for i := range pages {
		s := widgets.Surface{Fill: theme.Line, Radius: -1, Least: fyne.NewSize(8, 8)}
		if i == at {
			s.Fill, s.Least = theme.Primary, fyne.NewSize(22, 8)
		}
		objects = append(objects, widgets.NewPanel(s, widgets.Room(0)))
	}
	return widgets.Middle(objects...)
}

// Practice is a request that is answered for practice: nothing is sent. The
// number to type stands in its message.
func Practice(appName string, now time.Time) prompt.Request {
	return prompt.Request{
		Who: widgets.Who{Company: appName, User: text("first.you")}, Kind: prompt.SignIn, Practice: true,
		Message: text("first.practice.message"),
		Place:   prompt.Item{Text: text("first.place"), Unusual: text("first.unusual")},
		Browser: prompt.Item{Text: text("first.browser")},
		Match:   prompt.Enter, Digits: 2, ExpiresAt: now.Add(5 * time.Minute), Lifetime: 5 * time.Minute,
	}
}

// PracticeNumber is the number the practice request's message names.
const PracticeNumber = "27"

func text(key string, data ...map[string]any) string { return resource.Text(key, data...) }

package widgets

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"

	"github.com/nod-auth/nod/app/internal/resource"
	"github.com/nod-auth/nod/app/internal/theme"
)

// Mark is the large round sign of a page.
func Mark(icon resource.Icon, ink, ground theme.Token) fyne.CanvasObject {
	const side = 84
	return Middle(Fixed(fyne.NewSize(side, side), MiddlePanel(
		Surface{Fill: ground, Radius: -1, Least: fyne.NewSize(side, side)}, fixedIcon(icon, 36, ink))))
}

// AppIcon shows the brand's icon with round corners.
func AppIcon(icon fyne.Resource) fyne.CanvasObject {
	const side = 84
	img := canvas.NewImageFromResource(icon)
	img.CornerRadius = 20
	return Middle(Fixed(fyne.NewSize(side, side), img))
}

// fixedIcon does not follow the text: it stands in something of fixed size.
func fixedIcon(icon resource.Icon, side float32, c theme.Token) fyne.CanvasObject {
	i := NewIcon(icon, side, c)
	i.still = true
	return i
}

// Narrower leaves room left and right.
func Narrower(by float32, o fyne.CanvasObject) *fyne.Container {
	return Padded(Sides(0, by), 0, o)
}

// StateParams makes a page for a state without content.
type StateParams struct {
	Icon      resource.Icon
	Bad       bool // something went wrong
	Title     string
	Lead      string
	Action    string // the one button; "" for none
	OnAction  func()
	RequestID string // already worded, small below; "" for none
}

// State says that there is nothing here, or that something went wrong: one
// picture, one sentence, one button.
func State(p StateParams) fyne.CanvasObject {
	ink, ground := theme.Primary, theme.Weak
	if p.Bad {
		ink, ground = theme.Warn, theme.WarnWeak
	}
	body := Column(0, Mark(p.Icon, ink, ground), Room(20),
		Center(p.Title, theme.Title, theme.Ink), Room(8),
		Narrower(12, Center(p.Lead, theme.Lead, theme.Secondary)))
	if p.Action != "" {
		body.Add(Room(24))
		body.Add(NewButton(Primary, p.Action, p.OnAction))
	}
	if p.RequestID != "" {
		body.Add(Room(16))
		body.Add(Center(p.RequestID, theme.Label, theme.Secondary))
	}
	return body
}

// StatusBar is a slim line above the content: offline, clock wrong, locked store.
func StatusBar(icon resource.Icon, s string) fyne.CanvasObject {
	return NewPanel(Surface{Fill: theme.WarnWeak, Radius: 12, Pad: Sides(10, 14)},
		Row(10, 1, NewIcon(icon, 16, theme.Warn), T(s, theme.Body, theme.Warn)))
}

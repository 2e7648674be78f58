package gallery

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/test"

	"github.com/nod-auth/nod/app/internal/widgets"
)

// Walk visits every object that is shown, parents first, with its position on
// the screen. A false from visit leaves an object's inside out.
func Walk(o fyne.CanvasObject, visit func(o fyne.CanvasObject, at fyne.Position) bool) {
	walk(o, fyne.NewPos(0, 0), visit)
}

func walk(o fyne.CanvasObject, from fyne.Position, visit func(fyne.CanvasObject, fyne.Position) bool) {
	if o == nil || !o.Visible() {
		return
	}
	at := from.Add(o.Position())
	if !visit(o, at) {
		return
	}
	switch v := o.(type) {
	case *container.Scroll:
		walk(v.Content, at, visit)
	case *fyne.Container:
		for _, c := range v.Objects {
			walk(c, at, visit)
		}
	case fyne.Widget:
		for _, c := range test.WidgetRenderer(v).Objects() {
			walk(c, at, visit)
		}
	}
}

// Texts returns the texts that are shown, in order.
func Texts(o fyne.CanvasObject) (out []string) {
	Walk(o, func(o fyne.CanvasObject, _ fyne.Position) bool {
		if t, ok := o.(*widgets.Text); ok {
			out = append(out, t.String())
		}
		return true
	})
	return out
}

// Shows reports whether a text that is shown holds part.
func Shows(o fyne.CanvasObject, part string) bool {
	for _, t := range Texts(o) {
		if strings.Contains(t, part) {
			return true
		}
	}
	return false
}

// FindButton returns the shown button with this label, or nil.
func FindButton(o fyne.CanvasObject, label string) (found *widgets.Button) {
	Walk(o, func(o fyne.CanvasObject, _ fyne.Position) bool {
		if b, ok := o.(*widgets.Button); ok && b.Text() == label && found == nil {
			found = b
		}
		return true
	})
	return found
}

// presser is what [widgets.Press] and all that embeds it can do.
type presser interface {
	fyne.Tappable
	fyne.Focusable
	Disabled() bool
}

// FindPress returns the shown thing to tap that holds exactly this text, or nil.
func FindPress(o fyne.CanvasObject, text string) (found fyne.Tappable) {
	Walk(o, func(o fyne.CanvasObject, _ fyne.Position) bool {
		if b, ok := o.(presser); ok && found == nil {
			for _, t := range Texts(o) {
				if t == text {
					found = b
				}
			}
		}
		return true
	})
	return found
}

package widgets

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	base "fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/nod-auth/nod/app/internal/theme"
)

// Press is a panel that can be tapped, and reached and seen with the keyboard.
// Return, Enter and Space do what a tap does. Every other key and character goes
// on to the canvas, so that digits reach a prompt wherever the focus is.
type Press struct {
	widget.BaseWidget
	panel    *Panel
	onTap    func()
	disabled bool
	focused  bool
	hovered  bool
	self     fyne.CanvasObject // the outermost widget, for the canvas
}

var (
	_ fyne.Tappable      = (*Press)(nil)
	_ fyne.Focusable     = (*Press)(nil)
	_ desktop.Hoverable  = (*Press)(nil)
	_ desktop.Cursorable = (*Press)(nil)
)

// NewPress makes what stands on the surface do onTap.
func NewPress(s Surface, content fyne.CanvasObject, onTap func()) *Press {
	return newPress(NewPanel(s, content), onTap)
}

func newPress(p *Panel, onTap func()) *Press {
	b := makePress(p, onTap)
	b.become(b)
	return b
}

// makePress makes a press that [Press.become] is still to be called on.
func makePress(p *Panel, onTap func()) *Press {
	p.surface.Least = p.surface.Least.Max(fyne.NewSize(Touch, Touch))
	return &Press{panel: p, onTap: onTap}
}

// become makes outer, which is or embeds the press, the widget Fyne knows. Fyne
// keeps the first it is told.
func (b *Press) become(outer fyne.Widget) {
	b.self = outer
	b.ExtendBaseWidget(outer)
}

// SetDisabled makes it dead to taps and keys; a focus on it is given up.
func (b *Press) SetDisabled(d bool) {
	if b.disabled == d {
		return
	}
	b.disabled = d
	if d && b.focused {
		if c := canvasOf(b.self); c != nil {
			c.Unfocus()
		}
	}
	b.Refresh()
}

// Disabled implements fyne.Disableable.
func (b *Press) Disabled() bool { return b.disabled }

// Disable implements fyne.Disableable; Fyne's tab order leaves it out.
func (b *Press) Disable() { b.SetDisabled(true) }

// Enable implements fyne.Disableable.
func (b *Press) Enable() { b.SetDisabled(false) }

// Focused reports whether the keyboard's focus is here.
func (b *Press) Focused() bool { return b.focused }

// Tapped implements fyne.Tappable.
func (b *Press) Tapped(*fyne.PointEvent) {
	if !b.disabled && b.onTap != nil {
		b.onTap()
	}
}

// FocusGained implements fyne.Focusable.
func (b *Press) FocusGained() { b.focused = true; b.Refresh() }

// FocusLost implements fyne.Focusable.
func (b *Press) FocusLost() { b.focused = false; b.Refresh() }

// TypedRune implements fyne.Focusable.
func (b *Press) TypedRune(r rune) {
	if r == ' ' {
		return
	}
	if c := canvasOf(b.self); c != nil && c.OnTypedRune() != nil {
		c.OnTypedRune()(r)
	}
}

// TypedKey implements fyne.Focusable.
func (b *Press) TypedKey(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeyReturn, fyne.KeyEnter, fyne.KeySpace:
		b.Tapped(nil)
		return
	}
	if c := canvasOf(b.self); c != nil && c.OnTypedKey() != nil {
		c.OnTypedKey()(e)
	}
}

// MouseIn implements desktop.Hoverable.
func (b *Press) MouseIn(*desktop.MouseEvent) { b.hovered = true; b.Refresh() }

// MouseMoved implements desktop.Hoverable.
func (b *Press) MouseMoved(*desktop.MouseEvent) {}

// MouseOut implements desktop.Hoverable.
func (b *Press) MouseOut() { b.hovered = false; b.Refresh() }

// Cursor implements desktop.Cursorable.
func (b *Press) Cursor() desktop.Cursor {
	if b.disabled {
		return desktop.DefaultCursor
	}
	return desktop.PointerCursor
}

// HeightFor returns the height it needs at the given width.
func (b *Press) HeightFor(width float32) float32 { return b.panel.HeightFor(width) }

// NaturalWidth is the width at which its content needs no wrapping.
func (b *Press) NaturalWidth() float32 { return b.panel.NaturalWidth() }

// MinSize implements fyne.CanvasObject.
func (b *Press) MinSize() fyne.Size { return b.panel.MinSize() }

func canvasOf(o fyne.CanvasObject) fyne.Canvas {
	return fyne.CurrentApp().Driver().CanvasForObject(o)
}

// CreateRenderer implements fyne.Widget.
func (b *Press) CreateRenderer() fyne.WidgetRenderer {
	r := &pressRenderer{b: b, ring: canvas.NewRectangle(nil), veil: canvas.NewRectangle(nil)}
	r.paint()
	return r
}

// ringGap is how far the focus ring stands off.
const ringGap = 3

type pressRenderer struct {
	b          *Press
	ring, veil *canvas.Rectangle
}

func (r *pressRenderer) paint() {
	radius := r.b.panel.surface.Radius
	if radius < 0 {
		radius = r.b.Size().Height / 2
	}
	r.veil.FillColor = base.Color(theme.Hover)
	r.veil.CornerRadius = radius
	r.veil.Hidden = !r.b.hovered || r.b.disabled
	r.ring.FillColor = nil
	r.ring.StrokeColor, r.ring.StrokeWidth = base.Color(theme.Primary), 2
	r.ring.CornerRadius = radius + ringGap
	r.ring.Hidden = !r.b.focused || r.b.disabled
}

// Destroy implements fyne.WidgetRenderer.
func (r *pressRenderer) Destroy() {}

// Objects implements fyne.WidgetRenderer.
func (r *pressRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.b.panel, r.veil, r.ring}
}

// MinSize implements fyne.WidgetRenderer.
func (r *pressRenderer) MinSize() fyne.Size { return r.b.MinSize() }

// Refresh implements fyne.WidgetRenderer.
func (r *pressRenderer) Refresh() {
	r.paint()
	r.b.panel.Refresh()
	r.veil.Refresh()
	r.ring.Refresh()
}

// Layout implements fyne.WidgetRenderer.
func (r *pressRenderer) Layout(size fyne.Size) {
	r.paint()
	r.b.panel.Resize(size)
	r.veil.Resize(size)
	r.ring.Move(fyne.NewPos(-ringGap, -ringGap))
	r.ring.Resize(size.AddWidthHeight(2*ringGap, 2*ringGap))
}

package widgets

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	base "fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/nod-auth/nod/app/internal/theme"
)

// Field is a line of input with its label above and, when there is something to
// say, a sentence below.
type Field struct {
	widget.BaseWidget
	entry *entry
	ring  *Panel
	all   *fyne.Container
	note  *Text
}

// FieldParams makes a [Field].
type FieldParams struct {
	Label, Placeholder, Value string
	Secret                    bool
	OnChange                  func(string)
	OnReturn                  func(string)
	OnEscape                  func()
}

// NewField makes a field.
func NewField(p FieldParams) *Field {
	f := &Field{}
	f.entry = newEntry(p)
	f.ring = NewPanel(f.surface(false), f.entry)
	f.entry.onFocus = func(on bool) { f.ring.SetSurface(f.surface(on)) }
	f.note = T("", theme.Label, theme.Bad)
	f.note.Hide()
	f.all = Column(6)
	if p.Label != "" {
		f.all.Add(T(p.Label, theme.Label, theme.Secondary))
	}
	f.all.Add(f.ring)
	f.all.Add(f.note)
	f.ExtendBaseWidget(f)
	return f
}

func (f *Field) surface(focused bool) Surface {
	s := Surface{Fill: theme.Card, Stroke: theme.Line, StrokeWidth: 1, Radius: 14, Pad: Sides(7, 8), Least: fyne.NewSize(Touch, buttonHeight)}
	if focused {
		s.Stroke, s.StrokeWidth = theme.Primary, 2
	}
	return s
}

// Text returns what was typed.
func (f *Field) Text() string { return f.entry.Text }

// SetText replaces what was typed.
func (f *Field) SetText(s string) { f.entry.SetText(s) }

// Say shows a sentence below the field; "" takes it away.
func (f *Field) Say(s string) {
	f.note.SetText(s)
	if s == "" {
		f.note.Hide()
	} else {
		f.note.Show()
	}
	f.Refresh()
}

// Focus returns what the canvas can focus.
func (f *Field) Focus() fyne.Focusable { return f.entry }

// HeightFor returns the height at the given width.
func (f *Field) HeightFor(width float32) float32 { return HeightFor(f.all, width) }

// MinSize implements fyne.CanvasObject.
func (f *Field) MinSize() fyne.Size { return fyne.NewSize(160, f.all.MinSize().Height) }

// CreateRenderer implements fyne.Widget.
func (f *Field) CreateRenderer() fyne.WidgetRenderer { return widget.NewSimpleRenderer(f.all) }

// entry is Fyne's entry without its border, telling of focus and Esc.
type entry struct {
	widget.Entry
	onFocus  func(bool)
	onEscape func()
}

func newEntry(p FieldParams) *entry {
	e := &entry{onEscape: p.OnEscape}
	e.ExtendBaseWidget(e)
	e.PlaceHolder, e.Text, e.Password = p.Placeholder, p.Value, p.Secret
	e.OnChanged, e.OnSubmitted = p.OnChange, p.OnReturn
	e.Scroll = fyne.ScrollHorizontalOnly
	return e
}

// FocusGained implements fyne.Focusable.
func (e *entry) FocusGained() { e.Entry.FocusGained(); e.tell(true) }

// FocusLost implements fyne.Focusable.
func (e *entry) FocusLost() { e.Entry.FocusLost(); e.tell(false) }

func (e *entry) tell(on bool) {
	if e.onFocus != nil {
		e.onFocus(on)
	}
}

// TypedKey implements fyne.Focusable.
func (e *entry) TypedKey(k *fyne.KeyEvent) {
	if k.Name == fyne.KeyEscape && e.onEscape != nil {
		e.onEscape()
		return
	}
	e.Entry.TypedKey(k)
}

// Dots shows how much of a PIN was typed, never what.
type Dots struct {
	*fyne.Container
	circles []*canvas.Circle
	filled  int
}

// NewDots makes n empty dots.
func NewDots(n int) *Dots {
	d := &Dots{}
	objects := make([]fyne.CanvasObject, 0, n)
	for range n {
		c := canvas.NewCircle(nil)
		d.circles = append(d.circles, c)
		objects = append(objects, Fixed(fyne.NewSize(16, 16), c))
	}
	d.Container = &fyne.Container{Layout: &wrap{gapX: 18, gapY: 12, center: true}, Objects: objects}
	d.Set(0)
	return d
}

// Set shows n dots as filled.
func (d *Dots) Set(n int) {
	d.filled = n
	for i, c := range d.circles {
		c.FillColor, c.StrokeColor, c.StrokeWidth = base.Color(theme.Line), nil, 0
		if i < n {
			c.FillColor = base.Color(theme.Primary)
		}
		c.Refresh()
	}
}

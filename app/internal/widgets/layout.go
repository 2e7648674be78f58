package widgets

import (
	"math"

	"fyne.io/fyne/v2"
)

// flow is an object whose height depends on the width it is given.
type flow interface{ HeightFor(width float32) float32 }

// flowLayout is a layout whose height depends on the width it is given.
type flowLayout interface {
	heightFor(objects []fyne.CanvasObject, width float32) float32
}

// natural is an object that would like more width than its least.
type natural interface{ NaturalWidth() float32 }

// HeightFor returns the height o needs at the given width.
func HeightFor(o fyne.CanvasObject, width float32) float32 {
	if f, ok := o.(flow); ok {
		return f.HeightFor(width)
	}
	if c, ok := o.(*fyne.Container); ok {
		if l, ok := c.Layout.(flowLayout); ok {
			return l.heightFor(c.Objects, width)
		}
	}
	return o.MinSize().Height
}

// NaturalWidth returns the width at which o needs no wrapping.
func NaturalWidth(o fyne.CanvasObject) float32 {
	if n, ok := o.(natural); ok {
		return n.NaturalWidth()
	}
	if c, ok := o.(*fyne.Container); ok {
		if l, ok := c.Layout.(interface {
			naturalWidth([]fyne.CanvasObject) float32
		}); ok {
			return l.naturalWidth(c.Objects)
		}
	}
	return o.MinSize().Width
}

func visible(objects []fyne.CanvasObject) []fyne.CanvasObject {
	out := make([]fyne.CanvasObject, 0, len(objects))
	for _, o := range objects {
		if o.Visible() {
			out = append(out, o)
		}
	}
	return out
}

func widest(objects []fyne.CanvasObject) (w float32) {
	for _, o := range visible(objects) {
		w = max(w, o.MinSize().Width)
	}
	return w
}

// Insets is the room left free around something.
type Insets struct{ Top, Right, Bottom, Left float32 }

// Around is the same room on all sides.
func Around(v float32) Insets { return Insets{v, v, v, v} }

// Sides is one room for top and bottom, another for left and right.
func Sides(y, x float32) Insets { return Insets{y, x, y, x} }

func (i Insets) across() float32 { return i.Left + i.Right }
func (i Insets) down() float32   { return i.Top + i.Bottom }

// column stacks objects at full width.
type column struct {
	gap    float32
	pad    Insets
	center bool    // in the middle of spare height
	width  float32 // of the last layout, for MinSize
}

// Column stacks objects with a gap between them, each at full width.
func Column(gap float32, objects ...fyne.CanvasObject) *fyne.Container {
	return Padded(Insets{}, gap, objects...)
}

// Padded is a [Column] with room around it.
func Padded(pad Insets, gap float32, objects ...fyne.CanvasObject) *fyne.Container {
	return &fyne.Container{Layout: &column{gap: gap, pad: pad}, Objects: objects}
}

// Centered is a [Column] that stands in the middle of spare height.
func Centered(gap float32, objects ...fyne.CanvasObject) *fyne.Container {
	return &fyne.Container{Layout: &column{gap: gap, center: true}, Objects: objects}
}

func (l *column) heightFor(objects []fyne.CanvasObject, width float32) float32 {
	h := l.pad.down()
	for i, o := range visible(objects) {
		if i > 0 {
			h += l.gap
		}
		h += HeightFor(o, width-l.pad.across())
	}
	return h
}

func (l *column) naturalWidth(objects []fyne.CanvasObject) (w float32) {
	for _, o := range visible(objects) {
		w = max(w, NaturalWidth(o))
	}
	return w + l.pad.across()
}

// Layout implements fyne.Layout.
func (l *column) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	l.width = size.Width
	y, w := l.pad.Top, size.Width-l.pad.across()
	if l.center {
		y += max(0, (size.Height-l.heightFor(objects, size.Width))/2)
	}
	for _, o := range visible(objects) {
		h := HeightFor(o, w)
		o.Move(fyne.NewPos(l.pad.Left, y))
		o.Resize(fyne.NewSize(w, h))
		y += h + l.gap
	}
}

// MinSize implements fyne.Layout.
func (l *column) MinSize(objects []fyne.CanvasObject) fyne.Size {
	w := widest(objects) + l.pad.across()
	return fyne.NewSize(w, l.heightFor(objects, max(w, l.width)))
}

// row sets objects side by side; the object at grow takes the spare width.
type row struct {
	gap   float32
	grow  int
	top   bool // at the top instead of the middle
	width float32
}

// Row sets objects side by side in the middle of the height; the one at index
// grow takes the spare width, the others have their natural width.
func Row(gap float32, grow int, objects ...fyne.CanvasObject) *fyne.Container {
	return &fyne.Container{Layout: &row{gap: gap, grow: grow}, Objects: objects}
}

// TopRow is a [Row] with its objects at the top.
func TopRow(gap float32, grow int, objects ...fyne.CanvasObject) *fyne.Container {
	return &fyne.Container{Layout: &row{gap: gap, grow: grow, top: true}, Objects: objects}
}

func (l *row) widths(objects []fyne.CanvasObject, width float32) []float32 {
	out := make([]float32, len(objects))
	spare, grown := width, -1
	shown := 0
	for i, o := range objects {
		if !o.Visible() {
			continue
		}
		if shown++; shown > 1 {
			spare -= l.gap
		}
		if i == l.grow {
			grown = i
			continue
		}
		out[i] = NaturalWidth(o)
		spare -= out[i]
	}
	if grown >= 0 {
		out[grown] = max(spare, 0)
	}
	return out
}

func (l *row) heightFor(objects []fyne.CanvasObject, width float32) (h float32) {
	for i, w := range l.widths(objects, width) {
		if objects[i].Visible() {
			h = max(h, HeightFor(objects[i], w))
		}
	}
	return h
}

func (l *row) naturalWidth(objects []fyne.CanvasObject) (w float32) {
	for i, o := range visible(objects) {
		if i > 0 {
			w += l.gap
		}
		w += NaturalWidth(o)
	}
	return w
}

// Layout implements fyne.Layout.
func (l *row) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	l.width = size.Width
	x := float32(0)
	for i, w := range l.widths(objects, size.Width) {
		o := objects[i]
		if !o.Visible() {
			continue
		}
		h, y := HeightFor(o, w), float32(0)
		if !l.top {
			y = (size.Height - h) / 2
		}
		o.Move(fyne.NewPos(x, y))
		o.Resize(fyne.NewSize(w, h))
		x += w + l.gap
	}
}

// MinSize implements fyne.Layout.
func (l *row) MinSize(objects []fyne.CanvasObject) fyne.Size {
	w := float32(0)
	for i, o := range objects {
		if !o.Visible() {
			continue
		}
		if w > 0 {
			w += l.gap
		}
		if i == l.grow {
			w += o.MinSize().Width
		} else {
			w += NaturalWidth(o)
		}
	}
	return fyne.NewSize(w, l.heightFor(objects, max(w, l.width)))
}

// equal gives objects the same width side by side, or stacks them when one
// would not fit.
type equal struct {
	gap     float32
	reverse bool // the last comes first when stacked
	width   float32
}

// Equal sets objects side by side at the same width. Where one of them would
// not fit in its share they are stacked.
func Equal(gap float32, objects ...fyne.CanvasObject) *fyne.Container {
	return &fyne.Container{Layout: &equal{gap: gap}, Objects: objects}
}

// Actions is [Equal] for the buttons at the end of a page: stacked, the last
// (the way on) stands on top.
func Actions(gap float32, objects ...fyne.CanvasObject) *fyne.Container {
	return &fyne.Container{Layout: &equal{gap: gap, reverse: true}, Objects: objects}
}

func (l *equal) share(shown []fyne.CanvasObject, width float32) (float32, bool) {
	if len(shown) == 0 {
		return width, false
	}
	n := float32(len(shown))
	each := (width - l.gap*(n-1)) / n
	for _, o := range shown {
		if NaturalWidth(o) > each+0.5 {
			return width, len(shown) > 1
		}
	}
	return each, false
}

func (l *equal) heightFor(objects []fyne.CanvasObject, width float32) (h float32) {
	shown := visible(objects)
	each, stacked := l.share(shown, width)
	for i, o := range shown {
		if !stacked {
			h = max(h, HeightFor(o, each))
			continue
		}
		if i > 0 {
			h += l.gap
		}
		h += HeightFor(o, each)
	}
	return h
}

// Layout implements fyne.Layout.
func (l *equal) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	l.width = size.Width
	shown := visible(objects)
	each, stacked := l.share(shown, size.Width)
	pos := fyne.NewPos(0, 0)
	for i := range shown {
		o := shown[i]
		if stacked && l.reverse {
			o = shown[len(shown)-1-i]
		}
		h := size.Height
		if stacked {
			h = HeightFor(o, each)
		}
		o.Move(pos)
		o.Resize(fyne.NewSize(each, h))
		if stacked {
			pos.Y += h + l.gap
		} else {
			pos.X += each + l.gap
		}
	}
}

// MinSize implements fyne.Layout.
func (l *equal) MinSize(objects []fyne.CanvasObject) fyne.Size {
	w := widest(objects)
	return fyne.NewSize(w, l.heightFor(objects, max(w, l.width)))
}

// wrap sets objects one after the other and starts a new line where one does
// not fit.
type wrap struct {
	gapX, gapY float32
	center     bool
	width      float32
}

// Wrap sets objects one after the other at their natural width and starts a new
// line where the next does not fit.
func Wrap(gapX, gapY float32, objects ...fyne.CanvasObject) *fyne.Container {
	return &fyne.Container{Layout: &wrap{gapX: gapX, gapY: gapY}, Objects: objects}
}

// Middle is [Wrap] with each line in the middle of the width.
func Middle(objects ...fyne.CanvasObject) *fyne.Container {
	return &fyne.Container{Layout: &wrap{gapX: 8, gapY: 8, center: true}, Objects: objects}
}

type wrapLine struct {
	first, last   int
	width, height float32
}

func (l *wrap) lines(shown []fyne.CanvasObject, width float32) (out []wrapLine) {
	for i, o := range shown {
		w := min(NaturalWidth(o), width)
		h := HeightFor(o, w)
		if n := len(out); n > 0 && out[n-1].width+l.gapX+w <= width+0.5 {
			out[n-1].last, out[n-1].width = i, out[n-1].width+l.gapX+w
			out[n-1].height = max(out[n-1].height, h)
			continue
		}
		out = append(out, wrapLine{i, i, w, h})
	}
	return out
}

func (l *wrap) heightFor(objects []fyne.CanvasObject, width float32) (h float32) {
	for i, line := range l.lines(visible(objects), width) {
		if i > 0 {
			h += l.gapY
		}
		h += line.height
	}
	return h
}

func (l *wrap) naturalWidth(objects []fyne.CanvasObject) (w float32) {
	for i, o := range visible(objects) {
		if i > 0 {
			w += l.gapX
		}
		w += NaturalWidth(o)
	}
	return w
}

// Layout implements fyne.Layout.
func (l *wrap) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	l.width = size.Width
	shown, y := visible(objects), float32(0)
	for _, line := range l.lines(shown, size.Width) {
		x := float32(0)
		if l.center {
			x = (size.Width - line.width) / 2
		}
		for _, o := range shown[line.first : line.last+1] {
			w := min(NaturalWidth(o), size.Width)
			h := HeightFor(o, w)
			o.Move(fyne.NewPos(x, y+(line.height-h)/2))
			o.Resize(fyne.NewSize(w, h))
			x += w + l.gapX
		}
		y += line.height + l.gapY
	}
}

// MinSize implements fyne.Layout.
func (l *wrap) MinSize(objects []fyne.CanvasObject) fyne.Size {
	w := widest(objects)
	return fyne.NewSize(w, l.heightFor(objects, max(w, l.width)))
}

// Room is empty height that a column keeps free.
func Room(h float32) fyne.CanvasObject {
	return &fyne.Container{Layout: fixed{fyne.NewSize(0, h)}}
}

// Fixed gives o this size, no more and no less.
func Fixed(size fyne.Size, o fyne.CanvasObject) *fyne.Container {
	return &fyne.Container{Layout: fixed{size}, Objects: []fyne.CanvasObject{o}}
}

type fixed struct{ size fyne.Size }

// Layout implements fyne.Layout.
func (f fixed) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	for _, o := range objects {
		o.Move(fyne.NewPos(float32(math.Round(float64(size.Width-f.size.Width)/2)), (size.Height-f.size.Height)/2))
		o.Resize(f.size)
	}
}

// MinSize implements fyne.Layout.
func (f fixed) MinSize([]fyne.CanvasObject) fyne.Size { return f.size }

// beside gives the right object a fixed width and the left the rest, both at
// full height.
type beside struct{ right float32 }

// Beside sets two pages side by side; the right one has a fixed width.
func Beside(left, right fyne.CanvasObject, width float32) *fyne.Container {
	return &fyne.Container{Layout: beside{width}, Objects: []fyne.CanvasObject{left, right}}
}

// Layout implements fyne.Layout.
func (b beside) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	right := min(b.right, size.Width/2)
	objects[0].Move(fyne.NewPos(0, 0))
	objects[0].Resize(fyne.NewSize(size.Width-right, size.Height))
	objects[1].Move(fyne.NewPos(size.Width-right, 0))
	objects[1].Resize(fyne.NewSize(right, size.Height))
}

// MinSize implements fyne.Layout.
func (b beside) MinSize(objects []fyne.CanvasObject) fyne.Size {
	l, r := objects[0].MinSize(), objects[1].MinSize()
	return fyne.NewSize(l.Width+max(r.Width, b.right), max(l.Height, r.Height))
}

// withSide gives the left object a fixed width and a hairline.
type withSide struct{ width float32 }

// WithSide sets a sidebar of a fixed width before a page.
func WithSide(side, page fyne.CanvasObject, width float32) *fyne.Container {
	return &fyne.Container{Layout: withSide{width}, Objects: []fyne.CanvasObject{side, Rule(), page}}
}

// Layout implements fyne.Layout.
func (l withSide) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	place(objects[0], 0, 0, l.width, size.Height)
	place(objects[1], l.width, 0, 1, size.Height)
	place(objects[2], l.width+1, 0, size.Width-l.width-1, size.Height)
}

// MinSize implements fyne.Layout.
func (l withSide) MinSize(objects []fyne.CanvasObject) fyne.Size {
	m := objects[2].MinSize()
	return fyne.NewSize(l.width+1+m.Width, m.Height)
}

// withBar sets a bar under a page.
type withBar struct{}

// WithBar sets a navigation bar under a page.
func WithBar(page, bar fyne.CanvasObject) *fyne.Container {
	return &fyne.Container{Layout: withBar{}, Objects: []fyne.CanvasObject{page, bar}}
}

// Layout implements fyne.Layout.
func (withBar) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	h := HeightFor(objects[1], size.Width)
	place(objects[0], 0, 0, size.Width, size.Height-h)
	place(objects[1], 0, size.Height-h, size.Width, h)
}

// MinSize implements fyne.Layout.
func (withBar) MinSize(objects []fyne.CanvasObject) fyne.Size {
	a, b := objects[0].MinSize(), objects[1].MinSize()
	return fyne.NewSize(max(a.Width, b.Width), a.Height+b.Height)
}

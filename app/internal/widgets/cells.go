package widgets

import (
	"strings"

	"fyne.io/fyne/v2"

	"github.com/nod-auth/nod/app/internal/theme"
)

// Cells shows a number being typed, one digit in each of a row of equal cells.
type Cells struct {
	*fyne.Container
	digits int
	panels []*Panel
	texts  []*Text
}

// cellSize is that of the design's narrow prompt; wide ones are larger.
var (
	cellSize     = fyne.NewSize(58, 66)
	wideCellSize = fyne.NewSize(72, 80)
)

// NewCells makes n empty cells.
func NewCells(n int, wide bool) *Cells {
	look := theme.Current()
	size, gap := cellSize, float32(12)
	if wide {
		size = wideCellSize
	}
	size = fyne.NewSize(look.Grown(size.Width), look.Grown(size.Height))
	if n > 4 { // six cells must fit a phone, or the narrow side of a wide window
		size, gap = fyne.NewSize(46, look.Grown(56)), 8
		if wide {
			size.Width, gap = 39, 6
		}
	}
	c := &Cells{digits: n}
	objects := make([]fyne.CanvasObject, 0, n)
	for range n {
		t := OneLine("", theme.Digit, theme.Ink)
		p := MiddlePanel(Surface{Fill: theme.Card, Stroke: theme.Line, StrokeWidth: 2, Radius: 14, Least: size}, t)
		c.texts, c.panels = append(c.texts, t), append(c.panels, p)
		objects = append(objects, Fixed(size, p))
	}
	w := &wrap{gapX: gap, gapY: gap, center: true}
	c.Container = &fyne.Container{Layout: w, Objects: objects}
	c.Set("")
	return c
}

// Set shows the digits typed so far; the next cell is marked.
func (c *Cells) Set(typed string) {
	for i, t := range c.texts {
		s := c.panels[i].surface
		s.Stroke = theme.Line
		if i <= len(typed) {
			s.Stroke = theme.Primary
		}
		digit := ""
		if i < len(typed) {
			digit = typed[i : i+1]
		}
		t.SetText(digit)
		c.panels[i].SetSurface(s)
		c.panels[i].Refresh()
	}
}

// CodeText shows a code as digits of equal width, in groups: "482 915". Where
// it has less room than it likes, all its digits are set smaller alike.
type CodeText struct {
	*fyne.Container
	cells []*Text
}

// NewCodeText makes a code of as many digits.
func NewCodeText(code string, ty theme.Type, c theme.Token) *CodeText {
	t := &CodeText{}
	l := &codeLayout{ty: ty, gaps: map[int]bool{}}
	objects := make([]fyne.CanvasObject, 0, len(code))
	for i := range code {
		l.gaps[i] = startsGroup(code, i)
		d := OneLine(code[i:i+1], ty, c)
		d.align = fyne.TextAlignCenter
		t.cells = append(t.cells, d)
		objects = append(objects, d)
	}
	t.Container = &fyne.Container{Layout: l, Objects: objects}
	return t
}

// codeLayout sets digits in boxes of one width with gaps between groups.
type codeLayout struct {
	ty   theme.Type
	gaps map[int]bool // a gap stands before the digit at this index
}

// The width of a digit's box and of a gap as shares of the text's size, and the least zoom of a code.
const (
	digitBox  = 0.73
	digitGap  = 0.34
	digitAir  = 0.05 // what a digit leaves free on each side of its box
	leastZoom = 0.6
)

func (l *codeLayout) naturalWidth(objects []fyne.CanvasObject) float32 {
	m, n := theme.Current().Metrics(l.ty), float32(len(objects))*digitBox-2*digitAir
	for _, gap := range l.gaps {
		if gap {
			n += digitGap
		}
	}
	return n * m.Size
}

func (l *codeLayout) heightFor([]fyne.CanvasObject, float32) float32 {
	return theme.Current().Metrics(l.ty).Line
}

// Layout implements fyne.Layout.
func (l *codeLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	m := theme.Current().Metrics(l.ty)
	zoom := max(leastZoom, min(1, size.Width/l.naturalWidth(objects)))
	unit := m.Size * zoom
	x := -digitAir * unit
	for i, o := range objects {
		if l.gaps[i] {
			x += digitGap * unit
		}
		o.(*Text).setZoom(zoom)
		place(o, x, 0, digitBox*unit, size.Height)
		x += digitBox * unit
	}
}

// MinSize implements fyne.Layout.
func (l *codeLayout) MinSize(objects []fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(l.naturalWidth(objects)*leastZoom, l.heightFor(objects, 0))
}

// Set shows another code of the same length.
func (t *CodeText) Set(code string) {
	for i, c := range t.cells {
		if i < len(code) {
			c.SetText(code[i : i+1])
		}
	}
}

// String returns the code shown.
func (t *CodeText) String() string {
	var b strings.Builder
	for _, c := range t.cells {
		b.WriteString(c.String())
	}
	return b.String()
}

// GroupCode writes a code in groups as [CodeText] shows it: "482 915".
func GroupCode(code string) string {
	var b strings.Builder
	for i := range code {
		if startsGroup(code, i) {
			b.WriteByte(' ')
		}
		b.WriteByte(code[i])
	}
	return b.String()
}

// startsGroup reports whether a gap stands before the digit at i.
func startsGroup(code string, i int) bool {
	if i == 0 {
		return false
	}
	return len(code)%3 == 0 && i%3 == 0 || len(code) == 8 && i == 4
}

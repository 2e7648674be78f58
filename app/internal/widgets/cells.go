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
	smallCell    = fyne.NewSize(46, 56)
)

// NewCells makes n empty cells.
func NewCells(n int, wide bool) *Cells {
	look := theme.Current()
	size, gap := cellSize, float32(12)
	switch {
	case n > 4:
		size, gap = smallCell, 8
	case wide:
		size = wideCellSize
	}
	size = fyne.NewSize(look.Grown(size.Width), look.Grown(size.Height))
	if n > 4 { // six cells must fit a phone
		size.Width = min(size.Width, 46)
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

// CodeText shows a code as digits of equal width, in groups of three: "482 915".
type CodeText struct {
	*fyne.Container
	ty    theme.Type
	cells []*Text
	boxes []*fyne.Container
}

// NewCodeText makes a code of n digits.
func NewCodeText(code string, ty theme.Type, c theme.Token) *CodeText {
	t := &CodeText{ty: ty}
	m := theme.Current().Metrics(ty)
	box := fyne.NewSize(m.Size*0.73, m.Line)
	for i := range code {
		if startsGroup(code, i) {
			t.boxes = append(t.boxes, Fixed(fyne.NewSize(m.Size*0.34, m.Line), Room(0)))
		}
		d := OneLine(code[i:i+1], ty, c)
		d.align = fyne.TextAlignCenter
		t.cells = append(t.cells, d)
		t.boxes = append(t.boxes, Fixed(box, d))
	}
	objects := make([]fyne.CanvasObject, 0, len(t.boxes))
	for _, b := range t.boxes {
		objects = append(objects, b)
	}
	t.Container = Row(0, -1, objects...)
	return t
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

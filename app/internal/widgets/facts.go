package widgets

import (
	"image/color"
	"strings"
	"unicode"
	"unicode/utf8"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/widget"

	"github.com/nod-auth/nod/app/internal/resource"
	"github.com/nod-auth/nod/app/internal/theme"
)

// Fact is one line of what is known: "Where: Porto, Portugal, new city".
type Fact struct {
	Icon  resource.Icon
	Label string
	Value string
	Tag   string // what is unusual about it; "" when nothing is
}

// FactRow shows one fact.
func FactRow(f Fact) fyne.CanvasObject {
	value := fyne.CanvasObject(T(f.Value, theme.Value, theme.Ink))
	if f.Tag != "" {
		value = Wrap(6, 2, value, NewTag(f.Tag))
	}
	side := theme.Current().Grown(22)
	box := Fixed(fyne.NewSize(side, side), MiddlePanel(
		Surface{Fill: theme.Weak, Radius: 6, Least: fyne.NewSize(side, side)}, NewIcon(f.Icon, 14, theme.Primary)))
	return TopRow(12, 1, Padded(Insets{Top: 1}, 0, box),
		Column(0, T(f.Label, theme.Label, theme.Secondary), value))
}

// Facts shows facts on one card with hairlines between them.
func Facts(facts []Fact) *Panel {
	objects := make([]fyne.CanvasObject, 0, 2*len(facts))
	for i, f := range facts {
		if i > 0 {
			objects = append(objects, Rule())
		}
		objects = append(objects, Padded(Sides(10, 0), 0, FactRow(f)))
	}
	return NewPanel(CardSurface(Insets{5, 17, 5, 17}), Column(0, objects...))
}

// NewTag is the small mark of something unusual.
func NewTag(s string) fyne.CanvasObject {
	return MiddlePanel(Surface{Fill: theme.WarnWeak, Radius: 10, Pad: Sides(2, 8)}, T(s, theme.Tag, theme.Warn))
}

// Warning is a sentence on the warning's ground.
func Warning(s string) fyne.CanvasObject {
	return NewPanel(Surface{Fill: theme.WarnWeak, Radius: 16, Pad: Sides(15, 17)},
		T(s, theme.BodyMedium, theme.Warn))
}

// Tile is a company's initial on its colour.
type Tile struct {
	widget.BaseWidget
	letter string
	ground color.NRGBA
	side   float32
}

// tileColors are the grounds of companies that name no colour of their own.
// White reaches 4.5:1 on each.
var tileColors = []uint32{0x0B6E6E, 0xB4540A, 0x6D28D9, 0x1D4ED8, 0xA21C5B, 0x0F7B4F, 0x9F1239, 0x475569}

// TileColor returns the ground for a company: its own colour, moved until white
// can be read on it, or one picked by its name.
func TileColor(name string, own color.Color) color.NRGBA {
	if own != nil {
		if c, err := theme.Readable(own, color.Black, color.White); err == nil {
			return c
		}
	}
	h := uint32(2166136261)
	for _, b := range []byte(strings.ToLower(name)) {
		h = (h ^ uint32(b)) * 16777619
	}
	v := tileColors[h%uint32(len(tileColors))]
	return color.NRGBA{uint8(v >> 16), uint8(v >> 8), uint8(v), 0xff}
}

// NewTile makes a tile of the given side; own may be nil.
func NewTile(name string, own color.Color, side float32) *Tile {
	r, _ := utf8.DecodeRuneInString(strings.TrimSpace(name))
	letter := "?"
	if r != utf8.RuneError {
		letter = string(unicode.ToUpper(r))
	}
	t := &Tile{letter: letter, ground: TileColor(name, own), side: side}
	t.ExtendBaseWidget(t)
	return t
}

// MinSize implements fyne.CanvasObject.
func (t *Tile) MinSize() fyne.Size {
	s := theme.Current().Grown(t.side)
	return fyne.NewSize(s, s)
}

// CreateRenderer implements fyne.Widget.
func (t *Tile) CreateRenderer() fyne.WidgetRenderer {
	ground := canvas.NewRectangle(t.ground)
	letter := canvas.NewText(t.letter, color.White)
	src, style := face(t.letter, theme.Current().Metrics(theme.Title))
	letter.FontSource, letter.TextStyle = src, style
	return &tileRenderer{t, ground, letter}
}

type tileRenderer struct {
	t      *Tile
	ground *canvas.Rectangle
	letter *canvas.Text
}

// Destroy implements fyne.WidgetRenderer.
func (r *tileRenderer) Destroy() {}

// Objects implements fyne.WidgetRenderer.
func (r *tileRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.ground, r.letter}
}

// MinSize implements fyne.WidgetRenderer.
func (r *tileRenderer) MinSize() fyne.Size { return r.t.MinSize() }

// Refresh implements fyne.WidgetRenderer.
func (r *tileRenderer) Refresh() { r.Layout(r.t.Size()) }

// Layout implements fyne.WidgetRenderer.
func (r *tileRenderer) Layout(size fyne.Size) {
	r.ground.Resize(size)
	r.ground.CornerRadius = size.Width * 0.25
	r.letter.TextSize = size.Width * 0.45
	if size.Width > 60 {
		r.letter.TextSize = size.Width * 0.42
	}
	centerCaps(r.letter, (size.Width-r.letter.MinSize().Width)/2, size.Height/2)
}

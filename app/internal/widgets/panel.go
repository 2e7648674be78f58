package widgets

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	base "fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/nod-auth/nod/app/internal/resource"
	"github.com/nod-auth/nod/app/internal/theme"
)

// Surface is how a panel looks.
type Surface struct {
	Fill, Stroke theme.Token // with a Stroke the Fill must cover
	StrokeWidth  float32     // 0 with a Stroke means 1
	Radius       float32     // of the corners; negative means round ends
	Pad          Insets
	Least        fyne.Size // at least this large
}

// CardSurface is the design's card.
func CardSurface(pad Insets) Surface {
	return Surface{Fill: theme.Card, Stroke: theme.Line, Radius: 16, Pad: pad}
}

// Panel is a filled, outlined ground with something on it.
type Panel struct {
	widget.BaseWidget
	surface Surface
	content fyne.CanvasObject
	middle  bool // the content stands in the middle, both ways
	level   bool // the content stands in the middle of the height
	width   float32
}

// NewPanel puts content on a surface, at full width from the top.
func NewPanel(s Surface, content fyne.CanvasObject) *Panel {
	p := &Panel{surface: s, content: content}
	p.ExtendBaseWidget(p)
	return p
}

// Card puts objects in a column on the design's card.
func Card(gap float32, objects ...fyne.CanvasObject) *Panel {
	return NewPanel(CardSurface(Around(16)), Column(gap, objects...))
}

// MiddlePanel puts content in the middle of a surface.
func MiddlePanel(s Surface, content fyne.CanvasObject) *Panel {
	p := NewPanel(s, content)
	p.middle = true
	return p
}

// levelPanel puts content in the middle of a surface's height, at full width.
func levelPanel(s Surface, content fyne.CanvasObject) *Panel {
	p := NewPanel(s, content)
	p.level = true
	return p
}

// SetSurface changes the look.
func (p *Panel) SetSurface(s Surface) {
	if p.surface == s {
		return
	}
	p.surface = s
	p.Refresh()
}

// HeightFor returns the height the panel needs at the given width.
func (p *Panel) HeightFor(width float32) float32 {
	return max(p.surface.Least.Height, HeightFor(p.content, width-p.surface.Pad.across())+p.surface.Pad.down())
}

// NaturalWidth is the width at which the content needs no wrapping.
func (p *Panel) NaturalWidth() float32 {
	return max(p.surface.Least.Width, NaturalWidth(p.content)+p.surface.Pad.across())
}

// MinSize implements fyne.CanvasObject.
func (p *Panel) MinSize() fyne.Size {
	w := max(p.surface.Least.Width, p.content.MinSize().Width+p.surface.Pad.across())
	return fyne.NewSize(w, p.HeightFor(max(w, p.width)))
}

// CreateRenderer implements fyne.Widget.
func (p *Panel) CreateRenderer() fyne.WidgetRenderer {
	r := &panelRenderer{p: p, edge: canvas.NewRectangle(nil), ground: canvas.NewRectangle(nil)}
	r.paint()
	return r
}

// panelRenderer draws an outline as one filled shape on another: a stroke would
// fall between pixels and blur.
type panelRenderer struct {
	p            *Panel
	edge, ground *canvas.Rectangle
}

func (r *panelRenderer) paint() {
	s := r.p.surface
	fill := s.Fill
	if fill == "" {
		fill = theme.None
	}
	radius := s.Radius
	if radius < 0 {
		radius = min(r.p.Size().Height, r.p.Size().Width) / 2
	}
	inset := r.inset()
	r.edge.Hidden = inset == 0
	if inset > 0 {
		r.edge.FillColor = base.Color(s.Stroke)
		r.edge.CornerRadius = radius
	}
	r.ground.FillColor = base.Color(fill)
	r.ground.CornerRadius = max(0, radius-inset)
}

func (r *panelRenderer) inset() float32 {
	if r.p.surface.Stroke == "" {
		return 0
	}
	return max(1, r.p.surface.StrokeWidth)
}

// Destroy implements fyne.WidgetRenderer.
func (r *panelRenderer) Destroy() {}

// Objects implements fyne.WidgetRenderer.
func (r *panelRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.edge, r.ground, r.p.content}
}

// MinSize implements fyne.WidgetRenderer.
func (r *panelRenderer) MinSize() fyne.Size { return r.p.MinSize() }

// Refresh implements fyne.WidgetRenderer.
func (r *panelRenderer) Refresh() {
	r.paint()
	r.edge.Refresh()
	r.ground.Refresh()
	r.p.content.Refresh()
	r.Layout(r.p.Size())
}

// Layout implements fyne.WidgetRenderer.
func (r *panelRenderer) Layout(size fyne.Size) {
	p, pad := r.p, r.p.surface.Pad
	p.width = size.Width
	r.paint()
	inset := r.inset()
	r.edge.Resize(size)
	r.ground.Move(fyne.NewPos(inset, inset))
	r.ground.Resize(size.SubtractWidthHeight(2*inset, 2*inset))
	w, h := size.Width-pad.across(), size.Height-pad.down()
	if p.middle {
		cw := min(w, NaturalWidth(p.content))
		ch := HeightFor(p.content, cw)
		p.content.Resize(fyne.NewSize(cw, ch))
		p.content.Move(fyne.NewPos(pad.Left+(w-cw)/2, pad.Top+(h-ch)/2))
		return
	}
	y := pad.Top
	if p.level {
		ch := HeightFor(p.content, w)
		y, h = pad.Top+(h-ch)/2, ch
	}
	p.content.Resize(fyne.NewSize(w, h))
	p.content.Move(fyne.NewPos(pad.Left, y))
}

// Icon is a drawn icon in a token's colour; its size follows the text.
type Icon struct {
	widget.BaseWidget
	name  resource.Icon
	color theme.Token
	size  float32
	still bool // does not follow the text
}

// NewIcon draws an icon at a size in units at text size 1.
func NewIcon(name resource.Icon, size float32, c theme.Token) *Icon {
	i := &Icon{name: name, size: size, color: c}
	i.ExtendBaseWidget(i)
	return i
}

// SetColor changes the colour.
func (i *Icon) SetColor(c theme.Token) {
	if i.color != c {
		i.color = c
		i.Refresh()
	}
}

// MinSize implements fyne.CanvasObject.
func (i *Icon) MinSize() fyne.Size {
	s := i.size
	if !i.still {
		s = theme.Current().Grown(s)
	}
	return fyne.NewSize(s, s)
}

// CreateRenderer implements fyne.Widget.
func (i *Icon) CreateRenderer() fyne.WidgetRenderer {
	img := canvas.NewImageFromResource(resource.Draw(i.name, base.Color(i.color)))
	img.FillMode = canvas.ImageFillContain
	return &iconRenderer{i, img}
}

type iconRenderer struct {
	i   *Icon
	img *canvas.Image
}

// Destroy implements fyne.WidgetRenderer.
func (r *iconRenderer) Destroy() {}

// Objects implements fyne.WidgetRenderer.
func (r *iconRenderer) Objects() []fyne.CanvasObject { return []fyne.CanvasObject{r.img} }

// MinSize implements fyne.WidgetRenderer.
func (r *iconRenderer) MinSize() fyne.Size { return r.i.MinSize() }

// Layout implements fyne.WidgetRenderer.
func (r *iconRenderer) Layout(size fyne.Size) { r.img.Resize(size) }

// Refresh implements fyne.WidgetRenderer.
func (r *iconRenderer) Refresh() {
	r.img.Resource = resource.Draw(r.i.name, base.Color(r.i.color))
	r.img.Refresh()
}

// Rule is a hairline.
func Rule() fyne.CanvasObject {
	return NewPanel(Surface{Fill: theme.Line, Least: fyne.NewSize(0, 1)}, Room(0))
}

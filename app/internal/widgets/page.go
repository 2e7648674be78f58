package widgets

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"
)

// PageMargin is the design's margin left and right.
const PageMargin = 20

// Page is a screen's frame: a head that stays, a body that scrolls when it is
// higher than the room for it, and a foot that stays with the buttons.
type Page struct {
	widget.BaseWidget
	head, body, foot fyne.CanvasObject
	scroll           *container.Scroll
	pad              Insets
	gap              float32
	max              float32
	center           bool
	fit              func(fits func() bool)
}

// PageParams makes a [Page]; every part may be nil.
type PageParams struct {
	Head, Body, Foot fyne.CanvasObject
	Center           bool    // a body lower than its room stands in the middle
	Gap              float32 // between head, body and foot; 0 means 16
	// Fit, when set, is called before the page is laid out, so that it can make
	// its parts lower until fits says that nothing has to scroll.
	Fit      func(fits func() bool)
	MaxWidth float32 // of the content; 0 means 560
	Pad      *Insets // nil means the design's
}

// NewPage makes a page.
func NewPage(p PageParams) *Page {
	pg := &Page{head: p.Head, body: p.Body, foot: p.Foot, pad: Insets{22, PageMargin, 24, PageMargin}, gap: p.Gap, max: p.MaxWidth, center: p.Center, fit: p.Fit}
	if pg.gap == 0 {
		pg.gap = 16
	}
	if p.Pad != nil {
		pg.pad = *p.Pad
	}
	if pg.max == 0 {
		pg.max = 560
	}
	if pg.body == nil {
		pg.body = Room(0)
	}
	pg.scroll = container.NewVScroll(pg.body)
	pg.ExtendBaseWidget(pg)
	return pg
}

// MinSize implements fyne.CanvasObject. The height is the least in which the
// body can still be scrolled.
func (p *Page) MinSize() fyne.Size {
	w := p.body.MinSize().Width
	for _, o := range []fyne.CanvasObject{p.head, p.foot} {
		if o != nil {
			w = max(w, o.MinSize().Width)
		}
	}
	return fyne.NewSize(w+p.pad.across(), 240)
}

// CreateRenderer implements fyne.Widget.
func (p *Page) CreateRenderer() fyne.WidgetRenderer {
	r := &pageRenderer{p: p}
	for _, o := range []fyne.CanvasObject{p.head, p.scroll, p.foot} {
		if o != nil {
			r.objects = append(r.objects, o)
		}
	}
	return r
}

type pageRenderer struct {
	p       *Page
	objects []fyne.CanvasObject
}

// Destroy implements fyne.WidgetRenderer.
func (r *pageRenderer) Destroy() {}

// Objects implements fyne.WidgetRenderer.
func (r *pageRenderer) Objects() []fyne.CanvasObject { return r.objects }

// MinSize implements fyne.WidgetRenderer.
func (r *pageRenderer) MinSize() fyne.Size { return r.p.MinSize() }

// Refresh implements fyne.WidgetRenderer.
func (r *pageRenderer) Refresh() {
	r.Layout(r.p.Size())
	for _, o := range r.objects {
		o.Refresh()
	}
}

// spill lets what stands at the edge (a focus ring) be seen inside the scroll.
const spill = 4

// Layout implements fyne.WidgetRenderer.
func (r *pageRenderer) Layout(size fyne.Size) {
	p := r.p
	w := min(size.Width-p.pad.across(), p.max)
	x := p.pad.Left + (size.Width-p.pad.across()-w)/2
	if size.Width <= 0 || w <= 0 {
		return
	}
	if p.fit != nil {
		p.fit(func() bool { return p.fits(w, size.Height) })
	}
	top, bottom := p.pad.Top, size.Height-p.pad.Bottom
	if p.head != nil {
		h := HeightFor(p.head, w)
		place(p.head, x, top, w, h)
		top += h + p.gap
	}
	if p.foot != nil {
		h := HeightFor(p.foot, w)
		place(p.foot, x, bottom-h, w, h)
		bottom -= h + p.gap
	}
	room := max(0, bottom-top)
	r.placeBody(x, top, w, room)
}

// fits reports whether head, body and foot have room without scrolling.
func (p *Page) fits(width, height float32) bool {
	need := p.pad.down() + HeightFor(p.body, width)
	for _, o := range []fyne.CanvasObject{p.head, p.foot} {
		if o != nil {
			need += HeightFor(o, width) + p.gap
		}
	}
	return need <= height
}

func (r *pageRenderer) placeBody(x, top, w, room float32) {
	p := r.p
	inner, ok := p.scroll.Content.(*fyne.Container)
	if !ok || inner.Layout != nil && !isPageBody(inner) {
		p.scroll.Content = &fyne.Container{Layout: &pageBody{}, Objects: []fyne.CanvasObject{p.body}}
		inner = p.scroll.Content.(*fyne.Container)
	}
	b := inner.Layout.(*pageBody)
	b.width, b.room, b.center = w, room, p.center
	place(p.scroll, x-spill, top-spill, w+2*spill, room+2*spill)
	p.scroll.Refresh()
}

func isPageBody(c *fyne.Container) bool {
	_, ok := c.Layout.(*pageBody)
	return ok
}

func place(o fyne.CanvasObject, x, y, w, h float32) {
	o.Move(fyne.NewPos(x, y))
	o.Resize(fyne.NewSize(w, h))
}

// pageBody gives the scrolled content the page's width and its own height.
type pageBody struct {
	width, room float32
	center      bool
}

// Layout implements fyne.Layout.
func (b *pageBody) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	h := HeightFor(objects[0], b.width)
	y := float32(spill)
	if b.center && h < b.room {
		y += (b.room - h) / 2
	}
	place(objects[0], spill, y, b.width, max(h, 0))
}

// MinSize implements fyne.Layout.
func (b *pageBody) MinSize(objects []fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(min(b.width, objects[0].MinSize().Width), HeightFor(objects[0], b.width)+2*spill)
}

// Split is a wide page: what is asked on the left, the answer on the right; on a
// narrow one it shows Narrow instead.
type Split struct {
	widget.BaseWidget
	narrow, wide fyne.CanvasObject
	breakAt      float32
	isWide       bool
	switched     bool
}

// NewSplit shows wide from the given width on, else narrow.
func NewSplit(narrow, wide fyne.CanvasObject, breakAt float32) *Split {
	s := &Split{narrow: narrow, wide: wide, breakAt: breakAt}
	s.ExtendBaseWidget(s)
	wide.Hide()
	return s
}

// Wide reports which of the two is shown.
func (s *Split) Wide() bool { return s.isWide }

// MinSize implements fyne.CanvasObject.
func (s *Split) MinSize() fyne.Size { return s.narrow.MinSize() }

// CreateRenderer implements fyne.Widget.
func (s *Split) CreateRenderer() fyne.WidgetRenderer {
	return &splitRenderer{s}
}

type splitRenderer struct{ s *Split }

// Destroy implements fyne.WidgetRenderer.
func (r *splitRenderer) Destroy() {}

// Objects implements fyne.WidgetRenderer.
func (r *splitRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.s.narrow, r.s.wide}
}

// MinSize implements fyne.WidgetRenderer.
func (r *splitRenderer) MinSize() fyne.Size { return r.s.MinSize() }

// Refresh implements fyne.WidgetRenderer.
func (r *splitRenderer) Refresh() {
	r.Layout(r.s.Size())
	r.shown().Refresh()
}

func (r *splitRenderer) shown() fyne.CanvasObject {
	if r.s.isWide {
		return r.s.wide
	}
	return r.s.narrow
}

// Layout implements fyne.WidgetRenderer.
func (r *splitRenderer) Layout(size fyne.Size) {
	s := r.s
	if size.Width <= 0 {
		return
	}
	if wide := size.Width >= s.breakAt; wide != s.isWide || !s.switched {
		s.isWide, s.switched = wide, true
		if wide {
			s.narrow.Hide()
			s.wide.Show()
		} else {
			s.wide.Hide()
			s.narrow.Show()
		}
	}
	r.shown().Resize(size)
}

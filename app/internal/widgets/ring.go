package widgets

import (
	"fmt"
	"math"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	base "fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/nod-auth/nod/app/internal/theme"
)

// warnUnder is when the ring turns to the warning colour.
const warnUnder = 15 * time.Second

// Ring shows how much of a span of time is left: seconds inside an arc. It
// never moves by itself; whoever shows it calls Set.
type Ring struct {
	widget.BaseWidget
	left, total time.Duration
	calm        bool // a code's countdown does not warn
}

// NewRing makes a countdown that warns under 15 seconds.
func NewRing(left, total time.Duration) *Ring {
	r := &Ring{left: left, total: total}
	r.ExtendBaseWidget(r)
	return r
}

// CalmRing makes a countdown that never warns: a code that will be followed by
// the next.
func CalmRing(left, total time.Duration) *Ring {
	r := NewRing(left, total)
	r.calm = true
	return r
}

// Set tells the time left; below zero counts as zero.
func (r *Ring) Set(left time.Duration) {
	if left == r.left {
		return
	}
	r.left = left
	r.Refresh()
}

// Seconds is what the ring shows: the seconds left, a begun one counted.
func (r *Ring) Seconds() int {
	return max(0, int(math.Ceil(r.left.Seconds())))
}

// The design's ring, and the share of it that is hollow.
const (
	ringSize = 36
	ringHole = 0.81
)

// MinSize implements fyne.CanvasObject.
func (r *Ring) MinSize() fyne.Size {
	s := theme.Current().Grown(ringSize)
	return fyne.NewSize(s, s)
}

// CreateRenderer implements fyne.Widget.
func (r *Ring) CreateRenderer() fyne.WidgetRenderer {
	out := &ringRenderer{r: r, track: canvas.NewArc(0, 360, ringHole, nil), arc: canvas.NewArc(0, 0, ringHole, nil), text: canvas.NewText("", nil)}
	out.paint()
	return out
}

type ringRenderer struct {
	r          *Ring
	track, arc *canvas.Arc
	text       *canvas.Text
}

func (o *ringRenderer) paint() {
	r := o.r
	share := 0.0
	if r.total > 0 {
		share = min(max(r.left.Seconds()/r.total.Seconds(), 0), 1)
	}
	c := theme.Primary
	if !r.calm && r.left < warnUnder {
		c = theme.Warn
	}
	o.track.FillColor = base.Color(theme.Line)
	o.arc.FillColor = base.Color(c)
	o.arc.StartAngle, o.arc.EndAngle = 0, float32(360*share)
	o.arc.CornerRadius = 1.8
	o.arc.Hidden = share == 0
	m := theme.Current().Metrics(theme.Tag)
	o.text.Text = clockText(r.Seconds())
	o.text.Color = base.Color(theme.Ink)
	if c == theme.Warn {
		o.text.Color = base.Color(theme.Warn)
	}
	o.text.TextSize, o.text.FontSource = min(m.Size, theme.Current().Grown(12)), m.Face
}

// clockText is at most three characters: seconds, or minutes when more.
func clockText(s int) string {
	if s < 100 {
		return fmt.Sprint(s)
	}
	return fmt.Sprintf("%dm", (s+59)/60)
}

// Destroy implements fyne.WidgetRenderer.
func (o *ringRenderer) Destroy() {}

// Objects implements fyne.WidgetRenderer.
func (o *ringRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{o.track, o.arc, o.text}
}

// MinSize implements fyne.WidgetRenderer.
func (o *ringRenderer) MinSize() fyne.Size { return o.r.MinSize() }

// Refresh implements fyne.WidgetRenderer.
func (o *ringRenderer) Refresh() {
	o.paint()
	o.Layout(o.r.Size())
	o.arc.Refresh()
	o.text.Refresh()
}

// Layout implements fyne.WidgetRenderer.
func (o *ringRenderer) Layout(size fyne.Size) {
	side := min(size.Width, size.Height)
	square := fyne.NewSize(side, side)
	pos := fyne.NewPos((size.Width-side)/2, (size.Height-side)/2)
	for _, a := range []*canvas.Arc{o.track, o.arc} {
		a.Move(pos)
		a.Resize(square)
	}
	centerCaps(o.text, (size.Width-o.text.MinSize().Width)/2, size.Height/2)
}

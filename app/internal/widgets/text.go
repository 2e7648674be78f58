package widgets

import (
	"math"
	"strings"
	"unicode"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	base "fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/nod-auth/nod/app/internal/resource"
	"github.com/nod-auth/nod/app/internal/theme"
)

// Run is a piece of a text in one style.
type Run struct {
	Text  string
	Type  theme.Type
	Color theme.Token
}

// Text is wrapped text on the type scale. Its runs share lines; a word longer
// than the line is broken.
type Text struct {
	widget.BaseWidget
	runs   []Run
	align  fyne.TextAlign
	oneRow bool
	fit    bool
	zoom   float32 // of the size; 0 means 1
	width  float32
	memo   map[float32][]textLine // broken lines by width, for the look they were measured in
	look   *theme.Theme
}

// T makes a wrapped text in one style.
func T(s string, ty theme.Type, c theme.Token) *Text { return Runs(Run{s, ty, c}) }

// Center makes a wrapped text in the middle.
func Center(s string, ty theme.Type, c theme.Token) *Text {
	t := T(s, ty, c)
	t.align = fyne.TextAlignCenter
	return t
}

// OneLine makes a text that never wraps: a short label at the end of a row.
func OneLine(s string, ty theme.Type, c theme.Token) *Text {
	t := T(s, ty, c)
	t.oneRow = true
	return t
}

// Fit makes a text that stays on one line by setting itself smaller, down to
// half its size, before it wraps: an amount.
func Fit(s string, ty theme.Type, c theme.Token) *Text {
	t := T(s, ty, c)
	t.fit = true
	return t
}

// Runs makes a wrapped text of several styles.
func Runs(runs ...Run) *Text {
	for i := range runs {
		runs[i].Text = tie(runs[i].Text)
	}
	t := &Text{runs: runs}
	t.ExtendBaseWidget(t)
	return t
}

// tie keeps a middle dot on the line of the word before it, and leaves out what
// could make a text read as another: control characters and the marks that turn
// the direction of writing.
func tie(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\t':
			return ' '
		case unicode.IsControl(r), r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0x200e, r == 0x200f, r == 0x061c, r == 0xfeff:
			return -1
		}
		return r
	}, s)
	return strings.ReplaceAll(s, " · ", "\u00a0· ")
}

// Centered puts the lines in the middle and returns the text.
func (t *Text) Centered() *Text { t.align = fyne.TextAlignCenter; return t }

// SetText replaces the words of the first run.
func (t *Text) SetText(s string) {
	if s = tie(s); t.runs[0].Text == s {
		return
	}
	t.runs[0].Text = s
	t.look = nil
	t.Refresh()
}

// SetColor replaces the colour of the first run.
func (t *Text) SetColor(c theme.Token) {
	if t.runs[0].Color == c {
		return
	}
	t.runs[0].Color = c
	t.Refresh()
}

func (t *Text) setZoom(z float32) {
	if t.zoom != z {
		t.zoom, t.look = z, nil
		t.Refresh()
	}
}

// String returns the whole text without its styles.
func (t *Text) String() string {
	var b strings.Builder
	for _, r := range t.runs {
		b.WriteString(strings.ReplaceAll(r.Text, "\u00a0· ", " · "))
	}
	return b.String()
}

// piece is what stands on a line in one style.
type piece struct {
	text  string
	run   int
	width float32
}

type textLine struct {
	pieces []piece
	width  float32
}

func measure(s string, m theme.Metrics, size float32) float32 {
	src, style := face(s, m)
	got, _ := fyne.CurrentApp().Driver().RenderedTextSize(s, size, style, src)
	return got.Width
}

// face picks the embedded face, or the system's fonts for other scripts.
func face(s string, m theme.Metrics) (fyne.Resource, fyne.TextStyle) {
	if resource.Covers(s) {
		return m.Face, fyne.TextStyle{}
	}
	return nil, fyne.TextStyle{Bold: m.Bold}
}

// words splits after spaces, so that each word carries the space behind it.
func words(s string) (out []string) {
	start := 0
	for i, r := range s {
		if unicode.IsSpace(r) && r != '\u00a0' && r != '\u202f' || r == '\u200b' {
			end := i + len(string(r))
			out = append(out, s[start:end])
			start = end
		}
	}
	if start < len(s) {
		out = append(out, s[start:])
	}
	return out
}

// shrink is the factor that sets a fitting text on one line, at least a half.
func (t *Text) shrink(width float32) float32 {
	if t.zoom > 0 {
		return t.zoom
	}
	if !t.fit || width <= 0 {
		return 1
	}
	if t.widthAt(1) <= width {
		return 1
	}
	// Glyphs are set on whole pixels, so that the width does not shrink evenly.
	f := float32(0.99)
	for f > 0.5 && t.widthAt(f) > width {
		f -= 0.02
	}
	return f
}

// widthAt is the text's width on one line at a share of its size.
func (t *Text) widthAt(factor float32) (w float32) {
	look := theme.Current()
	for _, r := range t.runs {
		m := look.Metrics(r.Type)
		w += measure(r.Text, m, m.Size*factor)
	}
	return w
}

// breakLines breaks the text at the width. Centered text is balanced: its lines
// are made as short as the same number of lines allows, so that no single word
// is left over.
func (t *Text) breakLines(width float32) []textLine {
	if look := theme.Current(); t.look != look || len(t.memo) > 16 {
		t.look, t.memo = look, map[float32][]textLine{}
	}
	lines, ok := t.memo[width]
	if !ok {
		lines = t.balance(width)
		t.memo[width] = lines
	}
	return lines
}

func (t *Text) balance(width float32) []textLine {
	lines := t.breakAt(width)
	if t.align != fyne.TextAlignCenter || len(lines) < 2 || len(lines) > 4 {
		return lines
	}
	low, high := width/2, width
	for high-low > 4 {
		mid := (low + high) / 2
		if got := t.breakAt(mid); len(got) == len(lines) && !cuts(got, mid) {
			high, lines = mid, got
		} else {
			low = mid
		}
	}
	return lines
}

// cuts reports whether a line is wider than it may be or ends inside a word.
func cuts(lines []textLine, width float32) bool {
	for i, l := range lines {
		if l.width > width*1.2 {
			return true
		}
		if n := len(l.pieces); i < len(lines)-1 && n > 0 && !strings.HasSuffix(l.pieces[n-1].text, " ") {
			return true
		}
	}
	return false
}

func (t *Text) breakAt(width float32) []textLine {
	look, factor := theme.Current(), t.shrink(width)
	b := lineBreaker{width: width, free: t.oneRow || width <= 0}
	for i, r := range t.runs {
		m := look.Metrics(r.Type)
		for p, paragraph := range strings.Split(r.Text, "\n") {
			if p > 0 {
				b.flush()
			}
			for _, w := range words(paragraph) {
				b.add(w, i, m, m.Size*factor)
			}
		}
	}
	b.flush()
	return b.out
}

type lineBreaker struct {
	width float32
	free  bool
	line  textLine
	out   []textLine
}

func (b *lineBreaker) flush() {
	b.out = append(b.out, b.line)
	b.line = textLine{}
}

func (b *lineBreaker) add(word string, run int, m theme.Metrics, size float32) {
	full := measure(word, m, size)
	if !b.free {
		bare := measure(strings.TrimRightFunc(word, unicode.IsSpace), m, size)
		if b.line.width > 0 && b.line.width+bare > b.width+0.5 {
			b.flush()
		}
		for bare > b.width+0.5 && len([]rune(word)) > 1 {
			head, rest := split(word, b.width, m, size)
			b.put(head, run, m, size)
			b.flush()
			word = rest
			bare = measure(strings.TrimRightFunc(word, unicode.IsSpace), m, size)
			full = measure(word, m, size)
		}
	}
	b.append(word, run, full, m, size)
}

func (b *lineBreaker) put(s string, run int, m theme.Metrics, size float32) {
	b.append(s, run, measure(s, m, size), m, size)
}

// append joins the word to the piece before it, so that kerning holds.
func (b *lineBreaker) append(s string, run int, width float32, m theme.Metrics, size float32) {
	if n := len(b.line.pieces); n > 0 && b.line.pieces[n-1].run == run {
		p := &b.line.pieces[n-1]
		p.text += s
		joined := measure(p.text, m, size)
		b.line.width += joined - p.width
		p.width = joined
		return
	}
	b.line.pieces = append(b.line.pieces, piece{s, run, width})
	b.line.width += width
}

// split cuts a word that is wider than the line.
func split(word string, width float32, m theme.Metrics, size float32) (head, rest string) {
	r := []rune(word)
	n := 1
	for n < len(r)-1 && measure(string(r[:n+1]), m, size) <= width {
		n++
	}
	return string(r[:n]), string(r[n:])
}

func (t *Text) lineHeight(width float32) (h float32) {
	look := theme.Current()
	for _, r := range t.runs {
		h = max(h, look.Metrics(r.Type).Line)
	}
	return h
}

// HeightFor returns the height of the wrapped text.
func (t *Text) HeightFor(width float32) float32 {
	return float32(len(t.breakLines(width))) * t.lineHeight(width)
}

// NaturalWidth is the width of the text on one line.
func (t *Text) NaturalWidth() float32 { return t.widthAt(1) + 0.5 }

// leastWidth is what a wrapped text asks for at least; longer words break.
const leastWidth = 72

// MinSize implements fyne.CanvasObject.
func (t *Text) MinSize() fyne.Size {
	w := t.NaturalWidth()
	if !t.oneRow {
		w = min(w, theme.Current().Grown(leastWidth))
	}
	return fyne.NewSize(w, t.HeightFor(max(w, t.width)))
}

// CreateRenderer implements fyne.Widget.
func (t *Text) CreateRenderer() fyne.WidgetRenderer {
	return &textRenderer{t: t}
}

type textRenderer struct {
	t       *Text
	objects []fyne.CanvasObject
}

// Destroy implements fyne.WidgetRenderer.
func (r *textRenderer) Destroy() {}

// Objects implements fyne.WidgetRenderer.
func (r *textRenderer) Objects() []fyne.CanvasObject { return r.objects }

// MinSize implements fyne.WidgetRenderer.
func (r *textRenderer) MinSize() fyne.Size { return r.t.MinSize() }

// Refresh implements fyne.WidgetRenderer.
func (r *textRenderer) Refresh() {
	r.Layout(r.t.Size())
	canvas.Refresh(r.t)
}

// Layout implements fyne.WidgetRenderer.
func (r *textRenderer) Layout(size fyne.Size) {
	r.t.width = size.Width
	r.objects = r.objects[:0]
	if size.Width <= 0 {
		return
	}
	look, factor := theme.Current(), r.t.shrink(size.Width)
	lineHeight := r.t.lineHeight(size.Width)
	for i, line := range r.t.breakLines(size.Width) {
		x := float32(0)
		if r.t.align == fyne.TextAlignCenter {
			x = (size.Width - trimmedWidth(line, r.t.runs, factor)) / 2
		}
		for _, p := range line.pieces {
			run := r.t.runs[p.run]
			m := look.Metrics(run.Type)
			o := canvas.NewText(strings.TrimRight(p.text, "\n"), base.Color(run.Color))
			o.TextSize = m.Size * factor
			o.FontSource, o.TextStyle = face(p.text, m)
			centerCaps(o, x, float32(i)*lineHeight+lineHeight/2)
			r.objects = append(r.objects, o)
			x += p.width
		}
	}
}

// capHeight is that of the faces, as a share of their size.
const capHeight = 0.727

// centerCaps puts a text so that its capitals and digits stand in the middle of
// the height at y, as browsers set a line. Fyne puts the baseline on the first
// whole pixel below the ascent, so the pixel is counted here, too.
func centerCaps(o *canvas.Text, x, y float32) {
	size, baseline := fyne.CurrentApp().Driver().RenderedTextSize(o.Text, o.TextSize, o.TextStyle, o.FontSource)
	drawn := float32(math.Ceil(float64(baseline)))
	wanted := float32(math.Floor(float64(y + o.TextSize*capHeight/2 + 0.25)))
	o.Move(fyne.NewPos(x, wanted-drawn))
	o.Resize(size)
}

// trimmedWidth is a line's width without the space that ended it.
func trimmedWidth(l textLine, runs []Run, factor float32) float32 {
	if len(l.pieces) == 0 {
		return 0
	}
	last := l.pieces[len(l.pieces)-1]
	m := theme.Current().Metrics(runs[last.run].Type)
	return l.width - last.width + measure(strings.TrimRightFunc(last.text, unicode.IsSpace), m, m.Size*factor)
}

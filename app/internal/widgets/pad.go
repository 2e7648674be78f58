package widgets

import (
	"fyne.io/fyne/v2"

	"github.com/nod-auth/nod/app/internal/resource"
	"github.com/nod-auth/nod/app/internal/theme"
)

// Pad is the number pad: 1 to 9, 0, and one step back.
type Pad struct {
	*fyne.Container
	keys map[rune]*Press
	back *Press
}

// The pad's key height: the design's, and the least where a screen is low.
const (
	keyHeight    = 50
	lowKeyHeight = Touch
	keyGap       = 8
)

// NewPad makes a pad; digit is called with '0' to '9'.
func NewPad(digit func(rune), back func()) *Pad {
	p := &Pad{keys: map[rune]*Press{}}
	s := Surface{Fill: theme.Card, Stroke: theme.Line, Radius: 12}
	key := func(r rune) fyne.CanvasObject {
		b := newPress(MiddlePanel(s, OneLine(string(r), theme.Key, theme.Ink)), func() { digit(r) })
		p.keys[r] = b
		return b
	}
	p.back = newPress(MiddlePanel(s, NewIcon(resource.IconBackspace, 22, theme.Ink)), back)
	objects := make([]fyne.CanvasObject, 0, 12)
	for _, r := range "123456789" {
		objects = append(objects, key(r))
	}
	objects = append(objects, Room(0), key('0'), p.back)
	p.Container = &fyne.Container{Layout: &padLayout{height: keyHeight}, Objects: objects}
	return p
}

// SetLow makes the keys as low as they may be, where height is short.
func (p *Pad) SetLow(low bool) {
	l := p.Layout.(*padLayout)
	l.height = keyHeight
	if low {
		l.height = lowKeyHeight
	}
}

// Key returns the key of a digit.
func (p *Pad) Key(r rune) *Press { return p.keys[r] }

// Back returns the key that takes one digit back.
func (p *Pad) Back() *Press { return p.back }

type padLayout struct{ height float32 }

func (l *padLayout) row(objects []fyne.CanvasObject) float32 {
	return max(l.height, objects[0].MinSize().Height)
}

func (l *padLayout) heightFor(objects []fyne.CanvasObject, _ float32) float32 {
	return l.row(objects)*4 + keyGap*3
}

// Layout implements fyne.Layout.
func (l *padLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	w, h := (size.Width-2*keyGap)/3, l.row(objects)
	for i, o := range objects {
		o.Move(fyne.NewPos(float32(i%3)*(w+keyGap), float32(i/3)*(h+keyGap)))
		o.Resize(fyne.NewSize(w, h))
	}
}

// MinSize implements fyne.Layout.
func (l *padLayout) MinSize(objects []fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(3*Touch+2*keyGap, l.heightFor(objects, 0))
}

// NewChoices makes one button for each number; the tap is the answer.
func NewChoices(numbers []string, choose func(string)) (*fyne.Container, []*Press) {
	s := Surface{Fill: theme.Card, Stroke: theme.Line, Radius: 16, Pad: Sides(14, 8), Least: fyne.NewSize(Touch, 92)}
	objects := make([]fyne.CanvasObject, 0, len(numbers))
	buttons := make([]*Press, 0, len(numbers))
	for _, n := range numbers {
		b := newPress(MiddlePanel(s, OneLine(n, theme.Choice, theme.Ink)), func() { choose(n) })
		objects, buttons = append(objects, b), append(buttons, b)
	}
	return Equal(12, objects...), buttons
}

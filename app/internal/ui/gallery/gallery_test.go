package gallery

import (
	"fmt"

	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/software"
	"fyne.io/fyne/v2/test"

	"github.com/nod-auth/nod/app/internal/resource"
	"github.com/nod-auth/nod/app/internal/widgets"
)

// leastWidth is the narrowest screen every page must fit at every text size.
const leastWidth = 360

var textSizes = []float32{1, 1.3, 2}

func prepare(t *testing.T, l Look) {
	t.Helper()
	test.NewTempApp(t)
	if err := Prepare(l); err != nil {
		t.Fatal(err)
	}
}

func lay(s Scene, size fyne.Size) (fyne.Canvas, fyne.CanvasObject) {
	c := software.NewCanvas()
	c.SetPadded(false)
	o := s.Make()
	c.SetContent(o)
	c.Resize(size)
	return c, o
}

func TestEveryPageFitsANarrowScreenAtEveryTextSize(t *testing.T) {
	for _, text := range textSizes {
		prepare(t, Look{Text: text})
		for _, s := range Scenes() {
			_, o := lay(s, fyne.NewSize(leastWidth, 640))
			if w := o.MinSize().Width; w > leastWidth {
				t.Errorf("%s at text %v asks for a width of %v, want at most %d", s.Name, text, w, leastWidth)
			}
			checkInside(t, fmt.Sprintf("%s at text %v", s.Name, text), o, leastWidth)
		}
	}
}

func TestEveryPageFitsInEveryLanguage(t *testing.T) {
	for _, l := range resource.Languages() {
		for _, text := range []float32{1, 2} {
			prepare(t, Look{Text: text, Lang: l.Tag})
			for _, s := range Scenes() {
				_, o := lay(s, fyne.NewSize(leastWidth, 640))
				if w := o.MinSize().Width; w > leastWidth {
					t.Errorf("%s in %s at text %v asks for a width of %v, want at most %d", s.Name, l.Tag, text, w, leastWidth)
				}
				checkInside(t, fmt.Sprintf("%s in %s at text %v", s.Name, l.Tag, text), o, leastWidth)
			}
		}
	}
}

func TestEveryWidePageStaysInsideItsWindow(t *testing.T) {
	for _, text := range textSizes {
		prepare(t, Look{Text: text})
		for _, s := range Scenes() {
			_, o := lay(s, WideSize)
			checkInside(t, fmt.Sprintf("%s wide at text %v", s.Name, text), o, WideSize.Width)
		}
	}
}

// checkInside fails when a text or a panel stands beyond the screen's edges.
func checkInside(t *testing.T, name string, o fyne.CanvasObject, width float32) {
	t.Helper()
	Walk(o, func(o fyne.CanvasObject, at fyne.Position) bool {
		right := at.X + o.Size().Width
		switch v := o.(type) {
		case *canvas.Text:
			right = at.X + v.MinSize().Width
			if last := len(v.Text) - 1; last > 0 && v.Text[last] == ' ' {
				right -= v.TextSize * 0.3
			}
		case *widgets.Panel:
		default:
			return !isEntry(o)
		}
		if at.X < -1 || right > width+1.5 {
			t.Errorf("%s: %T %q stands from %v to %v, outside %v", name, o, describe(o), at.X, right, width)
		}
		return true
	})
}

// isEntry leaves out Fyne's entry, which scrolls its text.
func isEntry(o fyne.CanvasObject) bool {
	_, ok := o.(fyne.Shortcutable)
	return ok
}

func describe(o fyne.CanvasObject) string {
	if t, ok := o.(*canvas.Text); ok {
		return t.Text
	}
	return fmt.Sprint(Texts(o))
}

func TestWhatCanBeTappedIsLargeEnoughAndCanBeFocused(t *testing.T) {
	prepare(t, Look{})
	for _, s := range Scenes() {
		_, o := lay(s, NarrowSize)
		Walk(o, func(o fyne.CanvasObject, _ fyne.Position) bool {
			if isEntry(o) {
				return false
			}
			if _, ok := o.(fyne.Tappable); ok {
				if size := o.Size(); size.Width < widgets.Touch || size.Height < widgets.Touch {
					t.Errorf("%s: %q is %v, want at least %v each way", s.Name, Texts(o), size, widgets.Touch)
				}
				if _, ok := o.(fyne.Focusable); !ok {
					t.Errorf("%s: %q cannot be reached with the keyboard", s.Name, Texts(o))
				}
			}
			return true
		})
	}
}

func TestNothingHasTheFocusByItself(t *testing.T) {
	prepare(t, Look{})
	for _, s := range Scenes() {
		if c, _ := lay(s, NarrowSize); c.Focused() != nil {
			t.Errorf("%s: %T took the focus", s.Name, c.Focused())
		}
	}
}

func TestEveryTextHasATranslation(t *testing.T) {
	prepare(t, Look{})
	for _, s := range Scenes() {
		for _, size := range []fyne.Size{NarrowSize, WideSize} {
			_, o := lay(s, size)
			for _, x := range Texts(o) {
				if looksLikeKey(x) {
					t.Errorf("%s shows the key %q instead of a text", s.Name, x)
				}
			}
		}
	}
}

func looksLikeKey(s string) bool {
	dots := 0
	for i, r := range s {
		switch {
		case r >= 'a' && r <= 'z' || r == '_' || r >= '0' && r <= '9':
		case r == '.' && i > 0 && i < len(s)-1:
			dots++
		default:
			return false
		}
	}
	return dots > 0 && !hostLike(s)
}

func hostLike(s string) bool {
	const end = ".example"
	return len(s) > len(end) && s[len(s)-len(end):] == end || s == "auth.example.com" || s == "1.0.0"
}

func TestScreensLookAsTheyDid(t *testing.T) {
	looks := map[string]Look{"light": {}, "dark": {Dark: true}, "wide": {Wide: true}}
	for name, l := range looks {
		prepare(t, l)
		for _, s := range Scenes() {
			if !s.Main || l.Wide && !goldenWide[s.Name] || l.Dark && !goldenInTheDark[s.Name] {
				continue
			}
			test.AssertImageMatches(t, s.Name+"-"+name+".png", Draw(s, l))
		}
	}
	prepare(t, Look{Text: 2})
	for _, s := range Scenes() {
		if s.Name == "prompt-enter" && !fyne.CurrentDevice().IsMobile() { // a phone keeps its pad
			test.AssertImageMatches(t, s.Name+"-text-200.png", Draw(s, Look{Text: 2}))
		}
	}
}

// The set of golden pictures is kept small: the dark ones differ by colour
// alone, which the contrast test of package theme holds, and the wide ones
// mostly by their frame.
var goldenWide = map[string]bool{"prompt-enter": true, "home": true, "prompt-payment": true}

var goldenInTheDark = map[string]bool{"prompt-enter": true, "home": true, "outcome-reported": true, "settings": true}

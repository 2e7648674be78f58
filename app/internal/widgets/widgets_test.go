package widgets_test

import (
	"image/color"
	"slices"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/software"
	"fyne.io/fyne/v2/test"

	"github.com/nod-auth/nod/app/internal/theme"
	"github.com/nod-auth/nod/app/internal/ui/gallery"
	"github.com/nod-auth/nod/app/internal/widgets"
)

func prepare(t *testing.T, l gallery.Look) {
	t.Helper()
	test.NewTempApp(t)
	if err := gallery.Prepare(l); err != nil {
		t.Fatal(err)
	}
}

// lines returns the lines a text is drawn in at a width.
func lines(o *widgets.Text, width float32) (out []string) {
	c := software.NewCanvas()
	c.SetPadded(false)
	c.SetContent(o)
	c.Resize(fyne.NewSize(width, 400))
	y := float32(-1000)
	for _, p := range test.WidgetRenderer(o).Objects() {
		t := p.(*canvas.Text)
		if t.Position().Y != y {
			out, y = append(out, ""), t.Position().Y
		}
		out[len(out)-1] += t.Text
	}
	for i := range out {
		out[i] = strings.TrimSpace(strings.ReplaceAll(out[i], "\u00a0", " "))
	}
	return out
}

func TestTextWrapsAtItsWidth(t *testing.T) {
	prepare(t, gallery.Look{})
	const s = "The quick brown fox jumps over the lazy dog"
	o := widgets.T(s, theme.Body, theme.Ink)
	got := lines(o, 120)
	if strings.Join(got, " ") != s || len(got) < 3 {
		t.Fatalf("lines = %q", got)
	}
	if h := o.HeightFor(120); h != float32(len(got))*20 {
		t.Errorf("height %v for %d lines of 20", h, len(got))
	}
}

func TestALongWordIsBrokenAndLosesNothing(t *testing.T) {
	prepare(t, gallery.Look{})
	const s = "Donaudampfschifffahrtsgesellschaft"
	got := lines(widgets.T(s, theme.Body, theme.Ink), 90)
	if strings.Join(got, "") != s || len(got) < 3 {
		t.Errorf("lines = %q", got)
	}
}

func TestCenteredTextLeavesNoWordAlone(t *testing.T) {
	prepare(t, gallery.Look{})
	const s = "Approve asks for your fingerprint and signs exactly this."
	plain := lines(widgets.T(s, theme.Body, theme.Ink), 350)
	balanced := lines(widgets.Center(s, theme.Body, theme.Ink), 350)
	if len(plain) != 2 || plain[1] != "this." {
		t.Fatalf("plain lines = %q: the case no longer shows anything", plain)
	}
	if len(balanced) != 2 || len(strings.Fields(balanced[1])) < 3 {
		t.Errorf("balanced lines = %q", balanced)
	}
}

func TestAMiddleDotNeverBeginsALine(t *testing.T) {
	prepare(t, gallery.Look{})
	for width := float32(150); width < 300; width += 7 { // a narrower line cuts the address itself
		for _, l := range lines(widgets.T("ada@example.com · key in TPM · confirmed", theme.Body, theme.Ink), width) {
			if strings.HasPrefix(l, "·") {
				t.Fatalf("at %v a line is %q", width, l)
			}
		}
	}
}

func TestTextShowsNothingThatTurnsItsDirection(t *testing.T) {
	prepare(t, gallery.Look{})
	for in, want := range map[string]string{
		"pay \u202e000 1\u202c": "pay 000 1", "a\u2066b\u2069c\u200f": "abc", "bell\a\x00": "bell", "tab\there": "tab here", "\ufeffx": "x",
	} {
		if got := widgets.T(in, theme.Body, theme.Ink).String(); got != want {
			t.Errorf("%q shows as %q, want %q", in, got, want)
		}
	}
}

func TestRunsOfTwoStylesShareALine(t *testing.T) {
	prepare(t, gallery.Look{})
	o := widgets.Runs(widgets.Run{Text: "to ", Type: theme.Body, Color: theme.Secondary}, widgets.Run{Text: "Harbour Boatworks", Type: theme.BodyStrong, Color: theme.Ink})
	if got := lines(o, 300); len(got) != 1 || got[0] != "to Harbour Boatworks" {
		t.Errorf("lines = %q", got)
	}
}

func TestAnAmountStaysOnOneLine(t *testing.T) {
	prepare(t, gallery.Look{Text: 2})
	if got := lines(widgets.Fit("€ 1 250 000.00", theme.Amount, theme.Ink), 300); len(got) != 1 {
		t.Errorf("lines = %q", got)
	}
}

func TestRingShowsBegunSecondsAndNeverLessThanNone(t *testing.T) {
	prepare(t, gallery.Look{})
	r := widgets.NewRing(65*time.Second, 90*time.Second)
	for left, want := range map[time.Duration]int{65 * time.Second: 65, 64500 * time.Millisecond: 65, time.Millisecond: 1, 0: 0, -time.Minute: 0} {
		r.Set(left)
		if got := r.Seconds(); got != want {
			t.Errorf("%v left shows %d, want %d", left, got, want)
		}
	}
}

// ringColor is the colour of the moving arc.
func ringColor(r *widgets.Ring) color.Color {
	return test.WidgetRenderer(r).Objects()[1].(*canvas.Arc).FillColor
}

func TestRingWarnsUnderFifteenSeconds(t *testing.T) {
	prepare(t, gallery.Look{})
	light, _, err := theme.Palettes(theme.DefaultAccent())
	if err != nil {
		t.Fatal(err)
	}
	r := widgets.NewRing(15*time.Second, 90*time.Second)
	if got := ringColor(r); got != light[theme.Primary] {
		t.Errorf("at 15 s: %v", got)
	}
	r.Set(14900 * time.Millisecond)
	if got := ringColor(r); got != light[theme.Warn] {
		t.Errorf("under 15 s: %v", got)
	}
	if got := ringColor(widgets.CalmRing(3*time.Second, 30*time.Second)); got != light[theme.Primary] {
		t.Errorf("a code's ring: %v", got)
	}
}

func TestPadCallsWhatIsTapped(t *testing.T) {
	prepare(t, gallery.Look{})
	var got []rune
	p := widgets.NewPad(func(r rune) { got = append(got, r) }, func() { got = append(got, '<') })
	for _, r := range "1234567890" {
		test.Tap(p.Key(r))
	}
	test.Tap(p.Back())
	if string(got) != "1234567890<" {
		t.Errorf("got %q", string(got))
	}
}

func TestADisabledButtonIsDead(t *testing.T) {
	prepare(t, gallery.Look{})
	taps := 0
	b := widgets.NewButton(widgets.Primary, "Approve", func() { taps++ })
	w := test.NewTempWindow(t, b)
	w.Canvas().Focus(b)
	b.SetDisabled(true)
	if w.Canvas().Focused() != nil {
		t.Error("a disabled button keeps the focus")
	}
	test.Tap(b)
	b.TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
	if taps != 0 {
		t.Errorf("%d taps", taps)
	}
	w.Canvas().FocusNext()
	if w.Canvas().Focused() != nil {
		t.Error("Tab reaches a disabled button")
	}
	b.SetDisabled(false)
	test.Tap(b)
	b.TypedKey(&fyne.KeyEvent{Name: fyne.KeySpace})
	if taps != 2 {
		t.Errorf("%d taps, want 2", taps)
	}
}

func TestTheFocusCanBeSeen(t *testing.T) {
	prepare(t, gallery.Look{})
	b := widgets.NewButton(widgets.Danger, "It is not me", func() {})
	c := software.NewCanvas()
	c.SetContent(b)
	c.Resize(fyne.NewSize(200, 100))
	before := pixels(c.Capture())
	c.Focus(b)
	if slices.Equal(before, pixels(c.Capture())) {
		t.Error("a focused button looks like any other")
	}
}

func pixels(img interface{ At(x, y int) color.Color }) (out []uint32) {
	for y := range 100 {
		for x := range 200 {
			r, g, b, _ := img.At(x, y).RGBA()
			out = append(out, r>>8<<16|g>>8<<8|b>>8)
		}
	}
	return out
}

func TestCellsShowWhatWasTyped(t *testing.T) {
	prepare(t, gallery.Look{})
	c := widgets.NewCells(2, false)
	c.Set("4")
	if got := strings.Join(gallery.Texts(c.Container), ","); got != "4," {
		t.Errorf("cells show %q", got)
	}
	c.Set("42")
	if got := strings.Join(gallery.Texts(c.Container), ","); got != "4,2" {
		t.Errorf("cells show %q", got)
	}
}

func TestDigitsOfACodeStandInEqualBoxes(t *testing.T) {
	prepare(t, gallery.Look{})
	c := widgets.NewCodeText("111777", theme.Code, theme.Ink)
	c.Resize(fyne.NewSize(300, 40))
	for _, o := range c.Objects[1:] {
		if o.Size() != c.Objects[0].Size() {
			t.Errorf("a digit's box is %v, another %v", o.Size(), c.Objects[0].Size())
		}
	}
	if c.String() != "111777" {
		t.Errorf("code = %q", c.String())
	}
	c.Set("482915")
	if c.String() != "482915" {
		t.Errorf("code = %q", c.String())
	}
}

func TestCodesAreGrouped(t *testing.T) {
	for code, want := range map[string]string{"482915": "482 915", "48291537": "4829 1537", "1234567": "1234567", "": ""} {
		if got := widgets.GroupCode(code); got != want {
			t.Errorf("GroupCode(%q) = %q, want %q", code, got, want)
		}
	}
}

func TestWhiteCanBeReadOnEveryTile(t *testing.T) {
	for _, name := range []string{"a", "b", "Example Bank", "Northwind", "Contoso", "株式会社", "", "Q", "zz", "Zürich"} {
		if got := theme.Contrast(color.White, widgets.TileColor(name, nil)); got < theme.MinContrast {
			t.Errorf("%q: contrast %.2f", name, got)
		}
	}
	for _, own := range []color.Color{color.NRGBA{0xff, 0xd0, 0, 0xff}, color.White, color.Black, color.NRGBA{0, 0xa0, 0xff, 0xff}} {
		if got := theme.Contrast(color.White, widgets.TileColor("x", own)); got < theme.MinContrast {
			t.Errorf("%v: contrast %.2f", own, got)
		}
	}
}

func TestToggleFlips(t *testing.T) {
	prepare(t, gallery.Look{})
	var told []bool
	g := widgets.NewToggle(widgets.ToggleParams{Title: "Lock", OnChange: func(on bool) { told = append(told, on) }})
	test.Tap(g)
	test.Tap(g)
	if !slices.Equal(told, []bool{true, false}) || g.On() {
		t.Errorf("told %v", told)
	}
}

func TestAPageScrollsWhatDoesNotFitAndKeepsItsButtons(t *testing.T) {
	prepare(t, gallery.Look{})
	body := widgets.Column(0)
	for range 60 {
		body.Add(widgets.T("A line of text", theme.Body, theme.Ink))
	}
	foot := widgets.NewButton(widgets.Primary, "Done", func() {})
	p := widgets.NewPage(widgets.PageParams{Body: body, Foot: foot})
	c := software.NewCanvas()
	c.SetPadded(false)
	c.SetContent(p)
	c.Resize(fyne.NewSize(390, 400))
	if bottom := foot.Position().Y + foot.Size().Height; bottom > 400 {
		t.Errorf("the button ends at %v of 400", bottom)
	}
	if h := body.Size().Height; h != 60*20 {
		t.Errorf("the body is %v high, want 1200", h)
	}
}

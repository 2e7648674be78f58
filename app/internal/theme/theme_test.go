package theme_test

import (
	"image/color"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	base "fyne.io/fyne/v2/theme"

	"github.com/nod-auth/nod/app/internal/theme"
)

// pairs lists every text colour with every ground it is set on.
var pairs = []struct{ ink, ground theme.Token }{
	{theme.Ink, theme.Background}, {theme.Ink, theme.Card}, {theme.Ink, theme.Weak},
	{theme.Secondary, theme.Background}, {theme.Secondary, theme.Card},
	{theme.Primary, theme.Background}, {theme.Primary, theme.Card}, {theme.Primary, theme.Weak},
	{theme.OnPrimary, theme.Primary}, {theme.OnIdle, theme.Idle}, {theme.Secondary, theme.Idle},
	{theme.OK, theme.Card}, {theme.OK, theme.Background}, {theme.OK, theme.OKWeak},
	{theme.Bad, theme.Card}, {theme.Bad, theme.Background}, {theme.Bad, theme.BadWeak},
	{theme.Warn, theme.Card}, {theme.Warn, theme.Background}, {theme.Warn, theme.WarnWeak},
}

func checkContrast(t *testing.T, name string, p theme.Palette) {
	t.Helper()
	for _, pair := range pairs {
		if got := theme.Contrast(p[pair.ink], p[pair.ground]); got < theme.MinContrast {
			t.Errorf("%s: %s on %s has contrast %.2f, want %.1f", name, pair.ink, pair.ground, got, theme.MinContrast)
		}
	}
}

func hex(t *testing.T, s string) color.Color {
	t.Helper()
	c, err := theme.Hex(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTextReachesItsContrastInBothVariants(t *testing.T) {
	light, dark, err := theme.Palettes(theme.DefaultAccent())
	if err != nil {
		t.Fatal(err)
	}
	checkContrast(t, "light", light)
	checkContrast(t, "dark", dark)
	if light[theme.Primary] != hex(t, "#4338CA") || dark[theme.Primary] != hex(t, "#A5A0FF") {
		t.Errorf("the design's accent was moved: %v %v", light[theme.Primary], dark[theme.Primary])
	}
}

func TestBrandAccentsAreAdjustedUntilTheyCanBeRead(t *testing.T) {
	for _, s := range []string{"#0F766E", "#E11D48", "#F97316", "#2563EB", "#111111", "#00A3A3", "#B45309", "#7C3AED"} {
		light, dark, err := theme.Palettes(theme.Accent{Light: hex(t, s)})
		if err != nil {
			t.Errorf("%s: %v", s, err)
			continue
		}
		checkContrast(t, s+" light", light)
		checkContrast(t, s+" dark", dark)
	}
}

func TestAnAccentThatCannotBeReadIsRefusedWithTheReason(t *testing.T) {
	_, _, err := theme.Palettes(theme.Accent{Light: hex(t, "#FFF59D")})
	if err == nil || !strings.Contains(err.Error(), "contrast") || !strings.Contains(err.Error(), "#FFF59D") {
		t.Fatalf("error = %v, want the colour and its contrast", err)
	}
}

func TestHexRefusesWhatIsNotAColour(t *testing.T) {
	for _, s := range []string{"", "red", "#12345", "#GG0000", "#1234567", "123456#"} {
		if _, err := theme.Hex(s); err == nil {
			t.Errorf("%q was accepted", s)
		}
	}
}

func TestContrastIsThatOfTheStandard(t *testing.T) {
	if got := theme.Contrast(color.Black, color.White); got != 21 {
		t.Errorf("black on white = %v, want 21", got)
	}
	// #767676 on white is the well-known edge of 4.5:1.
	if got := theme.Contrast(hex(t, "#767676"), color.White); got < 4.5 || got > 4.6 {
		t.Errorf("#767676 on white = %v", got)
	}
}

func TestModeOverridesTheSystem(t *testing.T) {
	for _, c := range []struct {
		mode theme.Mode
		sys  fyne.ThemeVariant
		dark bool
	}{
		{theme.ModeSystem, base.VariantDark, true}, {theme.ModeSystem, base.VariantLight, false},
		{theme.ModeLight, base.VariantDark, false}, {theme.ModeDark, base.VariantLight, true}, {"", base.VariantDark, true},
	} {
		look, err := theme.New(theme.Params{Mode: c.mode})
		if err != nil {
			t.Fatal(err)
		}
		ink := look.Color(base.ColorNameForeground, c.sys)
		if got := theme.Contrast(ink, color.White) < 2; got != c.dark {
			t.Errorf("mode %q under %v: dark = %v", c.mode, c.sys, got)
		}
	}
}

func TestLargeTextGrowsMoreSlowly(t *testing.T) {
	look, err := theme.New(theme.Params{TextScale: 2})
	if err != nil {
		t.Fatal(err)
	}
	if got := look.Metrics(theme.Body).Size; got != 28 {
		t.Errorf("body = %v, want 28", got)
	}
	if got := look.Metrics(theme.Title).Size; got < 30 || got > 40 {
		t.Errorf("title = %v, want between 30 and 40", got)
	}
}

func TestTextScaleStaysInItsRange(t *testing.T) {
	for in, want := range map[float32]float32{0: 1, 0.5: 1, 1.3: 1.3, 9: 2} {
		look, err := theme.New(theme.Params{TextScale: in})
		if err != nil {
			t.Fatal(err)
		}
		if look.TextScale() != want {
			t.Errorf("scale %v became %v, want %v", in, look.TextScale(), want)
		}
	}
}

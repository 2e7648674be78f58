package theme

import (
	"image/color"

	"fyne.io/fyne/v2"
	base "fyne.io/fyne/v2/theme"

	"github.com/nod-auth/nod/app/internal/resource"
)

// Mode is the person's choice of variant.
type Mode string

// The three choices. The empty Mode means ModeSystem.
const (
	ModeSystem Mode = "system"
	ModeLight  Mode = "light"
	ModeDark   Mode = "dark"
)

// Params makes a [Theme].
type Params struct {
	Accent        Accent  // the brand's; zero means Nod's own
	Mode          Mode    // empty means the system's
	TextScale     float32 // 1 to 2; 0 means 1
	ReducedMotion bool    // no fades
}

// Theme is Nod's look as Fyne sees it. It does not change after New: a new
// choice of the person makes a new Theme.
type Theme struct {
	light, dark Palette
	mode        Mode
	scale       float32
	still       bool
}

// New returns the look, or why its accent cannot be read.
func New(p Params) (*Theme, error) {
	light, dark, err := Palettes(p.Accent)
	if err != nil {
		return nil, err
	}
	scale := min(max(p.TextScale, 1), 2)
	return &Theme{light: light, dark: dark, mode: p.Mode, scale: scale, still: p.ReducedMotion}, nil
}

// Default is Nod's own look at text size 1.
func Default() *Theme {
	t, err := New(Params{})
	if err != nil {
		panic("theme: the default accent is refused: " + err.Error())
	}
	return t
}

// Current is the running app's look; the default when the app has another.
func Current() *Theme {
	if app := fyne.CurrentApp(); app != nil {
		if t, ok := app.Settings().Theme().(*Theme); ok {
			return t
		}
	}
	return fallback
}

var fallback = Default()

// TextScale is the factor of body text, 1 to 2.
func (t *Theme) TextScale() float32 { return t.scale }

// ReducedMotion reports whether fades are to be left out.
func (t *Theme) ReducedMotion() bool { return t.still }

// Palette returns the colours of the variant that is in force.
func (t *Theme) Palette(v fyne.ThemeVariant) Palette {
	if t.mode == ModeDark || (t.mode != ModeLight && v == base.VariantDark) {
		return t.dark
	}
	return t.light
}

// fyneColors maps the names Fyne's own parts use to tokens.
var fyneColors = map[fyne.ThemeColorName]Token{
	base.ColorNameForeground:        Ink,
	base.ColorNameButton:            Card,
	base.ColorNameDisabled:          Secondary,
	base.ColorNameDisabledButton:    Idle,
	base.ColorNameError:             Bad,
	base.ColorNameFocus:             Weak,
	base.ColorNameHover:             Hover,
	base.ColorNameHyperlink:         Primary,
	base.ColorNameInputBackground:   Card,
	base.ColorNameInputBorder:       Line,
	base.ColorNameMenuBackground:    Card,
	base.ColorNameOverlayBackground: Card,
	base.ColorNamePlaceHolder:       Secondary,
	base.ColorNamePressed:           Hover,
	base.ColorNamePrimary:           Primary,
	base.ColorNameSelection:         Weak,
	base.ColorNameSeparator:         Line,
	base.ColorNameSuccess:           OK,
	base.ColorNameWarning:           Warn,
	base.ColorNameHeaderBackground:  Card,
}

// Color implements fyne.Theme.
func (t *Theme) Color(name fyne.ThemeColorName, v fyne.ThemeVariant) color.Color {
	p := t.Palette(v)
	if token, ok := fyneColors[name]; ok {
		name = token
	}
	if c, ok := p[name]; ok {
		return c
	}
	switch name {
	case base.ColorNameScrollBar:
		return withAlpha(p[Secondary], 0x66)
	case base.ColorNameScrollBarBackground, base.ColorNameShadow:
		return color.NRGBA{}
	}
	return base.DefaultTheme().Color(name, v)
}

func withAlpha(c color.NRGBA, a uint8) color.NRGBA { c.A = a; return c }

// Font implements fyne.Theme; Fyne falls back to the system's fonts for
// scripts these faces do not hold.
func (t *Theme) Font(s fyne.TextStyle) fyne.Resource {
	switch {
	case s.Symbol, s.Monospace:
		return base.DefaultTheme().Font(s)
	case s.Bold:
		return resource.FontSemiBold
	}
	return resource.FontRegular
}

// Icon implements fyne.Theme.
func (t *Theme) Icon(n fyne.ThemeIconName) fyne.Resource { return base.DefaultTheme().Icon(n) }

// Size implements fyne.Theme.
func (t *Theme) Size(n fyne.ThemeSizeName) float32 {
	switch n {
	case base.SizeNameText:
		return t.Metrics(Body).Size
	case base.SizeNamePadding, base.SizeNameInnerPadding:
		return 8
	case base.SizeNameScrollBar:
		return 8
	case base.SizeNameScrollBarSmall:
		return 3
	case base.SizeNameInputRadius, base.SizeNameSelectionRadius:
		return 12
	case base.SizeNameInputBorder:
		return 0
	}
	return base.DefaultTheme().Size(n)
}

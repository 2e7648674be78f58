// Package theme owns how Nod looks: its colours in light and dark, its type
// scale, its faces and the size of text a person asked for.
//
// It is a fyne.Theme, so that Fyne's own parts (scrolling, entry fields) follow
// it, and it carries Nod's tokens under colour names of their own. Widgets ask
// for tokens by name and never hold a colour. Text reaches 4.5:1 on everything
// it is set on, in both variants and for every accepted accent; New adjusts an
// accent that falls short, or refuses it with the reason.
package theme

import (
	"fmt"
	"image/color"

	"fyne.io/fyne/v2"
)

// Token names one colour of the design.
type Token = fyne.ThemeColorName

// The colours of the design. "Weak" is the pale ground of its colour; "On" is
// the text that stands on it.
const (
	Background Token = "background"
	Card       Token = "nod-card"
	Line       Token = "nod-line"
	Ink        Token = "nod-ink"
	Secondary  Token = "nod-secondary"
	Primary    Token = "nod-primary"
	Weak       Token = "nod-weak"
	OnPrimary  Token = "nod-on-primary"
	OK         Token = "nod-ok"
	OKWeak     Token = "nod-ok-weak"
	Bad        Token = "nod-bad"
	BadWeak    Token = "nod-bad-weak"
	Warn       Token = "nod-warn"
	WarnWeak   Token = "nod-warn-weak"
	Idle       Token = "nod-idle"
	OnIdle     Token = "nod-on-idle"
	Hover      Token = "nod-hover"
	None       Token = "nod-none"
)

// Palette is one variant's colours by token.
type Palette map[Token]color.NRGBA

func rgb(v uint32) color.NRGBA {
	return color.NRGBA{uint8(v >> 16), uint8(v >> 8), uint8(v), 0xff}
}

var (
	white = rgb(0xFFFFFF)
	black = rgb(0x000000)
)

// lightBase and darkBase are the table of the design, without the accent.
func lightBase() Palette {
	return Palette{
		Background: rgb(0xF4F4F8), Card: white, Line: rgb(0xE4E4EE),
		Ink: rgb(0x14141F), Secondary: rgb(0x63637A),
		OK: rgb(0x0F7B4F), OKWeak: rgb(0xE7F5EE),
		Bad: rgb(0xB42318), BadWeak: rgb(0xFDECEA),
		Warn: rgb(0x9A5B00), WarnWeak: rgb(0xFFF3DC),
		Idle: rgb(0xE4E4EE), OnIdle: rgb(0x63637A),
		Hover: color.NRGBA{0x14, 0x14, 0x1F, 0x0A}, None: {},
	}
}

func darkBase() Palette {
	return Palette{
		Background: rgb(0x0F0F17), Card: rgb(0x1A1A26), Line: rgb(0x2C2C3D),
		Ink: rgb(0xF2F2F8), Secondary: rgb(0xA2A2B8),
		OK: rgb(0x4CC38A), OKWeak: rgb(0x15291F),
		Bad: rgb(0xFF8A7A), BadWeak: rgb(0x3A1A18),
		Warn: rgb(0xF2B64A), WarnWeak: rgb(0x33270F),
		Idle: rgb(0x2C2C3D), OnIdle: rgb(0xA2A2B8),
		Hover: color.NRGBA{0xF2, 0xF2, 0xF8, 0x0F}, None: {},
	}
}

// Accent is a brand's colour. Dark may be nil: it is then found from Light.
type Accent struct {
	Light color.Color
	Dark  color.Color
}

// DefaultAccent is Nod's own.
func DefaultAccent() Accent { return Accent{Light: rgb(0x4338CA), Dark: rgb(0xA5A0FF)} }

// Palettes returns the light and the dark palette with the accent in them,
// moved as far as its contrast needs. The error says why an accent was refused.
func Palettes(a Accent) (light, dark Palette, err error) {
	if a.Light == nil {
		a = DefaultAccent()
	}
	light, dark = lightBase(), darkBase()
	if err := setAccent(light, a.Light, white, black, 0.09); err != nil {
		return nil, nil, fmt.Errorf("accent: %w", err)
	}
	from := a.Dark
	if from == nil {
		from = a.Light
	}
	if err := setAccent(dark, from, dark[Background], white, 0.14); err != nil {
		// A deep accent that cannot be lifted keeps its hue at the ceiling.
		if a.Dark != nil {
			return nil, nil, fmt.Errorf("dark accent: %w", err)
		}
		if err := setAccent(dark, Mix(a.Light, white, 0.45), dark[Background], white, 0.14); err != nil {
			return nil, nil, fmt.Errorf("accent in the dark: %w", err)
		}
	}
	return light, dark, nil
}

// setAccent writes the accent, its pale ground and the text upon it.
func setAccent(p Palette, c, ground, toward color.Color, share float64) error {
	accent, err := Readable(c, toward, p[Background], p[Card])
	if err != nil {
		return err
	}
	for range 20 { // the pale ground follows the accent; give it its contrast too
		if Contrast(accent, Mix(ground, accent, share)) >= MinContrast {
			break
		}
		accent = Mix(accent, toward, 0.03)
	}
	p[Primary], p[Weak] = accent, Mix(ground, accent, share)
	p[OnPrimary] = white
	if dark := rgb(0x14141F); Contrast(dark, accent) > Contrast(white, accent) {
		p[OnPrimary] = dark
	}
	return nil
}

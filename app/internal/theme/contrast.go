package theme

import (
	"fmt"
	"image/color"
	"math"
)

// MinContrast is the least contrast of text against what lies under it
// (WCAG 2.2, success criterion 1.4.3, level AA for normal text).
const MinContrast = 4.5

// maxShift is how far a brand's accent may be moved toward black or white
// before it stops being that brand's colour and is refused instead.
const maxShift = 0.45

// Contrast returns the contrast ratio of two opaque colours, 1 to 21, as
// WCAG 2.2 defines it from relative luminance.
func Contrast(a, b color.Color) float64 {
	la, lb := luminance(a), luminance(b)
	if la < lb {
		la, lb = lb, la
	}
	return (la + 0.05) / (lb + 0.05)
}

func luminance(c color.Color) float64 {
	r, g, b, _ := c.RGBA()
	lin := func(v uint32) float64 {
		s := float64(v) / 0xffff
		if s <= 0.04045 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	return 0.2126*lin(r) + 0.7152*lin(g) + 0.0722*lin(b)
}

// Hex parses "#RRGGBB".
func Hex(s string) (color.NRGBA, error) {
	var r, g, b uint8
	if len(s) != 7 {
		return color.NRGBA{}, fmt.Errorf("colour %q: want #RRGGBB", s)
	}
	if _, err := fmt.Sscanf(s, "#%02x%02x%02x", &r, &g, &b); err != nil {
		return color.NRGBA{}, fmt.Errorf("colour %q: want #RRGGBB", s)
	}
	return color.NRGBA{r, g, b, 0xff}, nil
}

// Mix returns a with share t (0 to 1) of b laid over it.
func Mix(a, b color.Color, t float64) color.NRGBA {
	ar, ag, ab, _ := a.RGBA()
	br, bg, bb, _ := b.RGBA()
	m := func(x, y uint32) uint8 {
		return uint8(math.Round((float64(x)*(1-t) + float64(y)*t) / 257))
	}
	return color.NRGBA{m(ar, br), m(ag, bg), m(ab, bb), 0xff}
}

// Readable moves c toward toward in small steps until it reaches
// [MinContrast] against every ground, and returns it. It refuses a colour that
// would have to move too far to be recognised.
func Readable(c, toward color.Color, grounds ...color.Color) (color.NRGBA, error) {
	for t := 0.0; t <= maxShift; t += 0.01 {
		moved := Mix(c, toward, t)
		if lowest(moved, grounds) >= MinContrast {
			return moved, nil
		}
	}
	return color.NRGBA{}, fmt.Errorf("colour %s has contrast %.1f, text needs %.1f, and it would have to change more than %d%%: choose another",
		hexOf(c), lowest(c, grounds), MinContrast, int(maxShift*100))
}

func lowest(c color.Color, grounds []color.Color) float64 {
	low := 21.0
	for _, g := range grounds {
		low = math.Min(low, Contrast(c, g))
	}
	return low
}

func hexOf(c color.Color) string {
	n := Mix(c, c, 0)
	return fmt.Sprintf("#%02X%02X%02X", n.R, n.G, n.B)
}

// Package resource owns everything the app carries inside its binary: the
// type faces, the drawn icons, the texts in six languages and the brand file.
//
// It leaves colours and sizes to package theme and never reads a file at run
// time. Every icon is drawn for Nod; the faces are subsets of Inter
// (fonts/OFL.txt). The packager overwrites brand/ before a branded build.
package resource

import (
	_ "embed"

	"fyne.io/fyne/v2"
)

//go:embed fonts/Inter-Regular.otf
var interRegular []byte

//go:embed fonts/Inter-Medium.otf
var interMedium []byte

//go:embed fonts/Inter-SemiBold.otf
var interSemiBold []byte

//go:embed fonts/Inter-Bold.otf
var interBold []byte

// The four faces of the type scale. They cover Latin, Greek and Cyrillic;
// [Covers] tells whether a text can be set in them.
var (
	FontRegular  fyne.Resource = fyne.NewStaticResource("Inter-Regular.otf", interRegular)
	FontMedium   fyne.Resource = fyne.NewStaticResource("Inter-Medium.otf", interMedium)
	FontSemiBold fyne.Resource = fyne.NewStaticResource("Inter-SemiBold.otf", interSemiBold)
	FontBold     fyne.Resource = fyne.NewStaticResource("Inter-Bold.otf", interBold)
)

// covered lists the Unicode ranges kept in the subset faces, in order.
var covered = [][2]rune{
	{0x20, 0x7E}, {0xA0, 0x17F}, {0x192, 0x192}, {0x218, 0x21B}, {0x259, 0x259},
	{0x2C6, 0x2DD}, {0x300, 0x312}, {0x326, 0x328}, {0x384, 0x3CE}, {0x400, 0x45F},
	{0x490, 0x491}, {0x1E80, 0x1E85}, {0x1EA0, 0x1EF9}, {0x2000, 0x206F},
	{0x20A0, 0x20BF}, {0x2116, 0x2116}, {0x2122, 0x2122}, {0x2190, 0x2193},
	{0x2212, 0x2212}, {0x2248, 0x2248}, {0x2260, 0x2260}, {0x2264, 0x2265},
}

// Covers reports whether the embedded faces hold every character of s. A text
// they do not hold is set in the system's own fonts instead.
func Covers(s string) bool {
	for _, r := range s {
		if !coversRune(r) {
			return false
		}
	}
	return true
}

func coversRune(r rune) bool {
	for _, span := range covered {
		if r <= span[1] {
			return r >= span[0]
		}
	}
	return false
}

package theme

import (
	"fyne.io/fyne/v2"

	"github.com/nod-auth/nod/app/internal/resource"
)

// Type names one step of the type scale.
type Type int

// The type scale: size over line height at text size 1.
const (
	Body       Type = iota // 14/20 regular
	Label                  // 12/16 regular
	Value                  // 15/20 medium
	Heading                // 17/24 semibold
	Title                  // 26/32 bold
	Amount                 // 40/48 bold
	Lead                   // 16/24 regular, the sentence under an outcome
	Action                 // 16/22 semibold, buttons
	Note                   // 13/18 semibold, a status at the end of a row
	Tag                    // 11/16 semibold
	Key                    // 20/28 medium, the number pad
	Digit                  // 30/36 semibold, a cell of the number
	Choice                 // 32/40 semibold, a number to choose
	Code                   // 26/30 semibold, a one-time code
	Nav                    // 12/16 medium
	NavHere                // 12/16 semibold, the place one is at
	BodyStrong             // 14/20 semibold
	BodyMedium             // 14/20 medium
	Small                  // 13/18 regular
	Name                   // 17/20 semibold, a name with a line under it
)

// Metrics is a step of the scale at the text size in force, in Fyne's units.
type Metrics struct {
	Size, Line float32
	Face       fyne.Resource
	Bold       bool // what a system font is asked for where Face lacks a script
}

type step struct {
	size, line float32
	face       fyne.Resource
	bold       bool
}

var steps = map[Type]step{
	Body:       {14, 20, resource.FontRegular, false},
	Label:      {12, 16, resource.FontRegular, false},
	Value:      {15, 20, resource.FontMedium, false},
	Heading:    {17, 24, resource.FontSemiBold, true},
	Title:      {26, 32, resource.FontBold, true},
	Amount:     {40, 48, resource.FontBold, true},
	Lead:       {16, 24, resource.FontRegular, false},
	Action:     {16, 22, resource.FontSemiBold, true},
	Note:       {13, 18, resource.FontSemiBold, true},
	Tag:        {11, 16, resource.FontSemiBold, true},
	Key:        {20, 28, resource.FontMedium, false},
	Digit:      {30, 36, resource.FontSemiBold, true},
	Choice:     {32, 40, resource.FontSemiBold, true},
	Code:       {26, 30, resource.FontSemiBold, true},
	Nav:        {12, 16, resource.FontMedium, false},
	NavHere:    {12, 16, resource.FontSemiBold, true},
	Small:      {13, 18, resource.FontRegular, false},
	Name:       {17, 20, resource.FontSemiBold, true},
	BodyMedium: {14, 20, resource.FontMedium, false},
	BodyStrong: {14, 20, resource.FontSemiBold, true},
}

// largeFrom is the size from which text grows more slowly: what is large
// already needs less help, and a title at twice 26 would push the request off
// the screen.
const (
	largeFrom   = 20
	largeGrowth = 0.45
)

// Metrics returns a step of the scale at this look's text size.
func (t *Theme) Metrics(ty Type) Metrics {
	s := steps[ty]
	f := t.scale
	if s.size >= largeFrom {
		f = 1 + (t.scale-1)*largeGrowth
	}
	return Metrics{Size: s.size * f, Line: s.line * f, Face: s.face, Bold: s.bold}
}

// Grown returns a length that follows large text, such as a digit's cell.
func (t *Theme) Grown(v float32) float32 { return v * (1 + (t.scale-1)*largeGrowth) }

// Package widgets owns the parts every screen is made of: text, panels, rows,
// buttons, the countdown, number cells, the pad, cards and navigation.
//
// They know the design's tokens and no more: nothing here knows a challenge,
// an account or a brand. Screens in package ui put them together.
//
// Invariants: nothing here runs by itself (a countdown moves only when it is
// told the time); every part that can be tapped is at least 44 units high and
// can be reached and seen with the keyboard; no part fixes its height, since
// text wraps and grows. Parts are laid out from the top with a known width
// ([HeightFor]), so that wrapped text is right at the first layout. Like all of
// Fyne, they may be touched from Fyne's own goroutine only.
package widgets

// Touch is the least width and height of what can be tapped.
const Touch = 44

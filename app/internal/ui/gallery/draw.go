package gallery

import (
	"cmp"
	"image"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/software"

	"github.com/nod-auth/nod/app/internal/resource"
	"github.com/nod-auth/nod/app/internal/theme"
)

// The sizes pictures are taken at.
var (
	NarrowSize = fyne.NewSize(390, 800)
	WideSize   = fyne.NewSize(1060, 640)
)

// Look is how a scene is drawn.
type Look struct {
	Dark  bool
	Wide  bool
	Text  float32 // text size, 0 means 1
	Scale float32 // pixels a unit, 0 means 1
	Lang  string  // "" means English
}

// Prepare gives the running app the look and loads the texts.
func Prepare(l Look) error {
	mode := theme.ModeLight
	if l.Dark {
		mode = theme.ModeDark
	}
	t, err := theme.New(theme.Params{Mode: mode, TextScale: l.Text})
	if err != nil {
		return err
	}
	fyne.CurrentApp().Settings().SetTheme(t)
	return resource.LoadTexts(cmp.Or(l.Lang, "en"))
}

// Draw makes the scene and returns its picture. [Prepare] comes first.
func Draw(s Scene, l Look) image.Image {
	c := software.NewCanvas()
	c.SetPadded(false)
	c.SetScale(max(l.Scale, 1))
	c.SetContent(s.Make())
	size := NarrowSize
	if l.Wide {
		size = WideSize
	}
	c.Resize(size)
	return c.Capture()
}

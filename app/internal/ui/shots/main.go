// Command shots writes a picture of every screen, and sheets of all of them, to
// a folder. It needs no display.
//
//	go run ./internal/ui/shots -out ../build/shots
package main

import (
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/software"
	"fyne.io/fyne/v2/test"

	"github.com/nod-auth/nod/app/internal/theme"
	"github.com/nod-auth/nod/app/internal/ui/gallery"
	"github.com/nod-auth/nod/app/internal/widgets"
)

func main() {
	out := flag.String("out", "build/shots", "folder to write to")
	only := flag.String("only", "", "write only scenes whose name begins with this")
	scale := flag.Float64("scale", 1, "pixels a unit")
	flag.Parse()
	if err := run(*out, *only, float32(*scale)); err != nil {
		fmt.Fprintln(os.Stderr, "shots:", err)
		os.Exit(1)
	}
}

// looks are the ways every scene is drawn, each on a sheet of its own.
var looks = []struct {
	name string
	gallery.Look
}{
	{"light", gallery.Look{}},
	{"dark", gallery.Look{Dark: true}},
	{"wide", gallery.Look{Wide: true}},
	{"wide-dark", gallery.Look{Wide: true, Dark: true}},
	{"text-130", gallery.Look{Text: 1.3}},
	{"text-200", gallery.Look{Text: 2}},
	{"german", gallery.Look{Lang: "de"}},
}

func run(out, only string, scale float32) error {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	test.NewApp()
	for _, l := range looks {
		l.Scale = scale
		if err := gallery.Prepare(l.Look); err != nil {
			return err
		}
		var pictures []picture
		for _, s := range gallery.Scenes() {
			if !strings.HasPrefix(s.Name, only) || l.Wide && !s.Wide {
				continue
			}
			img := gallery.Draw(s, l.Look)
			pictures = append(pictures, picture{s.Name, img})
			if err := write(filepath.Join(out, s.Name+"-"+l.name+".png"), img); err != nil {
				return err
			}
		}
		if len(pictures) == 0 {
			continue
		}
		if err := gallery.Prepare(gallery.Look{}); err != nil { // captions are always light
			return err
		}
		if err := write(filepath.Join(out, "sheet-"+l.name+".png"), sheet(pictures, l.Wide, scale)); err != nil {
			return err
		}
	}
	return nil
}

type picture struct {
	name string
	image.Image
}

// sheet sets pictures of one size in a grid, each under its name.
func sheet(pictures []picture, wide bool, scale float32) image.Image {
	px := func(v int) int { return int(float32(v) * scale) }
	gap, head, across := px(28), px(30), 6
	if wide {
		across = 3
	}
	across = min(across, len(pictures))
	cell := pictures[0].Bounds().Size()
	down := (len(pictures) + across - 1) / across
	out := image.NewRGBA(image.Rect(0, 0, gap+across*(cell.X+gap), gap+down*(cell.Y+gap+head)))
	ground := color.NRGBA{0xD8, 0xD8, 0xE2, 0xff}
	draw.Draw(out, out.Bounds(), image.NewUniform(ground), image.Point{}, draw.Src)
	radius := px(26)
	if wide {
		radius = px(14)
	}
	for i, p := range pictures {
		at := image.Pt(gap+i%across*(cell.X+gap), gap+i/across*(cell.Y+gap+head))
		c := caption(p.name, cell.X, head, scale)
		draw.Draw(out, image.Rectangle{at, at.Add(c.Bounds().Size())}, c, image.Point{}, draw.Over)
		at.Y += head
		draw.DrawMask(out, image.Rectangle{at, at.Add(cell)}, p, p.Bounds().Min, rounded{cell, radius}, image.Point{}, draw.Over)
	}
	return out
}

// caption draws a name in the app's own type.
func caption(name string, width, height int, scale float32) image.Image {
	c := software.NewTransparentCanvas()
	c.SetPadded(false)
	c.SetScale(scale)
	c.SetContent(widgets.T(strings.ReplaceAll(name, "-", " "), theme.BodyStrong, theme.Ink))
	c.Resize(fyne.NewSize(float32(width)/scale, float32(height)/scale))
	return c.Capture()
}

// rounded is a mask that leaves the corners out, with soft edges.
type rounded struct {
	size   image.Point
	radius int
}

// ColorModel implements image.Image.
func (r rounded) ColorModel() color.Model { return color.AlphaModel }

// Bounds implements image.Image.
func (r rounded) Bounds() image.Rectangle { return image.Rectangle{Max: r.size} }

// At implements image.Image.
func (r rounded) At(x, y int) color.Color {
	nearest := func(v, size int) float64 {
		return float64(v) + 0.5 - min(max(float64(v)+0.5, float64(r.radius)), float64(size-r.radius))
	}
	d := math.Hypot(nearest(x, r.size.X), nearest(y, r.size.Y)) - float64(r.radius)
	return color.Alpha{uint8(255 * min(max(0.5-d, 0), 1))}
}

func write(name string, img image.Image) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := png.Encode(f, img); err != nil {
		return err
	}
	return f.Close()
}

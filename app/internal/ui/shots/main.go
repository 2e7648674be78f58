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
	"os"
	"path/filepath"
	"strings"

	"fyne.io/fyne/v2/test"

	"github.com/nod-auth/nod/app/internal/ui/gallery"
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
		var pictures []image.Image
		for _, s := range gallery.Scenes() {
			if !strings.HasPrefix(s.Name, only) || l.Wide && !s.Wide {
				continue
			}
			img := gallery.Draw(s, l.Look)
			pictures = append(pictures, img)
			if err := write(filepath.Join(out, s.Name+"-"+l.name+".png"), img); err != nil {
				return err
			}
		}
		if len(pictures) == 0 {
			continue
		}
		if err := write(filepath.Join(out, "sheet-"+l.name+".png"), sheet(pictures, l.Wide)); err != nil {
			return err
		}
	}
	return nil
}

// sheet sets pictures of one size in a grid.
func sheet(pictures []image.Image, wide bool) image.Image {
	const gap = 28
	across := 6
	if wide {
		across = 3
	}
	across = min(across, len(pictures))
	cell := pictures[0].Bounds().Size()
	down := (len(pictures) + across - 1) / across
	out := image.NewRGBA(image.Rect(0, 0, gap+across*(cell.X+gap), gap+down*(cell.Y+gap)))
	draw.Draw(out, out.Bounds(), image.NewUniform(color.NRGBA{0xD8, 0xD8, 0xE2, 0xff}), image.Point{}, draw.Src)
	for i, p := range pictures {
		at := image.Pt(gap+i%across*(cell.X+gap), gap+i/across*(cell.Y+gap))
		draw.Draw(out, image.Rectangle{at, at.Add(cell)}, p, p.Bounds().Min, draw.Src)
	}
	return out
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

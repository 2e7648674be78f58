package resource

import (
	"bytes"
	"embed"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/lang"

	"github.com/nod-auth/nod/shared/brand"
)

//go:embed brand
var brandFiles embed.FS

// LoadBrand reads the brand that was built in. The error names the line of the
// brand file that is wrong.
func LoadBrand() (brand.Brand, error) {
	data, err := brandFiles.ReadFile("brand/brand.toml")
	if err != nil {
		return brand.Brand{}, fmt.Errorf("read the brand: %w", err)
	}
	b, err := brand.Parse(data)
	if err != nil {
		return brand.Brand{}, fmt.Errorf("brand file: %w", err)
	}
	known, err := Keys("en")
	if err != nil {
		return brand.Brand{}, err
	}
	for tag, texts := range b.Texts {
		for key := range texts {
			if !slices.Contains(known, key) {
				return brand.Brand{}, fmt.Errorf("brand file: texts.%s: the app has no text %q", tag, key)
			}
		}
	}
	return b, nil
}

// LoadBrandTexts lays the brand's texts over those of the app. Call it after
// [LoadTexts], with the same tag.
func LoadBrandTexts(b brand.Brand, tag string) error {
	here := lang.SystemLocale().LanguageString()
	for language, texts := range b.Texts {
		if tag != "" && language != tag {
			continue
		}
		locale := language
		if tag != "" {
			locale = here
		}
		data, err := marshalTexts(texts)
		if err != nil {
			return fmt.Errorf("brand texts: %w", err)
		}
		if err := lang.AddTranslationsForLocale(data, fyne.Locale(locale)); err != nil {
			return fmt.Errorf("brand texts: %w", err)
		}
	}
	return nil
}

// BrandIcon is the brand's icon, a square PNG.
func BrandIcon(b brand.Brand) (fyne.Resource, error) {
	data, err := brandFiles.ReadFile("brand/" + b.Icon)
	if err != nil {
		return nil, fmt.Errorf("read the brand's icon: %w", err)
	}
	return fyne.NewStaticResource(b.Icon, data), nil
}

// traySide is the side of a tray icon in pixels.
const traySide = 64

// TrayIcon makes the tray's icon of the brand's: small, with round corners, and
// with a red dot while a request is open.
func TrayIcon(b brand.Brand, asking bool) (fyne.Resource, error) {
	data, err := brandFiles.ReadFile("brand/" + b.Icon)
	if err != nil {
		return nil, fmt.Errorf("read the brand's icon: %w", err)
	}
	big, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("decode the brand's icon: %w", err)
	}
	img, name := trayImage(big, asking), "tray.png"
	if asking {
		name = "tray-asking.png"
	}
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		return nil, fmt.Errorf("encode the tray icon: %w", err)
	}
	return fyne.NewStaticResource(name, out.Bytes()), nil
}

// trayImage averages the big icon down, sample by sample, so that corners and
// dot get soft edges.
func trayImage(big image.Image, asking bool) *image.NRGBA {
	const samples = 4
	out := image.NewNRGBA(image.Rect(0, 0, traySide, traySide))
	for y := range traySide {
		for x := range traySide {
			var r, g, b, a float64
			for i := range samples * samples {
				u := (float64(x) + (float64(i%samples)+0.5)/samples) / traySide
				v := (float64(y) + (float64(i/samples)+0.5)/samples) / traySide
				c := traySample(big, u, v, asking)
				share := float64(c.A) / 255
				r, g, b, a = r+float64(c.R)*share, g+float64(c.G)*share, b+float64(c.B)*share, a+share
			}
			if a > 0 {
				out.SetNRGBA(x, y, color.NRGBA{uint8(r / a), uint8(g / a), uint8(b / a), uint8(a * 255 / (samples * samples))})
			}
		}
	}
	return out
}

// traySample is the tray icon's colour at a point from 0 to 1 each way.
func traySample(big image.Image, u, v float64, asking bool) color.NRGBA {
	if asking {
		du, dv := u-0.78, v-0.22
		switch d := du*du + dv*dv; {
		case d < 0.19*0.19:
			return color.NRGBA{0xE5, 0x48, 0x4D, 0xff}
		case d < 0.235*0.235:
			return color.NRGBA{}
		}
	}
	const corner = 0.225
	cu, cv := min(max(u, corner), 1-corner), min(max(v, corner), 1-corner)
	if du, dv := u-cu, v-cv; du*du+dv*dv > corner*corner {
		return color.NRGBA{}
	}
	size := big.Bounds().Size()
	at := big.At(big.Bounds().Min.X+int(u*float64(size.X)), big.Bounds().Min.Y+int(v*float64(size.Y)))
	return color.NRGBAModel.Convert(at).(color.NRGBA)
}

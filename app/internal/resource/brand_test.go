package resource_test

import (
	"bytes"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"fyne.io/fyne/v2/test"

	"github.com/nod-auth/nod/app/internal/resource"
	"github.com/nod-auth/nod/app/internal/theme"
	"github.com/nod-auth/nod/shared/brand"
)

func loadBrand(t *testing.T) brand.Brand {
	t.Helper()
	b, err := resource.LoadBrand()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTheBuiltInBrandIsWholeAndItsAccentCanBeRead(t *testing.T) {
	b := loadBrand(t)
	light, err := theme.Hex(b.Accent)
	if err != nil {
		t.Fatal(err)
	}
	dark, err := theme.Hex(b.AccentDark)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := theme.New(theme.Params{Accent: theme.Accent{Light: light, Dark: dark}}); err != nil {
		t.Error(err)
	}
	icon, err := resource.BrandIcon(b)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(icon.Content()))
	if err != nil {
		t.Fatal(err)
	}
	if s := img.Bounds().Size(); s.X != s.Y || s.X < 1024 {
		t.Errorf("the icon is %v, want a square of 1024 or more", s)
	}
}

func TestTheBuiltInBrandIsTheOneInAssets(t *testing.T) {
	if os.Getenv("NOD_BRAND") != "" {
		t.Skip("another brand is built: NOD_BRAND is set")
	}
	for _, name := range []string{"brand.toml", "icon.png"} {
		a, err := os.ReadFile(filepath.Join("brand", name))
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join("../../../assets/brands/nod", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a, b) {
			t.Errorf("%s differs from the one in assets/brands/nod: copy it", name)
		}
	}
}

func TestTheTrayIconShowsARequest(t *testing.T) {
	b := loadBrand(t)
	calm, err := resource.TrayIcon(b, false)
	if err != nil {
		t.Fatal(err)
	}
	asking, err := resource.TrayIcon(b, true)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(asking.Content()))
	if err != nil {
		t.Fatal(err)
	}
	r, g, _, _ := img.At(50, 14).RGBA()
	if r>>8 < 0xd0 || g>>8 > 0x60 {
		t.Errorf("no red dot: %v", img.At(50, 14))
	}
	if _, _, _, a := img.At(0, 0).RGBA(); a != 0 {
		t.Error("the corner is not round")
	}
	if bytes.Equal(calm.Content(), asking.Content()) {
		t.Error("both icons are alike")
	}
}

func TestABrandReplacesTexts(t *testing.T) {
	test.NewTempApp(t)
	b := brand.Brand{Texts: map[string]map[string]string{"de": {"home.empty.title": "Noch leer"}, "en": {"home.empty.title": "Empty so far"}}}
	for tag, want := range map[string]string{"de": "Noch leer", "en": "Empty so far", "fr": "Aucun compte"} {
		if err := resource.LoadTexts(tag); err != nil {
			t.Fatal(err)
		}
		if err := resource.LoadBrandTexts(b, tag); err != nil {
			t.Fatal(err)
		}
		if got := resource.Text("home.empty.title"); got != want {
			t.Errorf("%s: %q, want %q", tag, got, want)
		}
	}
}

package flow

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	_ "image/gif" // pictures of QR codes come in these forms
	_ "image/jpeg"
	_ "image/png"
	"io"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
	"golang.org/x/image/draw"
)

// Bounds of a picture: a large photograph's bytes and pixels.
const (
	maxPicture = 32 << 20
	maxPixels  = 64 << 20
)

var errPicture = errors.New("not a picture with a QR code")

// DecodeQR reads the QR code of a picture (PNG, JPEG or GIF).
//
// A reader that finds a code in a photograph may miss one that was drawn without
// a fault, and the other way round, so several ways are tried, the likeliest first.
func DecodeQR(r io.Reader) (string, error) {
	seek, ok := r.(io.ReadSeeker)
	if !ok {
		data, err := io.ReadAll(io.LimitReader(r, maxPicture))
		if err != nil {
			return "", fmt.Errorf("read the picture: %w", err)
		}
		seek = bytes.NewReader(data)
	}
	size, _, err := image.DecodeConfig(seek)
	if err != nil || size.Width <= 0 || size.Height <= 0 || size.Width > maxPixels/size.Height {
		return "", errPicture
	}
	if _, err := seek.Seek(0, io.SeekStart); err != nil {
		return "", fmt.Errorf("read the picture: %w", err)
	}
	img, _, err := image.Decode(io.LimitReader(seek, maxPicture))
	if err != nil {
		return "", errPicture
	}
	for _, try := range []func(image.Image) (string, error){decodePhoto, decodeDrawn, decodeScaled} {
		if s, err := try(img); err == nil {
			return s, nil
		}
	}
	return "", errPicture
}

func decodePhoto(img image.Image) (string, error) {
	source := gozxing.NewLuminanceSourceFromImage(img)
	s, err := decode(gozxing.NewHybridBinarizer(source), gozxing.DecodeHintType_TRY_HARDER)
	if err != nil {
		s, err = decode(gozxing.NewGlobalHistgramBinarizer(source), gozxing.DecodeHintType_TRY_HARDER)
	}
	return s, err
}

func decodeDrawn(img image.Image) (string, error) {
	return decode(gozxing.NewGlobalHistgramBinarizer(gozxing.NewLuminanceSourceFromImage(img)), gozxing.DecodeHintType_PURE_BARCODE)
}

// scaledSide is the longer side at which a picture is looked at once more: other
// edges, other luck.
const scaledSide = 900

func decodeScaled(img image.Image) (string, error) {
	b := img.Bounds()
	f := float64(scaledSide) / float64(max(b.Dx(), b.Dy()))
	small := image.NewGray(image.Rect(0, 0, max(1, int(float64(b.Dx())*f)), max(1, int(float64(b.Dy())*f))))
	draw.BiLinear.Scale(small, small.Bounds(), img, b, draw.Src, nil)
	return decodePhoto(small)
}

func decode(b gozxing.Binarizer, hint gozxing.DecodeHintType) (string, error) {
	bitmap, err := gozxing.NewBinaryBitmap(b)
	if err != nil {
		return "", err
	}
	found, err := qrcode.NewQRCodeReader().Decode(bitmap, map[gozxing.DecodeHintType]any{hint: true})
	if err != nil {
		return "", err
	}
	return found.GetText(), nil
}

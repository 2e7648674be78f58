package seal_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/nod-auth/nod/backend/internal/seal"
)

func sealer(t testing.TB, fill byte) *seal.Sealer {
	t.Helper()
	s, err := seal.New(bytes.Repeat([]byte{fill}, seal.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestT41_ASealedValueOpensInItsRowOnly(t *testing.T) {
	s := sealer(t, 1)
	sealed := s.Seal("salt", []byte("secret"), "tenant", "row")
	if plain, err := s.Open("salt", sealed, "tenant", "row"); err != nil || string(plain) != "secret" {
		t.Fatalf("%q %v", plain, err)
	}
	for name, open := range map[string]func() ([]byte, error){
		"another row":                     func() ([]byte, error) { return s.Open("salt", sealed, "tenant", "other") },
		"another tenant":                  func() ([]byte, error) { return s.Open("salt", sealed, "other", "row") },
		"the same letters, cut otherwise": func() ([]byte, error) { return s.Open("salt", sealed, "tenantr", "ow") },
		"the parts in one":                func() ([]byte, error) { return s.Open("salt", sealed, "6:tenant;3:row") },
		"another purpose":                 func() ([]byte, error) { return s.Open("root", sealed, "tenant", "row") },
		"another key":                     func() ([]byte, error) { return sealer(t, 2).Open("salt", sealed, "tenant", "row") },
		"nothing":                         func() ([]byte, error) { return s.Open("salt", nil, "tenant", "row") },
		"the nonce alone":                 func() ([]byte, error) { return s.Open("salt", sealed[:12], "tenant", "row") },
	} {
		if plain, err := open(); !errors.Is(err, seal.ErrOpen) || plain != nil {
			t.Errorf("%s: %q %v", name, plain, err)
		}
	}
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		if _, err := s.Open("salt", changed, "tenant", "row"); !errors.Is(err, seal.ErrOpen) {
			t.Errorf("with byte %d changed: %v", i, err)
		}
	}
}

func TestT41_TheSamePlainTextIsSealedDifferentlyAndNotReadable(t *testing.T) {
	s := sealer(t, 1)
	a, b := s.Seal("p", []byte("a secret text"), "r"), s.Seal("p", []byte("a secret text"), "r")
	if bytes.Equal(a, b) || bytes.Contains(a, []byte("secret")) {
		t.Error("the sealed value repeats or shows its content")
	}
	if bytes.Equal(s.Derive("a"), s.Derive("b")) || !bytes.Equal(s.Derive("a"), sealer(t, 1).Derive("a")) || len(s.Derive("a")) != seal.KeySize {
		t.Error("derived keys are not bound to their purpose")
	}
}

func TestT31_TheKeyIsInNoFormat(t *testing.T) {
	key := []byte("0123456789abcdef0123456789abcdef")
	s, err := seal.New(key)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "sealer", s)
	for _, text := range []string{log.String(), fmt.Sprintf("%v %+v %s", s, s, s)} {
		if strings.Contains(text, "0123456789") || strings.Contains(text, fmt.Sprint(key)) || !strings.Contains(text, "[redacted]") {
			t.Errorf("the key shows: %s", text)
		}
	}
}

func TestAKeyAsText(t *testing.T) {
	text := seal.NewKey()
	key, err := seal.ParseKey(" " + text + "=\n")
	if err != nil || len(key) != seal.KeySize {
		t.Fatalf("%d %v", len(key), err)
	}
	for _, bad := range []string{"", "short", text[:40], text + text, strings.Repeat("!", 43)} {
		if _, err := seal.ParseKey(bad); err == nil || bad != "" && strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	for _, size := range []int{0, 16, 31, 33} {
		if _, err := seal.New(make([]byte, size)); err == nil {
			t.Errorf("a key of %d bytes is taken", size)
		}
	}
}

package webpush

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"testing"

	fake "github.com/nod-auth/nod/backend/internal/fakepush/webpush"
)

func unbase64(t *testing.T, s string) []byte {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// The values of RFC 8291 section 5 and appendix A.
const (
	vectorPlain    = "V2hlbiBJIGdyb3cgdXAsIEkgd2FudCB0byBiZSBhIHdhdGVybWVsb24"
	vectorSender   = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
	vectorReceiver = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"
	vectorPoint    = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
	vectorAuth     = "BTBZMqHH6r4Tts7J_aSIgg"
	vectorSalt     = "DGv6ra1nlYgDCS1FRnbzlw"
	vectorBody     = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)

func TestRFC8291AppendixA(t *testing.T) {
	sender, err := ecdh.P256().NewPrivateKey(unbase64(t, vectorSender))
	if err != nil {
		t.Fatal(err)
	}
	got, err := sealWith(sealing{sender: sender, salt: unbase64(t, vectorSalt)}, unbase64(t, vectorPlain), unbase64(t, vectorPoint), unbase64(t, vectorAuth))
	if err != nil {
		t.Fatal(err)
	}
	if want := unbase64(t, vectorBody); !bytes.Equal(got, want) {
		t.Fatalf("got  %x\nwant %x", got, want)
	}
	receiver, err := ecdh.P256().NewPrivateKey(unbase64(t, vectorReceiver))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := fake.Open(unbase64(t, vectorBody), receiver, unbase64(t, vectorAuth))
	if err != nil || !bytes.Equal(plain, unbase64(t, vectorPlain)) {
		t.Fatalf("the fake reads %q, %v", plain, err)
	}
}

func TestT15_every_message_has_the_same_size_and_new_bytes(t *testing.T) {
	receiver, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	auth := make([]byte, 16)
	seen := map[string]bool{}
	for _, plain := range []string{"", "a", string(bytes.Repeat([]byte("x"), paddedSize))} {
		body, err := seal([]byte(plain), receiver.PublicKey().Bytes(), auth, paddedSize)
		if err != nil {
			t.Fatal(err)
		}
		if len(body) != paddedSize+overhead || seen[string(body[:saltSize])] {
			t.Fatalf("%d bytes, salt seen before: %v", len(body), seen[string(body[:saltSize])])
		}
		seen[string(body[:saltSize])] = true
		if got, err := fake.Open(body, receiver, auth); err != nil || string(got) != plain {
			t.Fatalf("decrypts to %q, %v", got, err)
		}
	}
}

func TestSealRefusesBadKeysAndLongMessages(t *testing.T) {
	good := unbase64(t, vectorPoint)
	off := bytes.Clone(good)
	off[40] ^= 1 // not on the curve
	for name, c := range map[string]struct {
		plain, point, auth []byte
		want               error
	}{
		"a point that is not on the curve": {nil, off, make([]byte, 16), errKeys},
		"a point that is too short":        {nil, good[:64], make([]byte, 16), errKeys},
		"the point at infinity":            {nil, []byte{0}, make([]byte, 16), errKeys},
		"a secret that is too short":       {nil, good, make([]byte, 15), errKeys},
		"a message over one record":        {make([]byte, recordSize-overhead+1), good, make([]byte, 16), errSize},
	} {
		if _, err := seal(c.plain, c.point, c.auth, 0); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if body, err := seal(make([]byte, recordSize-overhead), good, make([]byte, 16), 0); err != nil || len(body) != 4096 {
		t.Errorf("the longest message gives %d bytes, %v; want the 4096 of RFC 8030", len(body), err)
	}
}

package otp_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/nod-auth/nod/shared/otp"
)

func TestURIsAreReadAndWrittenAlike(t *testing.T) {
	for _, s := range []string{
		"otpauth://totp/Example%20Bank:ada@example.com?issuer=Example%20Bank&secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
		"otpauth://totp/ada?secret=GEZDGNBVGY3TQOJQ",
		"otpauth://totp/Northwind:ada?algorithm=SHA256&digits=8&issuer=Northwind&period=60&secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
		"otpauth://hotp/Northwind:ada?counter=7&issuer=Northwind&secret=GEZDGNBVGY3TQOJQ",
	} {
		u, err := otp.ParseURI(s)
		if err != nil {
			t.Errorf("%s: %v", s, err)
			continue
		}
		again, err := otp.ParseURI(u.String())
		if err != nil || !reflect.DeepEqual(u, again) {
			t.Errorf("%s became %s (%v)", s, u, err)
		}
		if u.String() != s {
			t.Errorf("wrote %s\nwant  %s", u, s)
		}
	}
}

func TestURIHoldsWhatItSays(t *testing.T) {
	u, err := otp.ParseURI("otpauth://totp/Acme:ada?secret=gezd%20gnbv%20gy3t%20qojq&algorithm=sha512&digits=7&period=15&image=x")
	if err != nil {
		t.Fatal(err)
	}
	if u.Issuer != "Acme" || u.Account != "ada" || u.Params.Algorithm != otp.SHA512 || u.Params.Digits != 7 || u.Params.Period != 15*time.Second || string(u.Params.Key) != "1234567890" {
		t.Errorf("got %+v", u)
	}
}

func TestBadURIsAreRefused(t *testing.T) {
	const key = "secret=GEZDGNBVGY3TQOJQ"
	for _, s := range []string{
		"", "https://example.com", "otpauth://steam/x?" + key, "otpauth://totp/x", "otpauth://totp/?" + key, "otpauth://totp/x?secret=GEZD",
		"otpauth://totp/x?secret=1890", "otpauth://totp/A:x?issuer=B&" + key, "otpauth://totp/x?" + key + "&digits=0", "otpauth://totp/x?" + key + "&digits=99",
		"otpauth://totp/x?" + key + "&period=0", "otpauth://totp/x?" + key + "&period=99999999999", "otpauth://totp/x?" + key + "&algorithm=MD5",
		"otpauth://hotp/x?" + key, "otpauth://hotp/x?" + key + "&counter=-1", "otpauth://totp/x?" + key + "&" + key, "otpauth://totp/a:b:c?" + key,
		"otpauth://totp/x?" + key + "&pad=" + strings.Repeat("a", 5000), "otpauth://u@totp/x?" + key, "otpauth://totp/x?" + key + "#f",
	} {
		if u, err := otp.ParseURI(s); err == nil {
			t.Errorf("%q was accepted as %v", s, u.Account)
		}
	}
}

func FuzzParseURI(f *testing.F) {
	f.Add("otpauth://totp/Example%20Bank:ada@example.com?issuer=Example%20Bank&secret=GEZDGNBVGY3TQOJQ")
	f.Add("otpauth://hotp/x?secret=GEZDGNBVGY3TQOJQ&counter=1&digits=8")
	f.Fuzz(func(t *testing.T, s string) {
		u, err := otp.ParseURI(s)
		if err != nil {
			return
		}
		again, err := otp.ParseURI(u.String())
		if err != nil || !reflect.DeepEqual(u, again) {
			t.Fatalf("%q: wrote %q, read back %+v (%v)", s, u, again, err)
		}
	})
}

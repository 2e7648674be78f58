package otp_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nod-auth/nod/shared/otp"
)

const ascii20 = "12345678901234567890"

func gen(t *testing.T, p otp.Params) *otp.Generator {
	t.Helper()
	g, err := otp.New(p)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// RFC 4226, appendix D.
func TestHOTPVectorsOfRFC4226(t *testing.T) {
	g := gen(t, otp.Params{Key: otp.Key(ascii20)})
	for i, want := range []string{"755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"} {
		if got := g.HOTP(uint64(i)); got != want {
			t.Errorf("counter %d: %s, want %s", i, got, want)
		}
	}
}

// RFC 6238, appendix B (with the key lengths of its erratum 2866).
func TestTOTPVectorsOfRFC6238(t *testing.T) {
	keys := map[otp.Algorithm]string{
		otp.SHA1: ascii20, otp.SHA256: ascii20 + "123456789012", otp.SHA512: strings.Repeat(ascii20, 3) + "1234",
	}
	for _, v := range []struct {
		unix int64
		alg  otp.Algorithm
		code string
	}{
		{59, otp.SHA1, "94287082"}, {59, otp.SHA256, "46119246"}, {59, otp.SHA512, "90693936"},
		{1111111109, otp.SHA1, "07081804"}, {1111111109, otp.SHA256, "68084774"}, {1111111109, otp.SHA512, "25091201"},
		{1111111111, otp.SHA1, "14050471"}, {1111111111, otp.SHA256, "67062674"}, {1111111111, otp.SHA512, "99943326"},
		{1234567890, otp.SHA1, "89005924"}, {1234567890, otp.SHA256, "91819424"}, {1234567890, otp.SHA512, "93441116"},
		{2000000000, otp.SHA1, "69279037"}, {2000000000, otp.SHA256, "90698825"}, {2000000000, otp.SHA512, "38618901"},
		{20000000000, otp.SHA1, "65353130"}, {20000000000, otp.SHA256, "77737706"}, {20000000000, otp.SHA512, "47863826"},
	} {
		g := gen(t, otp.Params{Key: otp.Key(keys[v.alg]), Digits: 8, Algorithm: v.alg})
		if got, _ := g.TOTP(time.Unix(v.unix, 0)); got != v.code {
			t.Errorf("%s at %d: %s, want %s", v.alg, v.unix, got, v.code)
		}
	}
}

func TestTOTPTellsHowLongTheCodeLasts(t *testing.T) {
	g := gen(t, otp.Params{Key: otp.Key(ascii20)})
	for at, want := range map[time.Time]time.Duration{
		time.Unix(60, 0):                    30 * time.Second,
		time.Unix(89, 0):                    time.Second,
		time.Unix(89, 500_000_000):          500 * time.Millisecond,
		time.Unix(90, 0).Add(-1):            1,
		time.Unix(1_700_000_000, 0).Add(-5): 10*time.Second + 5,
	} {
		if _, left := g.TOTP(at); left != want {
			t.Errorf("at %v: %v left, want %v", at, left, want)
		}
	}
}

func TestVerifyTOTPReturnsTheMatchedStep(t *testing.T) {
	g := gen(t, otp.Params{Key: otp.Key(ascii20)})
	now := time.Unix(1_000_000, 0)
	here := int64(g.Step(now))
	for offset := int64(-3); offset <= 3; offset++ {
		step, ok := g.VerifyTOTP(g.HOTP(uint64(here+offset)), now, 1, otp.Unused)
		if want := offset >= -1 && offset <= 1; ok != want || ok && step != here+offset {
			t.Errorf("offset %d: step %d, %v", offset, step, ok)
		}
	}
}

func TestACodeWorksOnce(t *testing.T) {
	g := gen(t, otp.Params{Key: otp.Key(ascii20)})
	now := time.Unix(1_000_000, 0)
	code, _ := g.TOTP(now)
	step, ok := g.VerifyTOTP(code, now, 1, otp.Unused)
	if !ok {
		t.Fatal("the code was refused")
	}
	if _, ok := g.VerifyTOTP(code, now, 1, step); ok {
		t.Error("the code was accepted twice")
	}
	if _, ok := g.VerifyTOTP(g.HOTP(uint64(step-1)), now, 1, step); ok {
		t.Error("a code before the last one was accepted")
	}
	if _, ok := g.VerifyTOTP(g.HOTP(uint64(step+1)), now, 1, step); !ok {
		t.Error("the next code was refused")
	}
}

func TestVerifyHOTPLooksAheadOnly(t *testing.T) {
	g := gen(t, otp.Params{Key: otp.Key(ascii20)})
	if at, ok := g.VerifyHOTP("755224", otp.Unused, 1); !ok || at != 0 {
		t.Errorf("first code: %d, %v", at, ok)
	}
	if at, ok := g.VerifyHOTP("338314", 1, 3); !ok || at != 4 {
		t.Errorf("three ahead: %d, %v", at, ok)
	}
	for _, c := range []struct {
		code  string
		last  int64
		ahead int
	}{{"254676", 1, 3}, {"287082", 1, 3}, {"755224", otp.Unused, 0}, {"755224", otp.Unused, 1000}, {"", otp.Unused, 5}, {"755224", -2, 5}} {
		if _, ok := g.VerifyHOTP(c.code, c.last, c.ahead); ok {
			t.Errorf("%+v was accepted", c)
		}
	}
}

func TestParametersAreChecked(t *testing.T) {
	good := otp.Params{Key: otp.Key(ascii20)}
	for name, change := range map[string]func(*otp.Params){
		"five digits":         func(p *otp.Params) { p.Digits = 5 },
		"nine digits":         func(p *otp.Params) { p.Digits = 9 },
		"a short key":         func(p *otp.Params) { p.Key = p.Key[:9] },
		"no key":              func(p *otp.Params) { p.Key = nil },
		"MD5":                 func(p *otp.Params) { p.Algorithm = "MD5" },
		"a period of a blink": func(p *otp.Params) { p.Period = time.Second },
		"a broken period":     func(p *otp.Params) { p.Period = 30*time.Second + 1 },
	} {
		p := good
		change(&p)
		if _, err := otp.New(p); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestTheKeyNeverPrints(t *testing.T) {
	key := otp.Key(ascii20)
	g := gen(t, otp.Params{Key: key})
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "key", key, "params", g.Params(), "gen", g)
	all := fmt.Sprintf("%v %s %+v %#v %v", key, key, g.Params(), key, g) + log.String()
	for _, leak := range []string{ascii20, hex.EncodeToString(key), otp.EncodeKey(key), "49 50 51"} {
		if strings.Contains(all, leak) {
			t.Errorf("the key is in %q", all)
		}
	}
}

// RFC 6287, appendix C.
func TestOCRAVectorsOfRFC6287(t *testing.T) {
	key20, key32, key64 := otp.Key(ascii20), otp.Key(ascii20+"123456789012"), otp.Key(strings.Repeat(ascii20, 3)+"1234")
	at := time.Date(2008, time.March, 25, 12, 6, 30, 0, time.UTC)
	type vector struct {
		suite string
		key   otp.Key
		in    otp.Input
		code  string
	}
	var vectors []vector
	add := func(suite string, key otp.Key, in otp.Input, code string) {
		vectors = append(vectors, vector{suite, key, in, code})
	}
	for i, code := range []string{"237653", "243178", "653583", "740991", "608993", "388898", "816933", "224598", "750600", "294470"} {
		add("OCRA-1:HOTP-SHA1-6:QN08", key20, otp.Input{Question: strings.Repeat(fmt.Sprint(i), 8)}, code)
	}
	for i, code := range []string{"65347737", "86775851", "78192410", "71565254", "10104329", "65983500", "70069104", "91771096", "75011558", "08522129"} {
		add("OCRA-1:HOTP-SHA256-8:C-QN08-PSHA1", key32, otp.Input{Counter: uint64(i), Question: "12345678", PIN: "1234"}, code)
	}
	for i, code := range []string{"83238735", "01501458", "17957585", "86776967", "86807031"} {
		add("OCRA-1:HOTP-SHA256-8:QN08-PSHA1", key32, otp.Input{Question: strings.Repeat(fmt.Sprint(i), 8), PIN: "1234"}, code)
	}
	for i, code := range []string{"07016083", "63947962", "70123924", "25341727", "33203315", "34205738", "44343969", "51946085", "20403879", "31409299"} {
		add("OCRA-1:HOTP-SHA512-8:C-QN08", key64, otp.Input{Counter: uint64(i), Question: strings.Repeat(fmt.Sprint(i), 8)}, code)
	}
	for i, code := range []string{"95209754", "55907591", "22048402", "24218844", "36209546"} {
		add("OCRA-1:HOTP-SHA512-8:QN08-T1M", key64, otp.Input{Question: strings.Repeat(fmt.Sprint(i), 8), Time: at}, code)
	}
	for q, code := range map[string]string{"CLI22220SRV11110": "28247970", "CLI22221SRV11111": "01984843", "CLI22222SRV11112": "65387857", "CLI22223SRV11113": "03351211", "CLI22224SRV11114": "83412541"} {
		add("OCRA-1:HOTP-SHA256-8:QA08", key32, otp.Input{Question: q}, code)
	}
	for q, code := range map[string]string{"SIG10000": "53095496", "SIG11000": "04110475", "SIG12000": "31331128", "SIG13000": "76028668", "SIG14000": "46554205"} {
		add("OCRA-1:HOTP-SHA256-8:QA08", key32, otp.Input{Question: q}, code)
	}
	for q, code := range map[string]string{"SIG1000000": "77537423", "SIG1100000": "31970405", "SIG1200000": "10235557", "SIG1300000": "95213541", "SIG1400000": "65360607"} {
		add("OCRA-1:HOTP-SHA512-8:QA10-T1M", key64, otp.Input{Question: q, Time: at}, code)
	}
	for _, v := range vectors {
		s, err := otp.ParseSuite(v.suite)
		if err != nil {
			t.Fatalf("%s: %v", v.suite, err)
		}
		got, err := s.Code(v.key, v.in)
		if err != nil || got != v.code {
			t.Errorf("%s %+v: %s (%v), want %s", v.suite, v.in, got, err, v.code)
		}
		if ok, err := s.Verify(v.key, v.in, v.code); !ok || err != nil {
			t.Errorf("%s: Verify refused the right code: %v", v.suite, err)
		}
	}
}

func TestOCRARefusesWhatDoesNotFit(t *testing.T) {
	for _, s := range []string{
		"", "OCRA-1", "OCRA-2:HOTP-SHA1-6:QN08", "OCRA-1:HOTP-MD5-6:QN08", "OCRA-1:HOTP-SHA1-3:QN08", "OCRA-1:HOTP-SHA1-11:QN08",
		"OCRA-1:HOTP-SHA1-6:C", "OCRA-1:HOTP-SHA1-6:QN08-C", "OCRA-1:HOTP-SHA1-6:QN08-QN08", "OCRA-1:HOTP-SHA1-6:QX08", "OCRA-1:HOTP-SHA1-6:QN03",
		"OCRA-1:HOTP-SHA1-6:QN08-T0M", "OCRA-1:HOTP-SHA1-6:QN08-T60S", "OCRA-1:HOTP-SHA1-6:QN08-T49H", "OCRA-1:HOTP-SHA1-6:QN08-S000", "OCRA-1:HOTP-SHA1-6:QN08-P",
	} {
		if _, err := otp.ParseSuite(s); err == nil {
			t.Errorf("suite %q was accepted", s)
		}
	}
	s, err := otp.ParseSuite("OCRA-1:HOTP-SHA1-6:QN08-S064")
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range []otp.Input{{Question: "123"}, {Question: "1234567a"}, {Question: "12345678901234567"}, {Question: "12345678"}, {Question: "12345678", Session: make([]byte, 65)}} {
		if _, err := s.Code(otp.Key(ascii20), in); err == nil {
			t.Errorf("input %+v was accepted", in)
		}
	}
}

package brand_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/nod-auth/nod/shared/brand"
)

const good = `# Acme's own
name = "Acme Sign"
app_id = "com.acme.sign"
scheme = "acme-sign"
accent = "#0F766E"
accent_dark = "#5EEAD4"
icon = "icon.png"
hosts = ["auth.acme.example", "*.login.acme.example"]
support = "https://help.acme.example/sign"

[texts.en]
"home.empty.lead" = "Ask the service desk."
`

func TestABrandFileIsRead(t *testing.T) {
	b, err := brand.Parse([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	if b.Name != "Acme Sign" || b.Scheme != "acme-sign" || b.Texts["en"]["home.empty.lead"] != "Ask the service desk." || len(b.Hosts) != 2 {
		t.Errorf("got %+v", b)
	}
}

func TestEveryComplaintNamesItsLine(t *testing.T) {
	for name, c := range map[string]struct{ old, new, want string }{
		"a colour":          {`"#0F766E"`, `"teal"`, "line 5: accent: want a colour as #RRGGBB"},
		"a dark colour":     {`"#5EEAD4"`, `"#5EE"`, "line 6: accent_dark: want a colour as #RRGGBB"},
		"a typing mistake":  {"support =", "suport =", "line 9: suport: unknown key"},
		"an empty name":     {`"Acme Sign"`, `""`, "line 2: name: want 1 to 30 characters"},
		"a turned name":     {`"Acme Sign"`, `"Acme\u202eSign"`, "line 2: name: want 1 to 30 characters"},
		"an id with spaces": {`"com.acme.sign"`, `"Acme Sign"`, "line 3: app_id"},
		"a taken scheme":    {`"acme-sign"`, `"https"`, `line 4: scheme: "https" belongs to others`},
		"an upper scheme":   {`"acme-sign"`, `"Acme"`, "line 4: scheme: want"},
		"a path as icon":    {`"icon.png"`, `"../icon.png"`, "line 7: icon"},
		"an address":        {`"auth.acme.example"`, `"10.0.0.1"`, `line 8: hosts: "10.0.0.1" is not a host name`},
		"a star inside":     {`"auth.acme.example"`, `"auth.*.example"`, "line 8: hosts"},
		"a plain page":      {`"https://help`, `"http://help`, "line 9: support: want an https page"},
		"an empty text":     {`"Ask the service desk."`, `" "`, "line 12: texts.en.home.empty.lead"},
		"a wrong type":      {`"Acme Sign"`, `7`, "line 2"},
		"broken TOML":       {`"#0F766E"`, `"#0F766E`, "line 5"},
	} {
		_, err := brand.Parse([]byte(strings.Replace(good, c.old, c.new, 1)))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
}

func TestAllComplaintsComeAtOnce(t *testing.T) {
	_, err := brand.Parse([]byte("name = \"\"\nhost = []\n"))
	for _, want := range []string{"line 1: name", "line 2: host: unknown key", "app_id", "scheme", "accent", "icon"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v lacks %q", err, want)
		}
	}
	var one *brand.Error
	if !errors.As(err, &one) {
		t.Error("no complaint is a *brand.Error")
	}
}

func TestALargeOrBinaryFileIsRefused(t *testing.T) {
	if _, err := brand.Parse(make([]byte, brand.MaxFile+1)); err == nil {
		t.Error("a large file was read")
	}
	if _, err := brand.Parse([]byte{0xff, 0xfe}); err == nil {
		t.Error("a binary file was read")
	}
}

func TestABrandAcceptsOnlyItsHosts(t *testing.T) {
	b, err := brand.Parse([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]bool{
		"auth.acme.example": true, "AUTH.acme.example.": true, "eu.login.acme.example": true, "a.b.login.acme.example": true,
		"login.acme.example": false, "acme.example": false, "auth.acme.example.evil.test": false, "xlogin.acme.example": false, "": false,
	} {
		if got := b.Allows(host); got != want {
			t.Errorf("Allows(%q) = %v, want %v", host, got, want)
		}
	}
	if !(brand.Brand{}).Allows("any.example") || (brand.Brand{}).Allows("") {
		t.Error("a brand without hosts accepts any named host")
	}
}

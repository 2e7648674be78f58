package config_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nod-auth/nod/backend/internal/config"
)

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "nodd.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLaterSourceWins(t *testing.T) {
	file := write(t, "public_url = \"https://NOD.example.com:443\"\nshutdown_seconds = 5\nlisten = \"127.0.0.1:1\"\n[log]\nlevel = \"warn\"\n")
	c, err := config.Load(config.Sources{
		File:    file,
		Environ: []string{"NOD_LOG_LEVEL=debug", "NOD_LISTEN=127.0.0.1:2", "NOD_TRUSTED_PROXIES=10.0.0.0/8,192.0.2.7", "HOME=/x", "NOD_CONFIG=" + file},
		Flags:   map[string]string{"listen": "127.0.0.1:3"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.PublicURL != "https://nod.example.com" || c.Listen != "127.0.0.1:3" || c.Log.Level != "debug" || c.ShutdownSeconds != 5 {
		t.Errorf("settings are %+v", c)
	}
	if got := fmt.Sprint(c.Proxies()); got != "[10.0.0.0/8 192.0.2.7/32]" {
		t.Errorf("proxies are %s", got)
	}
	if c.Log.Format != "text" || c.Data != "nod.db" || c.KeyPath() != "nod.db.key" {
		t.Errorf("defaults are not kept: %+v", c)
	}
}

func TestProblemsNameThePlaceAndTheRemedy(t *testing.T) {
	for name, tc := range map[string]struct {
		file  string
		env   []string
		flags map[string]string
		want  []string
	}{
		"a typo in the file":          {file: "listen = \":1\"\npublic_ulr = \"x\"\n", want: []string{"nodd.toml:2", "public_ulr is no setting", "did you mean public_url?"}},
		"a typo in a group":           {file: "[tls]\ncret = \"x\"\n", want: []string{"nodd.toml:2", "tls.cret", "did you mean tls.cert?"}},
		"a typo in the environment":   {env: []string{"NOD_LISTNE=x"}, want: []string{"NOD_LISTNE", "did you mean NOD_LISTEN?"}},
		"no TOML":                     {file: "listen = = 1", want: []string{"nodd.toml:1:"}},
		"a wrong type":                {file: "shutdown_seconds = \"soon\"\n", want: []string{"nodd.toml:1:"}},
		"a wrong type in environment": {env: []string{"NOD_SHUTDOWN_SECONDS=soon"}, want: []string{"NOD_SHUTDOWN_SECONDS: shutdown_seconds", "wrong type"}},
		"the key in the file":         {file: "key = \"canary\"\n", want: []string{"may not stand in the file", "NOD_KEY"}},
		"plain http beyond loopback":  {flags: map[string]string{"listen": ":8080", "public_url": "https://a.example"}, want: []string{"--listen: listen", "plain http beyond this machine", "trusted_proxies"}},
		"no public URL":               {flags: map[string]string{"listen": ":8080", "trusted_proxies": "10.0.0.1"}, want: []string{"public_url", "is missing"}},
		"a public URL over http":      {flags: map[string]string{"public_url": "http://a.example"}, want: []string{"public_url", "is not a base URL"}},
		"half of TLS":                 {flags: map[string]string{"tls.cert": "x"}, want: []string{"tls", "only one of cert and key"}},
		"a certificate that is away":  {flags: map[string]string{"tls.cert": "/nowhere/c", "tls.key": "/nowhere/k", "public_url": "https://a.example"}, want: []string{"tls.cert", "no such file", "tls.key"}},
		"every peer trusted":          {flags: map[string]string{"trusted_proxies": "0.0.0.0/0"}, want: []string{"trusts every address"}},
		"no network":                  {flags: map[string]string{"trusted_proxies": "proxy.example"}, want: []string{"is no network"}},
		"no level":                    {flags: map[string]string{"log.level": "loud"}, want: []string{"--log-level: log.level", "none of debug"}},
		"several at once":             {file: "lsten = 1\n[log]\nlevle = 1\n", want: []string{"lsten", "log.levle"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := config.Sources{Environ: tc.env, Flags: tc.flags}
			if tc.file != "" {
				s.File = write(t, tc.file)
			}
			_, err := config.Load(s)
			var bad config.Problems
			if !errors.As(err, &bad) {
				t.Fatalf("got %v, want problems", err)
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not contain %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "canary") {
				t.Errorf("%q tells a secret", err)
			}
			for _, b := range bad {
				if b.Remedy == "" || b.Where == "" {
					t.Errorf("%+v has no remedy or place", b)
				}
			}
		})
	}
}

func TestTheShellOfAnApplicationIsNoTypo(t *testing.T) {
	c, err := config.Load(config.Sources{Environ: []string{"NOD_URL=x", "NOD_API_KEY=nod_sk_x", "NOD_TENANT=ten_x", "NOD_APPLICATION=app_x"}})
	if err != nil || c.Key != "" {
		t.Errorf("got %v and a key %t, want variables of applications to change nothing", err, c != nil && c.Key != "")
	}
}

func TestMissingFile(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none.toml")
	if _, err := config.Load(config.Sources{File: none}); err == nil {
		t.Error("a file that was named and is missing is no problem")
	}
	if _, err := config.Load(config.Sources{File: none, Optional: true}); err != nil {
		t.Errorf("an optional file is missed: %v", err)
	}
}

func TestT31_KeyIsNeverPrinted(t *testing.T) {
	const canary = "canary-canary-canary"
	c, err := config.Load(config.Sources{Environ: []string{"NOD_KEY=" + canary}})
	if err != nil {
		t.Fatal(err)
	}
	if c.Key.Reveal() != canary {
		t.Fatal("the key was not read")
	}
	var b strings.Builder
	if err := c.Print(&b); err != nil {
		t.Fatal(err)
	}
	text := b.String() + fmt.Sprintf("%v %+v %#v %s", c, c, c.Key, c.Key)
	if strings.Contains(text, canary) {
		t.Error("the key is printed")
	}
	if !strings.Contains(b.String(), "[redacted]") || !strings.Contains(b.String(), "NOD_KEY") {
		t.Errorf("the print does not say that there is a key and from where:\n%s", b.String())
	}
}

package main

import (
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/nod-auth/nod/backend/internal/config"
	"github.com/nod-auth/nod/shared/problem"
)

// An alert on a metric that nobody exports never fires.
func TestAlertRulesNameWhatIsExported(t *testing.T) {
	rules, err := os.ReadFile("../../deploy/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s, _ := startServer(t, map[string]string{})
	defer func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	}()
	exported := ""
	for _, path := range []string{"/nope", "/metrics"} { // the first makes counters with labels appear
		res, err := http.Get("http://" + s.addr + path)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		exported = string(text)
	}
	names := regexp.MustCompile(`nod_[a-z_]+`).FindAllString(string(rules), -1)
	if len(names) < 5 {
		t.Fatalf("only %d metrics are named", len(names))
	}
	for _, name := range names {
		if name == "nod_streams_open" {
			continue // a gauge with a label: it appears with the first stream
		}
		if !strings.Contains(exported, name) {
			t.Errorf("%s is not exported", name)
		}
	}
	for _, list := range regexp.MustCompile(`code=~?"([a-z_|]+)"`).FindAllStringSubmatch(string(rules), -1) {
		for _, code := range strings.Split(list[1], "|") {
			if _, ok := problem.Lookup(problem.Code(code)); !ok {
				t.Errorf("%s is no problem code", code)
			}
		}
	}
}

// The example of docs/operations.md is a settings file that passes.
func TestTheDocumentedSettingsAreGood(t *testing.T) {
	text, err := os.ReadFile("../../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```toml\n")
	example, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("there is no example")
	}
	file := t.TempDir() + "/nodd.toml"
	if err := os.WriteFile(file, []byte(example), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Load(config.Sources{File: file}); err != nil {
		t.Error(err)
	}
}

package rules

import (
	"slices"
	"strings"
	"testing"
)

// The server's packages by their part in docs/architecture.md.
var (
	domain = []string{
		"backend/internal/tenant", "backend/internal/device", "backend/internal/enrollment", "backend/internal/challenge",
		"backend/internal/policy", "backend/internal/risk", "backend/internal/audit", "backend/internal/ratelimit",
	}
	adapters = []string{
		"backend/internal/sqlstore", "backend/internal/httpapi", "backend/internal/console", "backend/internal/config",
		"backend/internal/delivery/apns", "backend/internal/delivery/fcm", "backend/internal/delivery/webpush",
		"backend/internal/delivery/webhook", "backend/internal/delivery/stream",
	}
	// transport is what the domain must not know, directly or through another package of ours.
	transport = []string{
		"net/http", "database/sql", "github.com/labstack/echo", "github.com/mattn/go-sqlite3", "github.com/jackc/pgx",
		"firebase.google.com/go", "github.com/sideshow/apns2",
	}
	// owners says which folder alone may import a library.
	owners = map[string]string{
		"github.com/labstack/echo":    "backend/internal/httpapi",
		"github.com/getkin":           "backend/internal/httpapi",
		"github.com/mattn/go-sqlite3": "backend/internal/sqlstore",
		"github.com/jackc/pgx":        "backend/internal/sqlstore",
		"github.com/pressly/goose":    "backend/internal/sqlstore",
		"firebase.google.com/go":      "backend/internal/delivery/fcm",
		"github.com/sideshow/apns2":   "backend/internal/delivery/apns",
		"github.com/google/go-tpm":    "mobile/keystore",
		"github.com/zalando":          "mobile/keystore",
		"github.com/ebitengine":       "mobile/keystore",
		"fyne.io":                     "app",
	}
	// reach says which of our modules a module may import besides itself.
	reach = map[string][]string{
		"shared":  nil,
		"mobile":  {"shared"},
		"app":     {"mobile", "shared"},
		"backend": {"shared"},
	}
)

func TestAModuleImportsOnlyTheModulesItMay(t *testing.T) {
	for _, s := range sources(t) {
		top, _, _ := strings.Cut(s.pkg, "/")
		for _, imported := range s.imports {
			rest, mine := strings.CutPrefix(imported, ours)
			if !mine {
				continue
			}
			other, _, _ := strings.Cut(rest, "/")
			if other != top && !slices.Contains(reach[top], other) {
				t.Errorf("%s imports %s: %s may import of ours only itself and %v", s.name, imported, top, reach[top])
			}
		}
	}
}

func TestSharedImportsTheStandardLibraryAndGoJoseOnly(t *testing.T) {
	for _, s := range sources(t) {
		if !under(s.pkg, "shared") || s.test {
			continue
		}
		for _, imported := range s.imports {
			allowed := under(imported, "github.com/go-jose/go-jose/v4") ||
				under(s.pkg, "shared/brand") && under(imported, "github.com/BurntSushi/toml")
			if external(imported) && !allowed {
				t.Errorf("%s imports %s: both ends and every integrator would carry it", s.name, imported)
			}
		}
	}
}

func TestALibraryIsImportedByItsOwnerOnly(t *testing.T) {
	for _, s := range sources(t) {
		for library, owner := range owners {
			for _, imported := range s.imports {
				// Tests of another package may use a library as an oracle or a peer, and the wiring knows all.
				free := library != "fyne.io" && (s.test || under(s.pkg, "backend/cmd"))
				if under(imported, library) && !under(s.pkg, owner) && !free {
					t.Errorf("%s imports %s, which only %s may", s.name, imported, owner)
				}
			}
		}
	}
}

func TestStateOfTheInboxKnowsNoScreen(t *testing.T) {
	for _, s := range sources(t) {
		if !under(s.pkg, "app/internal/inbox") {
			continue
		}
		for _, imported := range s.imports {
			if under(imported, "fyne.io") || under(imported, ours+"app/internal/ui") {
				t.Errorf("%s imports %s: the inbox is tested without a screen", s.name, imported)
			}
		}
	}
}

func TestOneFileOfTheHTTPAdapterKnowsEcho(t *testing.T) {
	var files []string
	for _, s := range sources(t) {
		if !s.test && !s.generated && slices.ContainsFunc(s.imports, func(i string) bool { return under(i, "github.com/labstack/echo") }) {
			files = append(files, s.name)
		}
	}
	if len(files) > 1 {
		t.Errorf("echo is imported by %v: moving to its next major version must be the generator and one file", files)
	}
}

func TestDomainPackagesKnowNoTransportAndNoDatabase(t *testing.T) {
	all := sources(t)
	for _, pkg := range domain {
		for reached, way := range reachable(all, pkg) {
			for _, s := range all {
				if s.pkg != reached || s.test {
					continue
				}
				for _, imported := range s.imports {
					if slices.ContainsFunc(transport, func(banned string) bool { return under(imported, banned) }) {
						t.Errorf("%s imports %s; %s reaches it by %s", s.name, imported, pkg, way)
					}
				}
			}
		}
	}
}

func TestDomainPackagesDoNotImportAdapters(t *testing.T) {
	all := sources(t)
	for _, pkg := range domain {
		for reached, way := range reachable(all, pkg) {
			if part(reached) != "" {
				t.Errorf("%s reaches the adapter %s by %s", pkg, reached, way)
			}
		}
	}
}

func TestChallengeAndEnrollmentDoNotKnowEachOther(t *testing.T) {
	all := sources(t)
	for _, pair := range [][2]string{
		{"backend/internal/challenge", "backend/internal/enrollment"},
		{"backend/internal/enrollment", "backend/internal/challenge"},
	} {
		if way, found := reachable(all, pair[0])[pair[1]]; found {
			t.Errorf("%s imports %s by %s: the wiring joins them", pair[0], pair[1], way)
		}
	}
}

func TestAdaptersDoNotImportEachOther(t *testing.T) {
	for _, s := range sources(t) {
		from := part(s.pkg)
		if from == "" || s.test {
			continue
		}
		for _, imported := range s.imports {
			to := part(strings.TrimPrefix(imported, ours))
			if to != "" && to != from {
				t.Errorf("%s imports %s: adapters meet in backend/cmd only", s.name, imported)
			}
		}
	}
}

func TestExamplesUseOnlyWhatAnIntegratorHas(t *testing.T) {
	for _, s := range sources(t) {
		if !under(s.pkg, "backend/examples") {
			continue
		}
		for _, imported := range s.imports {
			rest, mine := strings.CutPrefix(imported, ours)
			if mine && !under(rest, "shared") && !under(rest, s.pkg) {
				t.Errorf("%s imports %s, which an integrator cannot", s.name, imported)
			}
		}
	}
}

// part names the adapter a folder belongs to, "" for none.
func part(pkg string) string {
	for _, a := range adapters {
		if under(pkg, a) {
			return a
		}
	}
	return ""
}

// reachable gives the packages of ours that a package and all below it import, directly or not, itself
// included, each with one way to it. Tests are left out: they may import what they like of their module.
func reachable(all []source, pkg string) map[string]string {
	ways := map[string]string{}
	var visit func(pkg, way string)
	visit = func(pkg, way string) {
		if _, seen := ways[pkg]; seen {
			return
		}
		ways[pkg] = way
		for _, s := range all {
			if s.pkg != pkg || s.test {
				continue
			}
			for _, imported := range s.imports {
				if rest, mine := strings.CutPrefix(imported, ours); mine {
					visit(rest, way+" -> "+rest)
				}
			}
		}
	}
	for _, s := range all {
		if under(s.pkg, pkg) {
			visit(s.pkg, s.pkg)
		}
	}
	return ways
}

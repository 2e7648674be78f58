package application_test

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"testing"

	"github.com/nod-auth/nod/shared/client/application"
	"github.com/nod-auth/nod/shared/problem"
	"github.com/nod-auth/nod/shared/protocol"
)

// bank lets a server answer one login: create gives a number, and the read gives what the test says.
func bank(t *testing.T, result func(s *server) string) *server {
	t.Helper()
	s := newServer(t)
	s.mux.HandleFunc("POST /v1/challenges", func(w http.ResponseWriter, r *http.Request) {
		var got application.ChallengeRequest
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil || got.UserRef != user || got.Transaction != transaction {
			t.Errorf("asked for %+v, %v", got, err)
		}
		reply(w, http.StatusCreated, created())
	})
	s.mux.HandleFunc("GET /v1/challenges/"+string(challengeID), func(w http.ResponseWriter, _ *http.Request) {
		final := status(protocol.StatusApproved) // the bare status always says approved: it must not count
		final["result"] = result(s)
		reply(w, http.StatusOK, final)
	})
	return s
}

func TestALoginIsProtectedByTheExample(t *testing.T) {
	other := approved()
	other.transaction = "login-other"
	denied := outcome{transaction: transaction, answer: protocol.Deny, status: protocol.StatusDenied}
	var not *application.NotApprovedError
	for name, c := range map[string]struct {
		result func(*server) string
		check  func(error) bool
	}{
		"approved":             {func(s *server) string { return s.mint(t, approved()) }, func(err error) bool { return err == nil }},
		"denied":               {func(s *server) string { return s.mint(t, denied) }, func(err error) bool { return errors.As(err, &not) }},
		"T25 of another login": {func(s *server) string { return s.mint(t, other) }, func(err error) bool { return err != nil }},
		"withheld":             {func(*server) string { return "" }, func(err error) bool { return problem.CodeOf(err) == problem.ResultWithheld }},
		"made up":              {func(*server) string { return "approved" }, func(err error) bool { return err != nil }},
	} {
		s := bank(t, c.result)
		var shown string
		err := secondFactor(t.Context(), s.client(t), user, transaction, func(number string) { shown = number })
		if !c.check(err) || shown != "07" {
			t.Errorf("%s: got %v, number %q", name, err, shown)
		}
	}
}

func TestTheExampleHasFifteenLines(t *testing.T) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "example_test.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Name.Name == "secondFactor" {
			if lines := files.Position(f.Body.End()).Line - files.Position(f.Body.Pos()).Line - 1; lines > 15 {
				t.Errorf("%d lines", lines)
			}
			return
		}
	}
	t.Error("the function was not found")
}

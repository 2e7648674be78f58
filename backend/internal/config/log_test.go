package config_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nod-auth/nod/backend/internal/config"
)

func TestT31_LogLeavesSecretsOut(t *testing.T) {
	const part = "cAnArY0123456789"
	jws := part + "." + part + "." + part
	for _, format := range []string{"text", "json"} {
		t.Run(format, func(t *testing.T) {
			var b strings.Builder
			log := config.Log{Level: "debug", Format: format}.Logger(&b)
			log.Info("stored nod_sk_"+part, "error", errors.New("key nod_bt_"+part), "status", 200)
			log.Info("wrapped", "error", fmt.Errorf("parse %s: %w", jws, errors.New("uri nod://enroll?s=x#t="+part)))
			log.Info("a key of its own", "password", part)
			log.Info("a secret type", "reason", config.Secret(part))
			log.Info("a group", slog.Group("request", "header", part))
			log.With("password", part).WithGroup("g").Info("derived", "error", part)
			log.Debug("a struct", "error", struct{ Key config.Secret }{part})
			if strings.Contains(b.String(), part) {
				t.Errorf("a secret is logged:\n%s", b.String())
			}
			if n := strings.Count(b.String(), "\n"); n != 7 {
				t.Errorf("%d lines, want 7:\n%s", n, b.String())
			}
			if !strings.Contains(b.String(), "200") {
				t.Errorf("plain values are lost:\n%s", b.String())
			}
		})
	}
}

func TestT31_LogLinesCannotBeForged(t *testing.T) {
	var b strings.Builder
	config.Log{Level: "info", Format: "text"}.Logger(&b).Info("x", "error", "a\ntime=1 level=INFO msg=forged")
	if n := strings.Count(b.String(), "\n"); n != 1 {
		t.Errorf("one call wrote %d lines:\n%s", n, b.String())
	}
}

func TestLevel(t *testing.T) {
	var b strings.Builder
	log := config.Log{Level: "warn", Format: "text"}.Logger(&b)
	log.Info("quiet")
	log.Warn("loud")
	if strings.Contains(b.String(), "quiet") || !strings.Contains(b.String(), "loud") {
		t.Errorf("log is %q", b.String())
	}
}

// Each key that is given to a logger in this module stands in the list: one that does not would lose its value.
func TestT31_EveryLogKeyIsListed(t *testing.T) {
	calls := 0
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "examples/") {
			return err
		}
		files := token.NewFileSet()
		f, err := parser.ParseFile(files, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			for i, key := range logKeys(call) {
				calls++
				if !slices.Contains(config.LogKeys, key) {
					t.Errorf("%s: key %d is %q, which is not in config.LogKeys", files.Position(call.Pos()), i+1, key)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if calls < 20 {
		t.Errorf("only %d keys were found", calls)
	}
}

// logKeys returns the keys of a call of a logger's method, as far as they are literals.
func logKeys(call *ast.CallExpr) (keys []string) {
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return nil
	}
	first, ok := map[string]int{"Debug": 1, "Info": 1, "Warn": 1, "Error": 1, "DebugContext": 2, "InfoContext": 2, "WarnContext": 2, "ErrorContext": 2}[method.Sel.Name]
	if !ok || len(call.Args) < first {
		return nil
	}
	if text, ok := call.Args[first-1].(*ast.BasicLit); !ok || text.Kind != token.STRING {
		return nil // no message: another type's method
	}
	for i := first; i+1 < len(call.Args); i += 2 {
		if key, ok := call.Args[i].(*ast.BasicLit); ok && key.Kind == token.STRING {
			keys = append(keys, strings.Trim(key.Value, `"`))
		}
	}
	return keys
}

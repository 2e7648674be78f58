package config_test

import (
	"errors"
	"fmt"
	"log/slog"
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
			log.Info("stored nod_sk_"+part, "cause", errors.New("key nod_bt_"+part), "status", 200)
			log.Info("wrapped", "cause", fmt.Errorf("parse %s: %w", jws, errors.New("uri nod://enroll?s=x#t="+part)))
			log.Info("a key of its own", "password", part)
			log.Info("a secret type", "reason", config.Secret(part))
			log.Info("a group", slog.Group("request", "header", part))
			log.With("password", part).WithGroup("g").Info("derived", "cause", part)
			log.Debug("a struct", "cause", struct{ Key config.Secret }{part})
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
	config.Log{Level: "info", Format: "text"}.Logger(&b).Info("x", "cause", "a\ntime=1 level=INFO msg=forged")
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

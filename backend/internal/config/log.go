package config

import (
	"io"
	"log/slog"
	"regexp"
	"slices"
)

// LogKeys are the only keys whose values are logged. The value of any other is left out: a new key is a decision, made
// here, that its values hold no secret and nothing of a person.
var LogKeys = []string{
	slog.TimeKey, slog.LevelKey, slog.MessageKey,
	"request_id", "operation", "status", "duration_ms", "client", "actor", "code", "error", "stack", // of a request
	"address", "url", "version", "file", "remedy", "seconds", "count", "reason", "signal", // of the process
	"tenant", "application", "device", "challenge", "enrollment", "channel", "attempt", "job", "seq", "app", "outcome", // of its work
}

// Logger returns the logger that the settings ask for.
func (l Log) Logger(w io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(l.Level)) // check has refused anything else
	o := &slog.HandlerOptions{Level: level, ReplaceAttr: clean}
	if l.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// secretShapes are what Nod's own secrets look like: API keys and browser tokens, invitation tokens, and compact JWS,
// which hold names and numbers. They are a net below the types that redact themselves (T31): a secret that got into an
// error's text is caught here.
var secretShapes = regexp.MustCompile(`nod_(sk|bt)_[A-Za-z0-9_-]+|#t=[A-Za-z0-9_-]+|[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}`)

func clean(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 || !slices.Contains(LogKeys, a.Key) {
		return slog.String(a.Key, redacted)
	}
	v := a.Value.Resolve()
	switch v.Kind() {
	case slog.KindString:
		return slog.String(a.Key, Redact(v.String()))
	case slog.KindAny:
		if err, ok := v.Any().(error); ok {
			return slog.String(a.Key, Redact(err.Error()))
		}
		if a.Key == slog.LevelKey {
			return a
		}
		return slog.String(a.Key, Redact(v.String()))
	default:
		return slog.Attr{Key: a.Key, Value: v}
	}
}

// Redact replaces what looks like one of Nod's secrets.
func Redact(s string) string { return secretShapes.ReplaceAllString(s, redacted) }

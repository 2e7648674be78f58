package config

import (
	"log/slog"
	"net/netip"
	"time"
)

// Config is every setting of the server. In the file a setting of a group is `[group]` and its name; in the environment
// it is NOD_ and the name in upper case with `_` for the dot (NOD_TLS_CERT); as a flag it has `-` for both (--tls-cert).
type Config struct {
	// Base URL under which devices, browsers and applications reach this server, such as "https://nod.example.com". It
	// is signed into every message, so choose it once. Without it the server takes http:// and the listen address, which
	// must then be loopback.
	PublicURL string `koanf:"public_url"`

	// Address and port to listen on. Port 0 takes a free one.
	Listen string `koanf:"listen"`

	// Path of the database file. It is created at the first start; its directory must be writable, for the files that
	// SQLite keeps beside it.
	Data string `koanf:"data"`

	// Path of the file with the key that seals the secrets in the database: 32 bytes as 43 characters of base64url, mode
	// 0600. When neither this nor NOD_KEY is given, the file is `<data>.key`, and the first start makes it. A backup of
	// the database is worth nothing without this file, and a thief of the database gets no secret without it: keep the
	// two apart.
	KeyFile string `koanf:"key_file"`

	// The key itself, from the environment only (NOD_KEY), for secret managers. It wins over key_file.
	Key Secret `koanf:"key"`

	// Certificate and key for https on this listener. Leave both out behind a proxy that ends TLS.
	TLS TLS `koanf:"tls"`

	// Networks (CIDR) of the proxies in front of this server. X-Forwarded-For and X-Forwarded-Proto are read from these
	// peers only. Behind a proxy, list exactly its addresses; an open list lets anyone choose the address in the log.
	TrustedProxies []string `koanf:"trusted_proxies"`

	// Address for /metrics alone, such as "127.0.0.1:9090". Without it /metrics is served on the main listener, to
	// callers on loopback only.
	MetricsListen string `koanf:"metrics_listen"`

	// Path of the push file (JSON): which apps may be pushed to, and with which keys. docs/push.md shows it. Without it,
	// phones are reached over WebPush and UnifiedPush only, and every app still works when it is opened.
	PushFile string `koanf:"push_file"`

	// Path of the attestation file (JSON): whose statements prove that a device's keys are in hardware. docs/attestation.md
	// shows it. Without it every level is the device's own claim, and a policy that asks for a key level is met by none.
	AttestationFile string `koanf:"attestation_file"`

	// What is logged and how.
	Log Log `koanf:"log"`

	// Seconds that a stopping server gives open requests to end, 1 to 300. Waits and streams are told at once.
	ShutdownSeconds int `koanf:"shutdown_seconds"`

	// Days that ended challenges and enrollments are kept in the database, at least 2; 0 keeps them for ever. The results that
	// applications stored stay valid without them, and so does the audit chain, which is never shortened.
	RetentionDays int `koanf:"retention_days"`

	proxies []netip.Prefix
	source  map[string]string
}

// TLS names the files for https.
type TLS struct {
	// Path of the certificate chain (PEM). The file is read again when it changes; no restart is needed to renew it.
	Cert string `koanf:"cert"`
	// Path of the private key (PEM).
	Key string `koanf:"key"`
}

// Log says what is logged. Logs go to standard error and never hold a secret.
type Log struct {
	// Least level: debug, info, warn or error. Debug adds one line for each request.
	Level string `koanf:"level"`
	// Form of a line: text or json.
	Format string `koanf:"format"`
}

// Default returns the settings of an empty file.
func Default() Config {
	return Config{
		Listen:          "127.0.0.1:8080",
		Data:            "nod.db",
		Log:             Log{Level: "info", Format: "text"},
		ShutdownSeconds: 20,
		RetentionDays:   90,
	}
}

// Proxies returns the trusted networks. It is valid after [Load].
func (c *Config) Proxies() []netip.Prefix { return c.proxies }

// KeyPath returns where the key file is, or is made.
func (c *Config) KeyPath() string {
	if c.KeyFile != "" {
		return c.KeyFile
	}
	return c.Data + ".key"
}

// Shutdown returns how long open requests may take to end.
func (c *Config) Shutdown() time.Duration { return time.Duration(c.ShutdownSeconds) * time.Second }

// Retention returns how long ended challenges and enrollments are kept; 0 is for ever.
func (c *Config) Retention() time.Duration { return time.Duration(c.RetentionDays) * 24 * time.Hour }

// Secret is a text that is never printed: not by fmt, not in a log, not as JSON.
type Secret string

const redacted = "[redacted]"

// String implements fmt.Stringer.
func (Secret) String() string { return redacted }

// GoString implements fmt.GoStringer.
func (Secret) GoString() string { return redacted }

// LogValue implements slog.LogValuer.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText implements encoding.TextMarshaler.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Reveal returns the text itself.
func (s Secret) Reveal() string { return string(s) }

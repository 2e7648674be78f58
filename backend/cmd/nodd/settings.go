package main

import (
	"os"
	"reflect"

	"github.com/nod-auth/nod/backend/internal/config"
)

// defaultFile is read when it exists and no other is named.
const defaultFile = "/etc/nod/nodd.toml"

// settings are the flags that stand for settings. What they mean is in package config; the tag `key` names the setting.
type settings struct {
	Config          string  `help:"Settings file (TOML); else NOD_CONFIG, else /etc/nod/nodd.toml when it exists." placeholder:"FILE" group:"settings"`
	PublicURL       *string `name:"public-url" key:"public_url" help:"Base URL under which devices and browsers reach the server." placeholder:"URL" group:"settings"`
	Listen          *string `key:"listen" help:"Address to listen on." placeholder:"HOST:PORT" group:"settings"`
	Data            *string `key:"data" help:"Database file." placeholder:"FILE" group:"settings"`
	KeyFile         *string `name:"key-file" key:"key_file" help:"File with the key that seals the database's secrets." placeholder:"FILE" group:"settings"`
	TLSCert         *string `name:"tls-cert" key:"tls.cert" help:"Certificate chain for https." placeholder:"FILE" group:"settings"`
	TLSKey          *string `name:"tls-key" key:"tls.key" help:"Private key for https." placeholder:"FILE" group:"settings"`
	TrustedProxies  *string `name:"trusted-proxies" key:"trusted_proxies" help:"Networks of the proxies in front, comma-separated." placeholder:"CIDR" group:"settings"`
	MetricsListen   *string `name:"metrics-listen" key:"metrics_listen" help:"Own address for /metrics." placeholder:"HOST:PORT" group:"settings"`
	PushFile        *string `name:"push-file" key:"push_file" help:"File with the push credentials of the apps." placeholder:"FILE" group:"settings"`
	AttestationFile *string `name:"attestation-file" key:"attestation_file" help:"File with the roots and apps whose attestations are trusted." placeholder:"FILE" group:"settings"`
	LogLevel        *string `name:"log-level" key:"log.level" help:"debug, info, warn or error." placeholder:"LEVEL" group:"settings"`
	LogFormat       *string `name:"log-format" key:"log.format" help:"text or json." placeholder:"FORMAT" group:"settings"`
	ShutdownSeconds *string `name:"shutdown-seconds" key:"shutdown_seconds" help:"Time that open requests get at the end." placeholder:"N" group:"settings"`
	RetentionDays   *string `name:"retention-days" key:"retention_days" help:"Days that ended challenges and enrollments are kept; 0 keeps all." placeholder:"N" group:"settings"`
}

// load reads the settings from all sources. With problems it still returns what it could read.
func (s *settings) load(p *program) (*config.Config, error) {
	src := config.Sources{File: s.Config, Environ: p.Environ, Flags: s.flags()}
	if src.File == "" {
		src.File = p.env("NOD_CONFIG")
	}
	if src.File == "" {
		src.File, src.Optional = defaultFile, true
	}
	return config.Load(src)
}

func (s *settings) flags() map[string]string {
	out := map[string]string{}
	v := reflect.ValueOf(*s)
	for i := range v.NumField() {
		key := v.Type().Field(i).Tag.Get("key")
		if text, ok := v.Field(i).Interface().(*string); ok && key != "" && text != nil {
			out[key] = *text
		}
	}
	return out
}

func (p *program) env(name string) string {
	for _, pair := range p.Environ {
		if len(pair) > len(name) && pair[:len(name)] == name && pair[len(name)] == '=' {
			return pair[len(name)+1:]
		}
	}
	return ""
}

// exists tells whether a file is there; an unreadable directory counts as there, so that opening it says why.
func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil || !os.IsNotExist(err)
}

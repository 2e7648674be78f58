package config

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"

	"github.com/nod-auth/nod/shared/protocol"
)

// Problem is one thing that is wrong with the settings, and what to do.
type Problem struct {
	Where  string // file and line, variable, flag or setting
	What   string
	Remedy string
}

// Problems is every problem that was found. It is the error of [Load].
type Problems []Problem

// Error implements error, one line a problem.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, b := range p {
		lines[i] = fmt.Sprintf("%s: %s\n  -> %s", b.Where, b.What, b.Remedy)
	}
	return strings.Join(lines, "\n")
}

func unknown(where, key, near string) Problem {
	remedy := "remove it; `nodd config check` lists every setting"
	if near != "" {
		remedy = "did you mean " + near + "?"
	}
	return Problem{Where: where, What: key + " is no setting", Remedy: remedy}
}

func at(key string, source map[string]string) string {
	if s := source[key]; s != "" {
		return s + ": " + key
	}
	return key
}

// check finds what is wrong with the values and fills what follows from them.
func (c *Config) check() Problems {
	var bad Problems
	add := func(key, what, remedy string) {
		bad = append(bad, Problem{Where: at(key, c.source), What: what, Remedy: remedy})
	}
	c.checkProxies(add)
	c.checkTLS(add)
	host := c.checkListen(add)
	c.checkPublicURL(add, host)
	c.checkExposure(add, host)
	if c.Data == "" {
		add("data", "is empty", "name the database file, such as /var/lib/nod/nod.db")
	}
	if c.ShutdownSeconds < 1 || c.ShutdownSeconds > 300 {
		add("shutdown_seconds", "is not from 1 to 300", "leave it out for 20")
	}
	if c.RetentionDays != 0 && (c.RetentionDays < 2 || c.RetentionDays > 3650) {
		add("retention_days", "is not from 2 to 3650", "leave it out for 90, or write 0 to keep everything")
	}
	switch c.Log.Level {
	case "debug", "info", "warn", "error":
	default:
		add("log.level", "is none of debug, info, warn, error", "leave it out for info")
	}
	if c.Log.Format != "text" && c.Log.Format != "json" {
		add("log.format", "is neither text nor json", "leave it out for text")
	}
	return bad
}

type adder func(key, what, remedy string)

func (c *Config) checkProxies(add adder) {
	c.proxies = nil
	for _, text := range c.TrustedProxies {
		p, err := netip.ParsePrefix(strings.TrimSpace(text))
		if err != nil {
			if a, e := netip.ParseAddr(strings.TrimSpace(text)); e == nil {
				p, err = netip.PrefixFrom(a, a.BitLen()), nil
			}
		}
		switch {
		case err != nil:
			add("trusted_proxies", "holds something that is no network", `write networks such as "10.0.3.0/24" or addresses such as "10.0.3.7"`)
		case p.Bits() == 0:
			add("trusted_proxies", "trusts every address, so that any caller could choose its own", "list exactly the addresses of your proxies")
		default:
			c.proxies = append(c.proxies, p.Masked())
		}
	}
}

func (c *Config) checkTLS(add adder) {
	if (c.TLS.Cert == "") != (c.TLS.Key == "") {
		add("tls", "has only one of cert and key", "give both, or neither behind a proxy that ends TLS")
		return
	}
	for key, path := range map[string]string{"tls.cert": c.TLS.Cert, "tls.key": c.TLS.Key} {
		if path == "" {
			continue
		}
		f, err := os.Open(path)
		if err != nil {
			add(key, path+" cannot be read: "+reason(err), "check the path and that the server's user may read it")
			continue
		}
		_ = f.Close()
	}
}

func (c *Config) checkListen(add adder) (host string) {
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		add("listen", "is not an address and a port", `write it like "127.0.0.1:8080" or ":8443"`)
	}
	if c.MetricsListen != "" {
		if _, _, err := net.SplitHostPort(c.MetricsListen); err != nil {
			add("metrics_listen", "is not an address and a port", `write it like "127.0.0.1:9090"`)
		}
	}
	return host
}

func (c *Config) checkPublicURL(add adder, host string) {
	if c.PublicURL == "" {
		if c.TLS.Cert != "" || !loopback(host) {
			add("public_url", "is missing, and devices need the server's name", `set it to the https address that phones and browsers use, such as "https://nod.example.com"`)
		}
		return
	}
	u, err := protocol.ParseServer(c.PublicURL)
	if err != nil {
		add("public_url", "is not a base URL: "+err.Error(), `write https:// and a host name, with no path, such as "https://nod.example.com"`)
		return
	}
	c.PublicURL = u
}

// checkExposure refuses plain http where it can be read on the way.
func (c *Config) checkExposure(add adder, host string) {
	if c.TLS.Cert != "" || loopback(host) || len(c.TrustedProxies) > 0 {
		return
	}
	add("listen", "would serve plain http beyond this machine",
		"listen on 127.0.0.1, or give tls.cert and tls.key, or name the proxy that ends TLS in trusted_proxies")
}

// Local tells whether the server's public address is this machine only.
func (c *Config) Local() bool {
	u, err := url.Parse(c.PublicURL)
	return err == nil && loopback(u.Hostname())
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

// reason is the error without the path, which the caller has said already.
func reason(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}

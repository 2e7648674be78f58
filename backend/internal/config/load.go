package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/parsers/toml/v2"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/v2"
	gotoml "github.com/pelletier/go-toml/v2"
)

// Sources are what settings are read from. The zero value reads nothing and gives the defaults.
type Sources struct {
	File     string            // path of the TOML file; empty for none
	Optional bool              // a missing file is no problem
	Environ  []string          // as os.Environ gives it; only NOD_* is looked at
	Flags    map[string]string // setting to text, as given
}

// envOther are the NOD_ variables that are not settings: the path of the file, and those by which applications and examples
// find the server. They may stand in the shell in which an operator runs nodd.
var envOther = []string{"NOD_CONFIG", "NOD_URL", "NOD_API_KEY", "NOD_TENANT", "NOD_APPLICATION"}

// Load reads and checks the settings. With problems it returns the settings as far as they go and an error that is
// [Problems], each with its remedy.
func Load(s Sources) (*Config, error) {
	k := koanf.New(".")
	c := Default()
	c.source = map[string]string{}
	var bad Problems
	bad = append(bad, loadFile(k, s, c.source)...)
	bad = append(bad, loadEnv(k, s.Environ, c.source)...)
	bad = append(bad, loadFlags(k, s.Flags, c.source)...)
	err := k.UnmarshalWithConf("", &c, koanf.UnmarshalConf{DecoderConfig: &mapstructure.DecoderConfig{
		Result:           &c,
		TagName:          "koanf",
		WeaklyTypedInput: true, // the environment and flags are text
		DecodeHook:       mapstructure.StringToSliceHookFunc(","),
	}})
	if err != nil {
		bad = append(bad, decodeProblems(err, c.source)...)
	}
	bad = append(bad, c.check()...)
	if len(bad) > 0 {
		return &c, bad
	}
	return &c, nil
}

func loadFile(k *koanf.Koanf, s Sources, source map[string]string) Problems {
	if s.File == "" {
		return nil
	}
	text, err := os.ReadFile(s.File)
	if errors.Is(err, fs.ErrNotExist) && s.Optional {
		return nil
	}
	if err != nil {
		return Problems{{Where: s.File, What: "cannot be read: " + reason(err), Remedy: "name an existing file with --config or NOD_CONFIG, or leave both out"}}
	}
	if bad := unknownInFile(s.File, text); bad != nil {
		return bad
	}
	layer := koanf.New(".")
	values, err := toml.Parser().Unmarshal(text)
	if err == nil {
		err = layer.Load(confmap.Provider(values, "."), nil)
	}
	if err != nil {
		return Problems{{Where: s.File, What: "is not TOML: " + err.Error(), Remedy: "see the example in docs/operations.md"}}
	}
	for _, key := range layer.Keys() {
		source[key] = s.File
	}
	if err := k.Merge(layer); err != nil {
		return Problems{{Where: s.File, What: err.Error(), Remedy: "see the example in docs/operations.md"}}
	}
	if source["key"] != "" {
		return Problems{{Where: s.File + ": key", What: "the key may not stand in the file, which is copied and shown around",
			Remedy: "put it into a file of its own (key_file) or into the environment (NOD_KEY)"}}
	}
	return nil
}

// unknownInFile decodes strictly only to learn the lines of unknown keys and of syntax errors.
func unknownInFile(name string, text []byte) Problems {
	var probe fileShape
	d := gotoml.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	err := d.Decode(&probe)
	var strict *gotoml.StrictMissingError
	var syntax *gotoml.DecodeError
	switch {
	case errors.As(err, &strict):
		var bad Problems
		for _, e := range strict.Errors {
			line, _ := e.Position()
			key := strings.Join(e.Key(), ".")
			bad = append(bad, unknown(fmt.Sprintf("%s:%d", name, line), key, nearest(key, Keys())))
		}
		return bad
	case errors.As(err, &syntax):
		line, column := syntax.Position()
		return Problems{{Where: fmt.Sprintf("%s:%d:%d", name, line, column), What: syntax.Error(), Remedy: "correct that line; see the example in docs/operations.md"}}
	case err != nil:
		return Problems{{Where: name, What: err.Error(), Remedy: "see the example in docs/operations.md"}}
	}
	return nil
}

// fileShape is Config as the file may hold it.
type fileShape struct {
	PublicURL       string   `toml:"public_url"`
	Listen          string   `toml:"listen"`
	Data            string   `toml:"data"`
	KeyFile         string   `toml:"key_file"`
	Key             string   `toml:"key"` // known, so that the answer can say where it belongs
	TrustedProxies  []string `toml:"trusted_proxies"`
	MetricsListen   string   `toml:"metrics_listen"`
	PushFile        string   `toml:"push_file"`
	AttestationFile string   `toml:"attestation_file"`
	ShutdownSeconds int      `toml:"shutdown_seconds"`
	RetentionDays   int      `toml:"retention_days"`
	TLS             struct {
		Cert string `toml:"cert"`
		Key  string `toml:"key"`
	} `toml:"tls"`
	Log struct {
		Level  string `toml:"level"`
		Format string `toml:"format"`
	} `toml:"log"`
}

func loadEnv(k *koanf.Koanf, environ []string, source map[string]string) Problems {
	known := map[string]string{}
	for _, key := range Keys() {
		known[EnvName(key)] = key
	}
	names := slices.Collect(maps.Keys(known))
	var bad Problems
	values := map[string]any{}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, "NOD_") || slices.Contains(envOther, name) {
			continue
		}
		key, ok := known[name]
		if !ok {
			bad = append(bad, unknown("environment", name, nearest(name, names)))
			continue
		}
		values[key], source[key] = value, name
	}
	return append(bad, merge(k, values, "environment")...)
}

func loadFlags(k *koanf.Koanf, flags map[string]string, source map[string]string) Problems {
	values := map[string]any{}
	for key, value := range flags {
		values[key], source[key] = value, FlagName(key)
	}
	return merge(k, values, "flags")
}

func merge(k *koanf.Koanf, values map[string]any, where string) Problems {
	if err := k.Load(confmap.Provider(values, "."), nil); err != nil {
		return Problems{{Where: where, What: err.Error(), Remedy: "see `nodd serve --help`"}}
	}
	return nil
}

func decodeProblems(err error, source map[string]string) Problems {
	var bad Problems
	for _, line := range strings.Split(err.Error(), "\n") {
		name := between(line, "'")
		if name == "" {
			continue
		}
		bad = append(bad, Problem{Where: at(name, source), What: "has the wrong type", Remedy: "see its description in docs/operations.md"})
	}
	if bad == nil {
		bad = Problems{{Where: "settings", What: "cannot be read", Remedy: "see docs/operations.md"}}
	}
	return bad
}

func between(s, quote string) string {
	_, rest, ok := strings.Cut(s, quote)
	name, _, closed := strings.Cut(rest, quote)
	if !ok || !closed {
		return ""
	}
	return name
}

package config

import (
	"fmt"
	"io"
	"reflect"
	"strings"
)

// Print writes every setting with its value and where it came from, secrets redacted, as TOML with comments.
func (c *Config) Print(w io.Writer) error {
	for _, key := range Keys() {
		from := c.source[key]
		if from == "" {
			from = "default"
		}
		if _, err := fmt.Fprintf(w, "%-18s = %-34s # %s\n", key, c.text(key), from); err != nil {
			return fmt.Errorf("print settings: %w", err)
		}
	}
	return nil
}

func (c *Config) text(key string) string {
	v := reflect.ValueOf(*c)
	for _, part := range strings.Split(key, ".") {
		v = field(v, part)
	}
	switch x := v.Interface().(type) {
	case Secret:
		if x == "" {
			return `""`
		}
		return redacted
	case string:
		return fmt.Sprintf("%q", x)
	case []string:
		return strings.ReplaceAll(fmt.Sprintf("%q", x), `" "`, `", "`)
	default:
		return fmt.Sprint(x)
	}
}

func field(v reflect.Value, tag string) reflect.Value {
	for i := range v.NumField() {
		if v.Type().Field(i).Tag.Get("koanf") == tag {
			return v.Field(i)
		}
	}
	return reflect.Value{}
}

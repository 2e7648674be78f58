package protocol

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4/json" // matches member names to the letter and refuses a member that occurs twice
)

// unknownMembers says what becomes of members that a message type does not have.
type unknownMembers int

const (
	refuseUnknown  unknownMembers = iota // a server reading what a device signed
	ignoreUnknown                        // an application or a device reading a statement that may gain members
	collectUnknown                       // a device reading a challenge: it must know that it can't show everything
)

// decode reads a payload into m by the rule for unknown members.
func decode(payload []byte, m message, unknown unknownMembers) error {
	if !bytes.HasPrefix(payload, []byte("{")) || !utf8.Valid(payload) {
		return fail(CodeMalformed, "payload", "not a JSON object in UTF-8")
	}
	if err := json.Unmarshal(payload, m); err != nil {
		if own, ok := err.(*Error); ok { //nolint:errorlint // the decoder returns our own error unwrapped
			return own
		}
		return fail(CodeMalformed, "payload", "not the JSON of a %s", m.typ())
	}
	if unknown == ignoreUnknown {
		return nil
	}
	names, err := findUnknown(payload, reflect.TypeOf(m).Elem(), "")
	if err != nil {
		return err
	}
	for i := range names {
		names[i] = safeName(names[i])
	}
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	if c, ok := m.(*Challenge); ok && unknown == collectUnknown {
		c.Unsupported = names
		return nil
	}
	if len(names) > 0 {
		return fail(CodeUnknownMember, names[0], "not known here")
	}
	return nil
}

// findUnknown lists the paths of object members that have no field in t, and refuses a member that occurs twice.
func findUnknown(raw []byte, t reflect.Type, path string) ([]string, error) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if bytes.Equal(raw, []byte("null")) || reflect.PointerTo(t).Implements(unmarshalerType) {
		return nil, nil
	}
	switch t.Kind() { //nolint:exhaustive // every other kind has no members
	case reflect.Slice:
		if t.Elem().Kind() != reflect.Struct {
			return nil, nil
		}
		var items []json.RawMessage
		if err := json.Unmarshal(raw, &items); err != nil {
			return nil, fail(CodeMalformed, path, "not an array")
		}
		var names []string
		for _, item := range items {
			more, err := findUnknown(item, t.Elem(), path)
			if err != nil {
				return nil, err
			}
			names = append(names, more...)
		}
		return names, nil
	case reflect.Struct:
		return findUnknownInStruct(raw, t, path)
	}
	return nil, nil
}

var unmarshalerType = reflect.TypeFor[json.Unmarshaler]()

func findUnknownInStruct(raw []byte, t reflect.Type, path string) ([]string, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, fail(CodeMalformed, path, "not an object")
	}
	fields := fieldsOf(t)
	var names []string
	for name, value := range members {
		field, ok := fields[name]
		if !ok {
			names = append(names, path+name)
			continue
		}
		more, err := findUnknown(value, field, path+name+".")
		if err != nil {
			return nil, err
		}
		names = append(names, more...)
	}
	return names, nil
}

var fieldCache sync.Map // reflect.Type -> map[string]reflect.Type

func fieldsOf(t reflect.Type) map[string]reflect.Type {
	if cached, ok := fieldCache.Load(t); ok {
		return cached.(map[string]reflect.Type)
	}
	fields := map[string]reflect.Type{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name != "" && name != "-" {
			fields[name] = f.Type
		}
	}
	fieldCache.Store(t, fields)
	return fields
}

// safeName keeps an attacker's member name from carrying anything odd into a log.
func safeName(name string) string {
	if len(name) > 40 {
		name = name[:40]
	}
	return strings.Map(func(r rune) rune {
		if r == '_' || r == '.' || r == '-' || (r >= '0' && r <= '9') || (r >= 'a' && r <= 'z') || (r >= 'A' && r <= 'Z') {
			return r
		}
		return '?'
	}, name)
}

package httpapi

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nod-auth/nod/shared/problem"
)

// details turns the validator's errors into ours. Its texts repeat what was sent; ours never do.
func details(err error) []problem.FieldError {
	var many openapi3.MultiError
	if errors.As(err, &many) {
		var out []problem.FieldError
		for _, e := range many {
			out = append(out, details(e)...)
		}
		return out
	}
	var one *openapi3.SchemaError
	if !errors.As(err, &one) {
		return []problem.FieldError{{Pointer: "#/", Detail: "is not valid"}}
	}
	path := one.JSONPointer()
	if one.SchemaField == "properties" || one.SchemaField == "additionalProperties" {
		// The validator names an unknown member in its text only: property "x" is unsupported.
		if parts := strings.Split(one.Reason, `"`); len(parts) >= 3 {
			path = append(path, parts[1])
		}
	}
	for i := range path {
		path[i] = safeName(path[i])
	}
	return []problem.FieldError{{Pointer: "#/" + strings.Join(path, "/"), Detail: detail(one)}}
}

func firstDetail(err error) string { return details(err)[0].Detail }

func detail(e *openapi3.SchemaError) string {
	s := e.Schema
	switch e.SchemaField {
	case "required":
		return "is required"
	case "properties", "additionalProperties":
		return "is not known"
	case "type":
		if s.Type != nil && len(*s.Type) > 0 {
			return "is not of type " + (*s.Type)[0]
		}
		return "has the wrong type"
	case "enum":
		return "is not one of " + strings.Trim(strings.ReplaceAll(fmt.Sprint(s.Enum), " ", ", "), "[]")
	case "pattern":
		return "holds something that is not allowed here"
	case "minLength":
		return fmt.Sprintf("is shorter than %d", s.MinLength)
	case "maxLength":
		return fmt.Sprintf("is longer than %d", *s.MaxLength)
	case "minimum":
		return fmt.Sprintf("is less than %v", *s.Min)
	case "maximum":
		return fmt.Sprintf("is more than %v", *s.Max)
	case "maxItems":
		return fmt.Sprintf("has more than %d items", *s.MaxItems)
	default:
		return "is not valid"
	}
}

// memberName is what the names of the contract look like, and array indexes.
var memberName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$|^[0-9]{1,3}$`)

// safeName repeats a name that was sent only when it looks like one of the contract's, so that a typo can be named and a
// secret that stands in the wrong place cannot.
func safeName(name string) string {
	if memberName.MatchString(name) {
		return name
	}
	return "?"
}

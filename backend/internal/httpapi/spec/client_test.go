package spec_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nod-auth/nod/shared/client/application"
	"github.com/nod-auth/nod/shared/client/device"
	"github.com/nod-auth/nod/shared/problem"
	"github.com/nod-auth/nod/shared/protocol"
)

// What the Go clients send and read has exactly the members of the document.
func TestTheGoClientsMatchTheDocument(t *testing.T) {
	schemas := load(t).Components.Schemas
	for name, v := range map[string]any{
		"EnrollmentCreate": application.EnrollmentRequest{},
		"Enrollment":       application.Enrollment{},
		"ChallengeCreate":  application.ChallengeRequest{},
		"ChallengeCreated": application.CreatedChallenge{},
		"Challenge":        application.Challenge{},
		"Device":           application.Device{},
		"AuditEvent":       application.AuditEvent{},
		"DeviceEnrolled":   device.Enrolled{},
		"DecisionOutcome":  device.Outcome{},
		"FieldError":       problem.FieldError{},
	} {
		t.Run(name, func(t *testing.T) { sameMembers(t, name, schemas[name].Value, reflect.TypeOf(v)) })
	}
}

func sameMembers(t *testing.T, where string, schema *openapi3.Schema, goType reflect.Type) {
	t.Helper()
	for goType.Kind() == reflect.Pointer || goType.Kind() == reflect.Slice {
		goType = goType.Elem()
	}
	if schema.Type.Is("array") {
		schema = schema.Items.Value
	}
	if goType.Kind() != reflect.Struct || goType == reflect.TypeFor[time.Time]() {
		return
	}
	var names []string
	for f := range goType.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		names = append(names, name)
		property := schema.Properties[name]
		if property == nil {
			t.Errorf("%s.%s is not in the document", where, name)
			continue
		}
		sameMembers(t, where+"."+name, property.Value, f.Type)
	}
	for name := range schema.Properties {
		if !slices.Contains(names, name) {
			t.Errorf("%s.%s is not in the client", where, name)
		}
	}
}

func TestTheLargestRequestOfTheGoClientIsValid(t *testing.T) {
	full := application.ChallengeRequest{
		UserRef: strings.Repeat("ü", protocol.MaxUserRef), Transaction: strings.Repeat("t", protocol.MaxUserRef), Session: strings.Repeat("s", protocol.MaxUserRef),
		Action:  protocol.Action{Kind: "payment.first-time_2", Title: strings.Repeat("T", protocol.MaxName), Message: strings.Repeat("M", protocol.MaxMessage)},
		Context: application.Context{IP: "2001:db8::1", UserAgent: strings.Repeat("u", 400), Location: strings.Repeat("l", protocol.MaxName), Browser: "token"},
		Match:   application.MatchRequest{Mode: protocol.MatchEnter, Digits: protocol.DigitsStrict}, TTLSeconds: 600,
		Requirements: protocol.Requirements{UserVerification: true, KeyLevel: protocol.LevelTPM},
	}
	for range protocol.MaxDetails {
		full.Details = append(full.Details, protocol.Detail{Label: strings.Repeat("L", protocol.MaxDetailLabel), Value: strings.Repeat("V", protocol.MaxDetailValue), Kind: "amount"})
	}
	schema := load(t).Components.Schemas["ChallengeCreate"].Value
	check := func(r application.ChallengeRequest) error {
		t.Helper()
		raw, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		var v any
		if err := json.Unmarshal(raw, &v); err != nil {
			t.Fatal(err)
		}
		return schema.VisitJSON(v, openapi3.VisitAsRequest())
	}
	if err := check(full); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*application.ChallengeRequest){
		"a user_ref over its limit": func(r *application.ChallengeRequest) { r.UserRef += "x" },
		"a NUL in the user_ref":     func(r *application.ChallengeRequest) { r.UserRef = "a\x00b" },
		"an empty user_ref":         func(r *application.ChallengeRequest) { r.UserRef = "" },
		"no transaction":            func(r *application.ChallengeRequest) { r.Transaction = "" },
		"a line break in the title": func(r *application.ChallengeRequest) { r.Action.Title = "a\nb" },
		"no kind":                   func(r *application.ChallengeRequest) { r.Action.Kind = "" },
		"a detail over the limit": func(r *application.ChallengeRequest) {
			r.Details = append(r.Details, protocol.Detail{Label: "x", Value: "y"})
		},
		"a time to live over the limit": func(r *application.ChallengeRequest) { r.TTLSeconds = 601 },
		"four digits":                   func(r *application.ChallengeRequest) { r.Match.Digits = 4 },
		"an unknown key level":          func(r *application.ChallengeRequest) { r.Requirements.KeyLevel = "hardware" },
	} {
		bad := full
		bad.Details = slices.Clone(full.Details)
		change(&bad)
		if check(bad) == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

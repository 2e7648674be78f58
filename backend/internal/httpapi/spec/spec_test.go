package spec_test

import (
	"bytes"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nod-auth/nod/backend/internal/httpapi/spec"
	"github.com/nod-auth/nod/shared/problem"
	"github.com/nod-auth/nod/shared/protocol"
)

func load(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := spec.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestCopyIsIdenticalToTheDocument(t *testing.T) {
	want, err := os.ReadFile("../../../../docs/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(spec.YAML, want) {
		t.Error("spec/openapi.yaml is not docs/openapi.yaml: run make generate")
	}
}

// operations calls f for every operation, named as in "GET /v1/challenges".
func operations(t *testing.T, f func(t *testing.T, name string, op *openapi3.Operation)) {
	t.Helper()
	n := 0
	for path, item := range load(t).Paths.Map() {
		for method, op := range item.Operations() {
			n++
			t.Run(method+" "+path, func(t *testing.T) { f(t, method+" "+path, op) })
		}
	}
	if n < 20 {
		t.Fatalf("only %d operations", n)
	}
}

// codesOf reads x-problems.
func codesOf(t *testing.T, op *openapi3.Operation) []problem.Code {
	t.Helper()
	list, ok := op.Extensions["x-problems"].([]any)
	if !ok {
		t.Fatal("no x-problems")
	}
	codes := make([]problem.Code, len(list))
	for i, v := range list {
		codes[i] = problem.Code(v.(string))
	}
	return codes
}

// anywhere are the codes that every operation may answer with; the document's introduction lists them.
var anywhere = []problem.Code{problem.MalformedRequest, problem.MethodNotAllowed, problem.NotAcceptable, problem.RateLimited,
	problem.ServerShuttingDown, problem.DatabaseBusy, problem.StorageFull, problem.Internal}

func TestEveryProblemOfAnOperationIsRegisteredAndDescribed(t *testing.T) {
	used := map[problem.Code]bool{problem.ResultWithheld: true} // made by the client, from a final challenge without result
	for _, c := range anywhere {
		used[c] = true
	}
	operations(t, func(t *testing.T, _ string, op *openapi3.Operation) {
		statuses := map[string]bool{}
		for _, c := range codesOf(t, op) {
			used[c] = true
			e, ok := problem.Lookup(c)
			if !ok {
				t.Errorf("%s is not in the registry", c)
				continue
			}
			status := strconv.Itoa(e.Status)
			statuses[status] = true
			if op.Responses.Value(status) == nil {
				t.Errorf("%s needs a response %s", c, status)
			}
		}
		for status := range op.Responses.Map() {
			if status >= "400" && status < "500" && status != "429" && !statuses[status] {
				t.Errorf("response %s has no code in x-problems", status)
			}
		}
		if op.Responses.Default() == nil {
			t.Error("no default response")
		}
	})
	for _, e := range problem.Registry() {
		if !used[e.Code] {
			t.Errorf("no operation answers %s", e.Code)
		}
	}
}

// An operation of the application or browser API that lost its security scheme would be open to everyone.
func TestEveryOperationNamesItsDoor(t *testing.T) {
	operations(t, func(t *testing.T, name string, op *openapi3.Operation) {
		if op.OperationID == "" || len(op.Tags) != 1 || op.Summary == "" {
			t.Error("operationId, one tag and a summary are required")
		}
		open := op.Security != nil && len(*op.Security) == 0
		_, path, _ := strings.Cut(name, " ")
		if open && (strings.HasPrefix(path, "/v1/") || strings.HasPrefix(path, "/browser/")) {
			t.Error("has no security scheme")
		}
		if codes := codesOf(t, op); !open && !slices.Contains(codes, problem.Unauthorized) && !slices.Contains(codes, problem.DeviceUnauthorized) {
			t.Error("is secured and never answers unauthorized")
		}
	})
}

// Unknown members are refused in everything an application sends: a misspelled requirement must not be ignored.
func TestRequestsRefuseUnknownMembers(t *testing.T) {
	operations(t, func(t *testing.T, _ string, op *openapi3.Operation) {
		if op.RequestBody == nil {
			return
		}
		media := op.RequestBody.Value.Content.Get("application/json")
		if media == nil {
			return
		}
		closed(t, "body", media.Schema)
	})
}

func closed(t *testing.T, where string, ref *openapi3.SchemaRef) {
	t.Helper()
	s := ref.Value
	if s.Type.Is("array") {
		if s.MaxItems == nil {
			t.Errorf("%s has no maxItems", where)
		}
		closed(t, where+"[]", s.Items)
	}
	if s.Type.Is("string") && s.MaxLength == nil && len(s.Enum) == 0 && s.Pattern == "" {
		t.Errorf("%s has no limit", where)
	}
	if !s.Type.Is("object") {
		return
	}
	if s.AdditionalProperties.Has == nil || *s.AdditionalProperties.Has {
		t.Errorf("%s takes unknown members", where)
	}
	for name, p := range s.Properties {
		closed(t, where+"."+name, p)
	}
}

// The limits of the document are those of the protocol: a create that HTTP takes can be signed.
func TestLimitsAreTheProtocols(t *testing.T) {
	schemas := load(t).Components.Schemas
	length := func(path ...string) uint64 {
		s := schemas[path[0]].Value
		for _, p := range path[1:] {
			s = s.Properties[p].Value
		}
		if s.MaxLength == nil {
			t.Fatalf("%v has no maxLength", path)
		}
		return *s.MaxLength
	}
	for _, c := range []struct {
		got  uint64
		want int
		name string
	}{
		{length("UserRef"), protocol.MaxUserRef, "user_ref"},
		{length("ChallengeCreate", "transaction"), protocol.MaxUserRef, "transaction"},
		{length("ChallengeCreate", "session"), protocol.MaxUserRef, "session"},
		{length("EnrollmentCreate", "user_label"), protocol.MaxName, "user_label"},
		{length("Action", "title"), protocol.MaxName, "title"},
		{length("Action", "message"), protocol.MaxMessage, "message"},
		{length("Context", "location"), protocol.MaxName, "location"},
		{length("Detail", "label"), protocol.MaxDetailLabel, "label"},
		{length("Detail", "value"), protocol.MaxDetailValue, "value"},
		{*schemas["ChallengeCreate"].Value.Properties["details"].Value.MaxItems, protocol.MaxDetails, "details"},
		{uint64(*schemas["ChallengeCreate"].Value.Properties["ttl_seconds"].Value.Min), int(protocol.ChallengeLifetimeMin.Seconds()), "least ttl"},
		{uint64(*schemas["ChallengeCreate"].Value.Properties["ttl_seconds"].Value.Max), int(protocol.ChallengeLifetimeMax.Seconds()), "greatest ttl"},
	} {
		if c.got != uint64(c.want) {
			t.Errorf("%s: %d in the document, %d in the protocol", c.name, c.got, c.want)
		}
	}
	for path, typ := range map[string]protocol.Type{
		"/device/v1/enrollments":                        protocol.TypeEnrollment,
		"/device/v1/challenges/{challenge_id}/decision": protocol.TypeDecision,
		"/device/v1/updates":                            protocol.TypeUpdate,
	} {
		body := load(t).Paths.Value(path).Post.RequestBody.Value.Content.Get(protocol.ContentType)
		if got := *body.Schema.Value.MaxLength; got != uint64(protocol.MaxSize(typ)) {
			t.Errorf("%s: %d in the document, %d in the protocol", path, got, protocol.MaxSize(typ))
		}
	}
}

func TestEnumsAreTheProtocols(t *testing.T) {
	schemas := load(t).Components.Schemas
	for _, v := range schemas["ChallengeStatus"].Value.Enum {
		if !protocol.Status(v.(string)).Valid() {
			t.Errorf("status %v", v)
		}
	}
	for _, v := range schemas["KeyLevel"].Value.Enum {
		if !protocol.KeyLevel(v.(string)).Valid() {
			t.Errorf("key level %v", v)
		}
	}
}

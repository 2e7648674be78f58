package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nod-auth/nod/backend/internal/httpapi/spec"
	"github.com/nod-auth/nod/shared/problem"
)

// holdToContract checks every answer of h against docs/openapi.yaml: so every test over HTTP also tests the contract.
func holdToContract(t testing.TB, h http.Handler) http.Handler {
	doc, err := contract()
	if err != nil {
		t.Fatal(err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := &recorder{ResponseWriter: w, status: http.StatusOK}
		h.ServeHTTP(rec, r)
		for _, complaint := range complaints(doc, r.Method, r.URL.EscapedPath(), rec) {
			t.Errorf("%s %s answered %d: %s", r.Method, r.URL.EscapedPath(), rec.status, complaint)
		}
	})
}

var contract = sync.OnceValues(func() (*openapi3.T, error) { return spec.Load(context.Background()) })

// recorder keeps what is written, and what can be done with the writer below.
type recorder struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	r.body.Write(b)
	return r.ResponseWriter.Write(b)
}

func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// anywhere are the codes that every operation may answer with; the document's introduction lists them.
var anywhere = []problem.Code{problem.MalformedRequest, problem.MethodNotAllowed, problem.NotAcceptable, problem.RateLimited,
	problem.ServerShuttingDown, problem.DatabaseBusy, problem.StorageFull, problem.Internal}

func complaints(doc *openapi3.T, method, path string, rec *recorder) []string {
	var out []string
	media, _, err := mime.ParseMediaType(rec.Header().Get("Content-Type"))
	if err != nil {
		media = ""
	}
	if rec.Header().Get("X-Request-Id") == "" {
		out = append(out, "no X-Request-Id")
	}
	op := find(doc, method, path)
	if op == nil {
		if rec.status >= 200 && rec.status < 300 && method != http.MethodOptions && !strings.HasPrefix(path, "/enroll") {
			out = append(out, "a route that is not in the document")
		}
		return out
	}
	if rec.status >= http.StatusBadRequest {
		return append(out, refusal(op, media, rec)...)
	}
	answer := op.Responses.Value(strconv.Itoa(rec.status))
	if answer == nil {
		return append(out, "a status that is not in the document")
	}
	content := answer.Value.Content.Get(media)
	if len(answer.Value.Content) > 0 && content == nil {
		return append(out, "media type "+media)
	}
	if media == "application/json" {
		out = append(out, conforms(content.Schema.Value, rec.body.Bytes())...)
	}
	return out
}

func refusal(op *openapi3.Operation, media string, rec *recorder) []string {
	p, err := problem.Parse(rec.body.Bytes())
	if err != nil || media != problem.ContentType {
		return []string{"not a problem document: " + rec.body.String()}
	}
	codes := slices.Clone(anywhere)
	list, _ := op.Extensions["x-problems"].([]any)
	for _, c := range list {
		codes = append(codes, problem.Code(c.(string)))
	}
	if !slices.Contains(codes, p.Code) {
		return []string{string(p.Code) + " is not in x-problems"}
	}
	if e, _ := problem.Lookup(p.Code); e.Status != rec.status || p.Status != rec.status {
		return []string{string(p.Code) + " has another status"}
	}
	return nil
}

func conforms(schema *openapi3.Schema, body []byte) []string {
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return []string{"not JSON"}
	}
	if err := schema.VisitJSON(v, openapi3.VisitAsResponse()); err != nil {
		return []string{err.Error()}
	}
	return undocumented("", schema, v)
}

// undocumented lists members that the schema does not have.
func undocumented(where string, schema *openapi3.Schema, v any) (out []string) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			out = append(out, undocumented(where+"[]", schema.Items.Value, item)...)
		}
	case map[string]any:
		if schema.AdditionalProperties.Schema != nil {
			return nil
		}
		for name, member := range v {
			if p := schema.Properties[name]; p == nil {
				out = append(out, where+"."+name+" is not in the document")
			} else {
				out = append(out, undocumented(where+"."+name, p.Value, member)...)
			}
		}
	}
	return out
}

// find returns the operation of a path; nil when there is none.
func find(doc *openapi3.T, method, path string) *openapi3.Operation {
	parts := strings.Split(path, "/")
	for template, item := range doc.Paths.Map() {
		want := strings.Split(template, "/")
		same := len(want) == len(parts)
		for i := 0; same && i < len(want); i++ {
			same = want[i] == parts[i] || strings.HasPrefix(want[i], "{") && parts[i] != ""
		}
		if same {
			return item.GetOperation(method)
		}
	}
	return nil
}

// A checker that cannot complain proves nothing.
func TestTheContractIsHeld(t *testing.T) {
	doc, err := contract()
	if err != nil {
		t.Fatal(err)
	}
	const path = "/v1/challenges/chl_Yb0k4mP2rT6vXz8AcEgIkA"
	const good = `{"id":"chl_Yb0k4mP2rT6vXz8AcEgIkA","status":"pending","user_ref":"u","transaction":"t","created_at":"2026-11-23T10:00:00Z","expires_at":"2026-11-23T10:01:30Z"}`
	for name, c := range map[string]struct {
		path, media, body string
		status, want      int
	}{
		"good":                    {path, "application/json", good, 200, 0},
		"a good refusal":          {path, problem.ContentType, `{"code":"not_found","status":404}`, 404, 0},
		"an undocumented member":  {path, "application/json", strings.Replace(good, `"id"`, `"secret":1,"id"`, 1), 200, 1},
		"a missing member":        {path, "application/json", strings.Replace(good, `"transaction":"t",`, ``, 1), 200, 1},
		"a status of nobody":      {path, "application/json", strings.Replace(good, `pending`, `waiting`, 1), 200, 1},
		"an undocumented status":  {path, "application/json", good, 201, 1},
		"another media type":      {path, "text/html", good, 200, 1},
		"an undocumented problem": {path, problem.ContentType, `{"code":"number_wrong","status":422}`, 422, 1},
		"a plain error":           {path, "text/plain", `not found`, 404, 1},
		"an undocumented route":   {"/v1/secrets", "application/json", `{}`, 200, 1},
	} {
		rec := &recorder{ResponseWriter: headerOnly{"Content-Type": {c.media}, "X-Request-Id": {"r"}}, status: c.status}
		rec.body.WriteString(c.body)
		if got := complaints(doc, http.MethodGet, c.path, rec); len(got) != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// headerOnly is a writer that nothing is written to.
type headerOnly http.Header

func (h headerOnly) Header() http.Header       { return http.Header(h) }
func (headerOnly) Write(b []byte) (int, error) { return len(b), nil }
func (headerOnly) WriteHeader(int)             {}

package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nod-auth/nod/backend/internal/httpapi/spec"
	"github.com/nod-auth/nod/shared/problem"
	"github.com/nod-auth/nod/shared/protocol"
)

// maxJSON caps the body of an application's request. The largest one the document allows has less than half of it.
const maxJSON = 32 << 10

// operation is what the edge needs of one operation of docs/openapi.yaml, prepared once.
type operation struct {
	id       string
	door     door
	scope    string // of an application's key
	media    string // of the body; empty when there is none
	maxBody  int64
	body     *openapi3.Schema // of a JSON body
	params   []parameter
	produces []string
	stream   bool
}

type parameter struct {
	name, in string
	schema   *openapi3.Schema
}

// door is who may call an operation.
type door int

const (
	doorOpen        door = iota // no credential, or the body is the credential
	doorApplication             // API key
	doorBrowser                 // browser token
	doorProof                   // device proof in the DPoP header
	doorSigned                  // a device's signed body
)

// tagScopes says which scope each tag's operations need; a tag that is not here needs none and has no application door.
var tagScopes = map[string]string{"enrollments": "enrollments", "challenges": "challenges", "users": "users", "audit": "audit"}

// operations reads the document into a table by "METHOD /path". An operation whose door or scope cannot be told is an
// error, so that a new route cannot be open by oversight.
func operations(ctx context.Context) (map[string]*operation, error) {
	doc, err := spec.Load(ctx)
	if err != nil {
		return nil, err
	}
	table := map[string]*operation{}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			o, err := newOperation(doc, path, item, op)
			if err != nil {
				return nil, fmt.Errorf("operation %s: %w", op.OperationID, err)
			}
			table[method+" "+path] = o
		}
	}
	return table, nil
}

func newOperation(doc *openapi3.T, path string, item *openapi3.PathItem, op *openapi3.Operation) (*operation, error) {
	o := &operation{id: op.OperationID}
	if err := o.setDoor(doc, path, op); err != nil {
		return nil, err
	}
	for _, p := range slices.Concat(item.Parameters, op.Parameters) {
		o.params = append(o.params, parameter{p.Value.Name, p.Value.In, p.Value.Schema.Value})
	}
	if op.RequestBody != nil {
		for media, m := range op.RequestBody.Value.Content {
			o.media, o.maxBody = media, maxJSON
			if media == "application/json" {
				o.body = m.Schema.Value
			} else if m.Schema.Value.MaxLength != nil {
				o.maxBody = int64(*m.Schema.Value.MaxLength)
			}
		}
	}
	for status, resp := range op.Responses.Map() {
		if status[0] != '2' || resp.Value == nil {
			continue
		}
		for media := range resp.Value.Content {
			o.produces = append(o.produces, media)
		}
	}
	o.stream = slices.Contains(o.produces, "text/event-stream")
	return o, nil
}

func (o *operation) setDoor(doc *openapi3.T, path string, op *openapi3.Operation) error {
	security := doc.Security
	if op.Security != nil {
		security = *op.Security
	}
	if len(security) == 0 {
		if strings.HasPrefix(path, "/device/") {
			o.door = doorSigned
		}
		return nil
	}
	for scheme := range security[0] {
		switch scheme {
		case "application":
			o.door, o.scope = doorApplication, tagScopes[op.Tags[0]]
			if o.scope == "" {
				return fmt.Errorf("tag %q has no scope", op.Tags[0])
			}
		case "browser":
			o.door = doorBrowser
		case "deviceProof":
			o.door = doorProof
		default:
			return fmt.Errorf("security scheme %q is not served", scheme)
		}
	}
	return nil
}

// readBody reads a body of at most the operation's cap, within a time: the server's own limit would end waits too.
func (o *operation) readBody(r *http.Request, w http.ResponseWriter, within time.Duration) ([]byte, error) {
	if o.media == "" {
		return nil, nil
	}
	if r.ContentLength > o.maxBody {
		return nil, problem.New(problem.BodyTooLarge)
	}
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != o.media || !utf8Charset(params) {
		return nil, problem.New(problem.UnsupportedMediaType).WithDetail("This operation takes " + o.media + ".")
	}
	if r.Header.Get("Content-Encoding") != "" {
		return nil, problem.New(problem.UnsupportedMediaType).WithDetail("The body must not be compressed.")
	}
	rc := http.NewResponseController(w)
	if err := rc.SetReadDeadline(time.Now().Add(within)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, fmt.Errorf("limit the time for the body: %w", err)
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, o.maxBody+1))
	if err != nil {
		return nil, problem.New(problem.MalformedRequest).WithDetail("The body could not be read to its end.").WithCause(err)
	}
	if int64(len(body)) > o.maxBody {
		return nil, problem.New(problem.BodyTooLarge) // the time stands, so that what net/http throws away of the rest is limited too
	}
	_ = rc.SetReadDeadline(time.Time{})
	return body, nil
}

func utf8Charset(params map[string]string) bool {
	c, ok := params["charset"]
	return !ok || strings.EqualFold(c, "utf-8")
}

// accepts refuses a request that takes nothing the operation sends.
func (o *operation) accepts(r *http.Request) error {
	accept := strings.Join(r.Header.Values("Accept"), ",")
	if accept == "" || len(o.produces) == 0 {
		return nil
	}
	for _, one := range strings.Split(accept, ",") {
		media, params, err := mime.ParseMediaType(one)
		if err != nil || params["q"] == "0" {
			continue
		}
		for _, p := range o.produces {
			kind, _, _ := strings.Cut(p, "/")
			if media == p || media == kind+"/*" || media == "*/*" {
				return nil
			}
		}
	}
	return problem.New(problem.NotAcceptable)
}

// checkParams holds the parameters against the document. path gives the unescaped path parameters.
func (o *operation) checkParams(r *http.Request, path map[string]string) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return problem.Invalid("query", "cannot be parsed")
	}
	var bad []problem.FieldError
	for name, values := range query {
		if !o.hasQuery(name) {
			bad = append(bad, problem.FieldError{Pointer: "query/" + safeName(name), Detail: "is not known"})
		} else if len(values) > 1 {
			bad = append(bad, problem.FieldError{Pointer: "query/" + name, Detail: "stands more than once"})
		}
	}
	for _, p := range o.params {
		text, given := p.read(r, query, path)
		if !given {
			continue
		}
		err := p.schema.VisitJSON(p.value(text))
		if err == nil {
			continue
		}
		if p.in == "path" && p.name != "user_ref" {
			return problem.New(problem.NotFound) // an identifier of the wrong shape names nothing
		}
		bad = append(bad, problem.FieldError{Pointer: p.in + "/" + p.name, Detail: firstDetail(err)})
	}
	if path["user_ref"] != "" {
		if err := protocol.CheckReference("user_ref", path["user_ref"], true); err != nil {
			bad = append(bad, problem.FieldError{Pointer: "path/user_ref", Detail: "is not valid"})
		}
	}
	return invalid(bad)
}

func (o *operation) hasQuery(name string) bool {
	return slices.ContainsFunc(o.params, func(p parameter) bool { return p.in == "query" && p.name == name })
}

func (p parameter) read(r *http.Request, query url.Values, path map[string]string) (string, bool) {
	switch p.in {
	case "path":
		return path[p.name], true
	case "query":
		return query.Get(p.name), query.Has(p.name)
	default:
		v := r.Header.Values(p.name)
		if len(v) == 0 {
			return "", false
		}
		return strings.Join(v, ","), true
	}
}

func (p parameter) value(text string) any {
	if p.schema.Type.Is("integer") {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return float64(n)
		}
	}
	return text
}

// checkBody parses a JSON body and holds it against its schema. The value it returns is what the handler gets, so
// that nothing else than what was checked is used.
func (o *operation) checkBody(body []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	var value any
	if err := d.Decode(&value); err != nil {
		return nil, problem.New(problem.MalformedRequest).WithCause(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, problem.New(problem.MalformedRequest).WithDetail("There is something after the JSON value.")
	}
	if err := o.body.VisitJSON(value, openapi3.MultiErrors()); err != nil {
		return nil, invalid(details(err))
	}
	return value, nil
}

func invalid(bad []problem.FieldError) error {
	if len(bad) == 0 {
		return nil
	}
	p := problem.New(problem.ValidationFailed)
	slices.SortFunc(bad, func(a, b problem.FieldError) int { return strings.Compare(a.Pointer, b.Pointer) })
	p.Errors = bad[:min(len(bad), 20)]
	return p
}

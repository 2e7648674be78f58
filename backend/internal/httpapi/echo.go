package httpapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/nod-auth/nod/shared/problem"
)

// This file is the seam around the router: beside the generated code it alone knows echo. Everything else of the package
// is net/http, so that another router is another version of this file and a flag of the generator.

// routes builds the router: the generated operations, each behind [API.admit], and the operations endpoints.
func (a *API) routes() (http.Handler, error) {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.Logger.SetOutput(io.Discard)
	// The router's own ideas about proxies are never asked; if anything asks, it gets what the edge found (T29).
	e.IPExtractor = func(r *http.Request) string { return from(r.Context()).client.String() }
	e.HTTPErrorHandler = func(err error, c echo.Context) {
		if c.Response().Committed {
			return
		}
		a.fail(c.Response(), c.Request(), translate(err))
	}
	// Always route on the escaped path: %2F in a user_ref is no separator, and nothing is decoded twice.
	e.Pre(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			u := c.Request().URL
			u.RawPath = u.EscapedPath()
			return next(c)
		}
	})
	RegisterHandlers(guarded{e, a}, NewStrictHandler(a, nil))
	for _, r := range e.Routes() {
		if a.operations[r.Method+" "+template(r.Path)] == nil {
			return nil, fmt.Errorf("route %s %s is not in the contract", r.Method, r.Path)
		}
	}
	for path, h := range a.operationsHandlers() {
		e.GET(path, echo.WrapHandler(h))
	}
	return a.cors(e), nil
}

// guarded registers each route behind the checks of its operation.
type guarded struct {
	*echo.Echo
	api *API
}

func (g guarded) wrap(method, path string, h echo.HandlerFunc) *echo.Route {
	op := g.api.operations[method+" "+template(path)]
	return g.Add(method, path, func(c echo.Context) error {
		r, body, err := g.api.admit(op, c.Request(), c.Response(), pathValues(c))
		if err != nil {
			return err
		}
		if body != nil {
			r.Body = body
		}
		c.SetRequest(r)
		return h(c)
	})
}

// GET implements EchoRouter.
func (g guarded) GET(path string, h echo.HandlerFunc, _ ...echo.MiddlewareFunc) *echo.Route {
	return g.wrap(http.MethodGet, path, h)
}

// POST implements EchoRouter.
func (g guarded) POST(path string, h echo.HandlerFunc, _ ...echo.MiddlewareFunc) *echo.Route {
	return g.wrap(http.MethodPost, path, h)
}

// DELETE implements EchoRouter.
func (g guarded) DELETE(path string, h echo.HandlerFunc, _ ...echo.MiddlewareFunc) *echo.Route {
	return g.wrap(http.MethodDelete, path, h)
}

// PUT implements EchoRouter.
func (g guarded) PUT(path string, h echo.HandlerFunc, _ ...echo.MiddlewareFunc) *echo.Route {
	return g.wrap(http.MethodPut, path, h)
}

// PATCH implements EchoRouter.
func (g guarded) PATCH(path string, h echo.HandlerFunc, _ ...echo.MiddlewareFunc) *echo.Route {
	return g.wrap(http.MethodPatch, path, h)
}

func pathValues(c echo.Context) map[string]string {
	names := c.ParamNames()
	if len(names) == 0 {
		return nil
	}
	values := make(map[string]string, len(names))
	for i, name := range names {
		v, err := url.PathUnescape(c.ParamValues()[i])
		if err != nil {
			v = "\x00" // no schema takes it
		}
		values[name] = v
	}
	return values
}

// template turns the router's "/v1/users/:user_ref" into the contract's "/v1/users/{user_ref}".
func template(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if strings.HasPrefix(p, ":") {
			parts[i] = "{" + p[1:] + "}"
		}
	}
	return strings.Join(parts, "/")
}

// translate turns the router's errors into problems.
func translate(err error) error {
	var he *echo.HTTPError
	if !errors.As(err, &he) {
		return err
	}
	switch he.Code {
	case http.StatusNotFound:
		return problem.New(problem.NotFound)
	case http.StatusMethodNotAllowed:
		return problem.New(problem.MethodNotAllowed)
	case http.StatusBadRequest:
		return problem.New(problem.MalformedRequest).WithCause(err)
	case http.StatusUnsupportedMediaType:
		return problem.New(problem.UnsupportedMediaType)
	case http.StatusRequestEntityTooLarge:
		return problem.New(problem.BodyTooLarge)
	default:
		return problem.New(problem.Internal).WithCause(err)
	}
}

// checked is a body that was read and checked. The generated code takes the checked value instead of parsing again.
type checked struct {
	*bytes.Reader
	value any
}

// Close implements io.Closer.
func (checked) Close() error { return nil }

// ValidatedValue is what the generated code looks for.
func (c checked) ValidatedValue() any { return c.value }

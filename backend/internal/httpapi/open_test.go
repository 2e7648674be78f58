package httpapi_test

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nod-auth/nod/backend/internal/httpapi"
)

// Whoever starts a sign-in in somebody's name holds a browser token: it must not take every connection there is.
func TestT19_ABrowserTokenOpensOnlyAFewStreams(t *testing.T) {
	w := newWorld(t, func(p *httpapi.Params) { p.Limits = httpapi.Limits{PerBrowser: 2, BrowsersAll: 3} })
	w.enroll("ada")
	c, other, third := w.challenge("ada", "login-1"), w.challenge("ada", "login-2"), w.challenge("ada", "login-3")
	first := w.follow(c.page("/events"), c.pageHeader())
	first.want("status", "pending")
	w.follow(c.page("/events"), c.pageHeader()).want("status", "pending")
	for _, path := range []string{c.page("/events"), c.page("?wait=1")} {
		if a := w.call("GET", path, "", c.pageHeader()); a.code() != "rate_limited" || a.Header.Get("Retry-After") == "" {
			t.Errorf("one too many: %d %s", a.Status, a.Body)
		}
	}
	if a := w.call("GET", c.page(""), "", c.pageHeader()); a.Status != http.StatusOK {
		t.Errorf("a read that does not wait: %d %s", a.Status, a.Body)
	}
	w.follow(other.page("/events"), other.pageHeader()).want("status", "pending")
	if a := w.call("GET", third.page("/events"), "", third.pageHeader()); a.code() != "rate_limited" {
		t.Errorf("one too many of all browsers: %d %s", a.Status, a.Body)
	}
	if a := w.appCall("GET", "/v1/challenges/"+c.ID+"?wait=1", ""); a.Status != http.StatusOK {
		t.Errorf("the application: %d %s", a.Status, a.Body)
	}
	first.close() // the place is free again
	until(t, func() bool { return w.call("GET", c.page("?wait=1"), "", c.pageHeader()).Status == http.StatusOK })
}

func TestT19_AnApplicationOpensOnlySoManyWaits(t *testing.T) {
	w := newWorld(t, func(p *httpapi.Params) { p.Limits = httpapi.Limits{PerApplication: 1} })
	w.enroll("ada")
	c := w.challenge("ada", "login-1")
	path := "/v1/challenges/" + c.ID
	w.follow(path+"/events", w.appHeader("")).want("status", "pending")
	for _, path := range []string{path + "/events", path + "?wait=1"} {
		if a := w.appCall("GET", path, ""); a.code() != "rate_limited" {
			t.Errorf("one too many: %d %s", a.Status, a.Body)
		}
	}
	if a := w.appCall("GET", path, ""); a.Status != http.StatusOK {
		t.Errorf("a read that does not wait: %d %s", a.Status, a.Body)
	}
}

func (c created) page(rest string) string { return "/browser/v1/challenges/" + c.ID + rest }

func (c created) pageHeader() map[string]string {
	return map[string]string{"Authorization": "Bearer " + c.Browser}
}

// A body that was announced and never comes must not hold a connection, least of all one that nobody asked for.
func TestT19_ABodyThatNeverComesHoldsNoConnection(t *testing.T) {
	w := newWorld(t, func(p *httpapi.Params) { p.Limits = httpapi.Limits{Body: 50 * time.Millisecond} })
	w.enroll("ada")
	c := w.challenge("ada", "login-1")
	announced := " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + c.Browser + "\r\nContent-Length: 20000\r\n\r\n"
	for _, line := range []string{"POST /v1/challenges", "GET /healthz", "POST /nowhere", "GET " + c.page("/events"), "GET " + c.page("")} {
		t.Run(line, func(t *testing.T) {
			conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(w.URL, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(conn, line+announced); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadAll(conn); err != nil {
				t.Errorf("the connection is still open: %v", err)
			}
		})
	}
}

package httpapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/nod-auth/nod/backend/internal/httpapi"
)

// fakeAPI implements the operations that prove the shape of the generated server; any other call would panic.
type fakeAPI struct {
	httpapi.StrictServerInterface
	release chan struct{}
}

// eventStream writes one event, waits, writes another: what the strict server must let an operation do.
type eventStream struct {
	ctx     context.Context
	release chan struct{}
}

func (s eventStream) VisitStreamDeviceResponse(w http.ResponseWriter) error {
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	flusher, ok := w.(http.Flusher)
	if !ok {
		return fmt.Errorf("%T cannot flush", w)
	}
	fmt.Fprint(w, "event: device\ndata: {}\n\n")
	flusher.Flush()
	select {
	case <-s.release:
	case <-s.ctx.Done():
		return s.ctx.Err()
	}
	fmt.Fprint(w, "event: bye\ndata: {}\n\n")
	return nil
}

func (f fakeAPI) StreamDevice(ctx context.Context, _ httpapi.StreamDeviceRequestObject) (httpapi.StreamDeviceResponseObject, error) {
	return eventStream{ctx, f.release}, nil
}

func (f fakeAPI) ListDevices(_ context.Context, r httpapi.ListDevicesRequestObject) (httpapi.ListDevicesResponseObject, error) {
	return httpapi.ListDevices200JSONResponse{Devices: []httpapi.Device{{Name: r.UserRef}}}, nil
}

func (f fakeAPI) DecideChallenge(_ context.Context, r httpapi.DecideChallengeRequestObject) (httpapi.DecideChallengeResponseObject, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	return httpapi.DecideChallenge200JSONResponse{ID: r.ChallengeID, Status: httpapi.ChallengeStatus(body)}, nil
}

func serve(t *testing.T, api fakeAPI) string {
	t.Helper()
	e := echo.New()
	httpapi.RegisterHandlers(e, httpapi.NewStrictHandler(api, nil))
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	return server.URL
}

func request(t *testing.T, method, target, contentType, body string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	resp, err := (&http.Client{}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("status %d", resp.StatusCode)
	}
	return resp
}

func TestAStreamIsFlushedWhileItsOperationRuns(t *testing.T) {
	release := make(chan struct{})
	resp := request(t, http.MethodGet, serve(t, fakeAPI{release: release})+"/device/v1/events", "", "")
	lines := bufio.NewReader(resp.Body)
	if line, err := lines.ReadString('\n'); err != nil || line != "event: device\n" {
		t.Fatalf("got %q, %v", line, err)
	}
	close(release) // only now may the rest come
	rest, err := io.ReadAll(lines)
	if err != nil || !strings.Contains(string(rest), "event: bye") {
		t.Fatalf("got %q, %v", rest, err)
	}
}

func TestAUserRefMayHoldAnyPrintableCharacter(t *testing.T) {
	base := serve(t, fakeAPI{})
	for _, ref := range []string{"u-1842", "a/b", "a%2Fb", "a b+c", "ä@example.com", "../x", "?q#f", ";v=1"} {
		resp := request(t, http.MethodGet, base+"/v1/users/"+url.PathEscape(ref)+"/devices", "", "")
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		var list httpapi.DeviceList
		if err := json.Unmarshal(body, &list); err != nil || len(list.Devices) != 1 || list.Devices[0].Name != ref {
			t.Errorf("%q arrived as %s", ref, body)
		}
	}
}

func TestAJWSBodyArrivesByteForByte(t *testing.T) {
	resp := request(t, http.MethodPost, serve(t, fakeAPI{})+"/device/v1/challenges/chl_Yb0k4mP2rT6vXz8AcEgIkA/decision", "application/jose", "a.b.c")
	body, err := io.ReadAll(resp.Body)
	if err != nil || !strings.Contains(string(body), `"status":"a.b.c"`) {
		t.Fatalf("got %s, %v", body, err)
	}
}

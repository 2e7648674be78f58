package httpapi_test

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nod-auth/nod/backend/internal/httpapi/spec"
	"github.com/nod-auth/nod/shared/protocol"
)

var requestIDs = regexp.MustCompile(`"request_id":"[^"]*"`)

// sameAnswer compares what a caller can see of two answers.
func sameAnswer(a, b answer) bool {
	return a.Status == b.Status && requestIDs.ReplaceAllString(a.Body, "") == requestIDs.ReplaceAllString(b.Body, "")
}

// objects are the identifiers that paths and bodies name.
type objects struct{ enrollment, challenge, device, user, tenant string }

func (o objects) path(template string) string {
	return strings.NewReplacer("{enrollment_id}", o.enrollment, "{challenge_id}", o.challenge, "{device_id}", o.device, "{user_ref}", o.user, "{tenant_id}", o.tenant).Replace(template)
}

func (o objects) body(id string) string {
	return map[string]string{
		"createEnrollment":  `{"user_ref":"` + o.user + `"}`,
		"confirmEnrollment": `{"code":"000000"}`,
		"createChallenge":   `{"user_ref":"` + o.user + `","transaction":"t9","action":{"kind":"sign_in"}}`,
	}[id]
}

// For each operation of the contract: one tenant's credential on another tenant's object gives, byte for byte, what it
// gives on an object that does not exist, and nothing of the other tenant. New operations are in the list by themselves.
func TestT09_AnotherTenantsObjectsDoNotExist(t *testing.T) {
	w := newWorld(t)
	phone := w.enroll("ada")
	c := w.challenge("ada", "login-9")
	enrollment, _ := w.invite("ada")
	w.seal()
	theirs := objects{enrollment, c.ID, string(phone.ID), "ada", string(w.tenant.ID)}
	nowhere := objects{string(protocol.NewID[protocol.EnrollmentID]()), string(protocol.NewID[protocol.ChallengeID]()),
		string(protocol.NewID[protocol.DeviceID]()), "bob", string(protocol.NewID[protocol.TenantID]())}
	otherTenant, _, otherKey := w.newTenant("Other")

	// The intruder is a whole tenant of its own: key, browser token and device.
	mine := w.key
	w.key, w.tenant = otherKey, otherTenant
	intruder := w.enroll("eve")
	eve := w.challenge("eve", "login-e")
	w.key = mine

	n := 0
	forEachOperation(t, func(method, path string, op *openapi3.Operation) {
		if op.Tags[0] == "keys" || op.Tags[0] == "operations" {
			return // public to everybody
		}
		n++
		t.Run(op.OperationID, func(t *testing.T) {
			w.t = t
			send := func(o objects) answer {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				target := o.path(path)
				header := map[string]string{"Content-Type": "application/json", "Authorization": "Bearer " + otherKey}
				body := o.body(op.OperationID)
				switch op.Tags[0] {
				case "browser":
					header["Authorization"] = "Bearer " + eve.Browser
				case "device":
					if op.OperationID == "streamDevice" || op.OperationID == "listDeviceChallenges" {
						return answer{} // they name no object: TestT09_ADeviceSeesItsOwnChallengesOnly
					}
					header = map[string]string{"Content-Type": "application/jose"}
					_, body = intruder.decisionOn(protocol.ChallengeID(o.challenge), protocol.Hash("any"))
				}
				return w.callWith(ctx, method, target, body, header)
			}
			got, want := send(theirs), send(nowhere)
			if !sameAnswer(got, want) && op.OperationID != "createEnrollment" { // which makes a user of its own in either case
				t.Errorf("on another tenant's object: %d %s\non no object: %d %s", got.Status, got.Body, want.Status, want.Body)
			}
			for _, secret := range []string{theirs.enrollment, theirs.challenge, theirs.device, c.Browser, string(w.app.ID)} {
				if strings.Contains(got.Body, secret) {
					t.Errorf("the answer tells %s of another tenant: %s", secret, got.Body)
				}
			}
		})
	})
	if n < 15 {
		t.Fatalf("only %d operations were tried", n)
	}
	w.t = t
	if a := w.appCall("GET", "/v1/challenges/"+c.ID, ""); a.json(t)["status"] != "pending" {
		t.Errorf("another tenant changed the challenge: %s", a.Body)
	}
	if a := w.appCall("GET", "/v1/users/ada/devices", ""); !strings.Contains(a.Body, string(phone.ID)) {
		t.Errorf("another tenant removed the device: %s", a.Body)
	}
}

func forEachOperation(t *testing.T, f func(method, path string, op *openapi3.Operation)) {
	t.Helper()
	doc, err := spec.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range doc.Paths.InMatchingOrder() {
		for method, op := range doc.Paths.Value(path).Operations() {
			f(method, path, op)
		}
	}
}

// decisionOn signs a denial of a challenge that the phone never received.
func (p *phone) decisionOn(id protocol.ChallengeID, hash string) (protocol.ChallengeID, string) {
	p.counter++
	d := &protocol.Decision{Issuer: p.ID, Audience: publicURL, Tenant: p.tenant.ID, ID: protocol.RandomText(16), IssuedAt: protocol.At(p.w.now()), Challenge: id,
		ChallengeHash: hash, Answer: protocol.Deny, Reason: "wrong_request", Counter: p.counter}
	return id, must[string](p.w.t)(protocol.Sign(p.Device, d))
}

func TestT09_ADeviceSeesItsOwnChallengesOnly(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.enroll("ada"), w.enroll("bob")
	w.challenge("ada", "login-1")
	if n := len(ada.pending()); n != 1 {
		t.Errorf("ada's phone has %d challenges, want 1", n)
	}
	if n := len(bob.pending()); n != 0 {
		t.Errorf("bob's phone has %d challenges, want 0", n)
	}
}

// Another application of the same tenant can neither read nor cancel the challenge.
func TestT09_AnotherApplicationsChallengesDoNotExist(t *testing.T) {
	w := newWorld(t)
	w.enroll("ada")
	c := w.challenge("ada", "login-1")
	other, err := w.tenants.CreateApplication(t.Context(), w.tenant.ID, "Payroll", nil)
	if err != nil {
		t.Fatal(err)
	}
	header := map[string]string{"Authorization": "Bearer " + w.newKey(other, "challenges", "enrollments")}
	enrollment, _ := w.invite("ada")
	for _, path := range []string{"/v1/challenges/" + c.ID, "/v1/challenges/" + c.ID + "/events", "/v1/enrollments/" + enrollment} {
		if a := w.call(http.MethodGet, path, "", header); a.code() != "not_found" {
			t.Errorf("GET %s: %d %s", path, a.Status, a.Body)
		}
	}
	if a := w.call(http.MethodPost, "/v1/challenges/"+c.ID+"/cancel", "", header); a.code() != "not_found" {
		t.Errorf("cancel: %d %s", a.Status, a.Body)
	}
}

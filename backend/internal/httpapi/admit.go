package httpapi

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/nod-auth/nod/backend/internal/device"
	"github.com/nod-auth/nod/backend/internal/fault"
	"github.com/nod-auth/nod/backend/internal/tenant"
	"github.com/nod-auth/nod/shared/problem"
	"github.com/nod-auth/nod/shared/protocol"
)

// admit lets a request through to its handler: credential, size, shape, in this order. It returns the request to go on
// with, and the checked body when the operation has one.
func (a *API) admit(op *operation, r *http.Request, w http.ResponseWriter, path map[string]string) (*http.Request, io.ReadCloser, error) {
	info := from(r.Context())
	info.operation = op.id
	if op.door == doorProof || op.door == doorSigned {
		w.Header().Set("DPoP-Nonce", a.Nonces.Next())
	}
	if err := a.authenticate(op, r, w, info, path); err != nil {
		return nil, nil, err
	}
	if err := op.accepts(r); err != nil {
		return nil, nil, err
	}
	if op.stream && r.ContentLength != 0 {
		return nil, nil, problem.New(problem.MalformedRequest).WithDetail("A stream takes no body.")
	}
	body, err := op.readBody(r, w, a.Limits.Body)
	if err != nil {
		return nil, nil, err
	}
	if err := op.checkParams(r, path); err != nil {
		return nil, nil, err
	}
	if op.media == "" {
		return r, nil, nil
	}
	var value any
	if op.body != nil {
		if value, err = op.checkBody(body); err != nil {
			return nil, nil, err
		}
	}
	return r, checked{bytes.NewReader(body), value}, nil
}

// authenticate checks the credential of the operation's door.
func (a *API) authenticate(op *operation, r *http.Request, w http.ResponseWriter, info *request, path map[string]string) error {
	switch op.door {
	case doorApplication:
		return a.authenticateApplication(op, r, info)
	case doorProof:
		return a.authenticateDevice(r, info)
	case doorBrowser:
		return a.authenticateBrowser(r, w, info, path)
	case doorOpen, doorSigned:
	}
	return nil
}

func (a *API) authenticateApplication(op *operation, r *http.Request, info *request) error {
	secret, ok := bearer(r)
	if !ok {
		return problem.New(problem.Unauthorized)
	}
	caller, err := a.Tenants.Authenticate(r.Context(), secret)
	if err != nil {
		return err
	}
	info.caller, info.actor = caller, caller.Key.ID
	if !caller.Key.Has(tenant.Scope(op.scope)) {
		return problem.New(problem.ForbiddenScope).WithDetail("This API key lacks the scope `" + op.scope + "`.")
	}
	return nil
}

func bearer(r *http.Request) (string, bool) {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return "", false
	}
	scheme, secret, ok := strings.Cut(values[0], " ")
	return secret, ok && strings.EqualFold(scheme, "Bearer") && secret != ""
}

func (a *API) authenticateDevice(r *http.Request, info *request) error {
	proofs := r.Header.Values("DPoP")
	if len(proofs) == 0 {
		return problem.New(problem.UseDPoPNonce)
	}
	if len(proofs) != 1 || len(proofs[0]) > protocol.MaxSize(protocol.TypeProof) {
		return problem.New(problem.DeviceUnauthorized)
	}
	d, err := a.Devices.Authenticate(r.Context(), proofs[0], r.Method, a.PublicURL+r.URL.Path)
	if err != nil {
		return err
	}
	info.device, info.actor = d, string(d.ID)
	return nil
}

// seen notes that the device was here. A failure is no reason to refuse a read.
func (a *API) seen(ctx context.Context, d device.Device) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := a.Devices.Seen(ctx, d); err != nil && fault.CodeOf(err) != fault.DatabaseBusy {
		a.Log.WarnContext(ctx, "last seen was not stored", "request_id", from(ctx).id, "error", err.Error())
	}
}

package httpapi

import (
	"context"
	"errors"
	"net/http"

	"github.com/nod-auth/nod/backend/internal/bus"
	"github.com/nod-auth/nod/backend/internal/device"
	"github.com/nod-auth/nod/backend/internal/fault"
)

// ListDeviceChallenges implements StrictServerInterface.
func (a *API) ListDeviceChallenges(ctx context.Context, _ ListDeviceChallengesRequestObject) (ListDeviceChallengesResponseObject, error) {
	d := from(ctx).device
	jws, err := a.Challenges.Pending(ctx, d)
	if err != nil {
		return nil, err
	}
	ring, err := a.Tenants.Ring(ctx, d.Tenant)
	if err != nil {
		return nil, err
	}
	a.seen(ctx, d)
	out := ListDeviceChallenges200JSONResponse{KeysSeq: int64(ring.Tenant.KeysSeq), Challenges: append([]JWS{}, jws...)}
	out.Device.Status = DeviceStatus(d.Status)
	return out, nil
}

// StreamDevice implements StrictServerInterface.
func (a *API) StreamDevice(ctx context.Context, _ StreamDeviceRequestObject) (StreamDeviceResponseObject, error) {
	if a.stopping() {
		return nil, shuttingDown()
	}
	info := from(ctx)
	d := info.device
	ring, err := a.Tenants.Ring(ctx, d.Tenant)
	if err != nil {
		return nil, err
	}
	a.seen(ctx, d)
	replaced, err := a.streams.take(d.ID, a.Limits)
	if err != nil {
		return nil, err
	}
	kept := &request{id: info.id, operation: info.operation, actor: info.actor} // and nothing else of the request
	return &inbox{a: a, ctx: context.WithValue(context.Background(), requestKey{}, kept), left: ctx.Done(),
		device: device.Device{Tenant: d.Tenant, ID: d.ID, Status: d.Status}, keysSeq: ring.Tenant.KeysSeq, replaced: replaced}, nil
}

// inbox is the open stream of one device. The device is read again before each event, so that a revoked one gets nothing
// more, and at each ping, so that a change made by another process is seen too. It holds little: ten thousand of them wait.
type inbox struct {
	a        *API
	ctx      context.Context // of the stream; the request's own ends with its handler
	left     <-chan struct{} // closed when the caller has left; nil when only a write can tell
	device   device.Device   // tenant, id and status only
	keysSeq  uint64
	replaced chan struct{}
	sub      *bus.Subscription
	events   *events
}

type (
	deviceEvent struct {
		Status device.Status `json:"status"`
	}
	challengeEvent struct {
		Challenge string `json:"challenge"`
	}
	closedEvent struct {
		ID     string `json:"id"`
		Status string `json:"status"`
	}
	keysEvent struct {
		Seq uint64 `json:"seq"`
	}
)

// VisitStreamDeviceResponse implements StreamDeviceResponseObject. It returns at once where the connection can be taken
// over, and at the stream's end elsewhere.
func (i *inbox) VisitStreamDeviceResponse(w http.ResponseWriter) error {
	i.a.Metrics.streams.WithLabelValues("device").Inc()
	// Subscribe before the first read, so that nothing falls between.
	i.sub = i.a.Bus.Subscribe(bus.Device(string(i.device.ID)))
	if e, conn, ok := i.a.detach(w); ok {
		i.events, i.left = e, nil
		err := i.everything()
		go func() {
			i.serve(err)
			_ = conn.Close()
		}()
		return nil
	}
	e, err := i.a.openStream(w)
	if err == nil {
		i.events = e
		err = i.everything()
	}
	i.serve(err)
	return nil
}

// serve runs the stream after its opening, which may have failed, and ends it.
func (i *inbox) serve(err error) {
	if err == nil {
		err = i.loop()
	}
	if fault.CodeOf(err) == fault.DeviceUnauthorized {
		err = i.over(byeRevoked)
	}
	if !errors.Is(err, errStreamOver) {
		_ = i.a.streamFailed(i.ctx, err)
	}
	i.sub.Close()
	i.a.streams.release(i.device.ID, i.replaced)
	i.a.Metrics.streams.WithLabelValues("device").Dec()
}

func (i *inbox) loop() error {
	c := i.a.newClock()
	defer c.stop()
	for {
		var err error
		select {
		case event, open := <-i.sub.C:
			if !open {
				return i.over(byeStopping)
			}
			err = aside(func() error { return i.event(event) })
		case <-c.ping.C:
			err = aside(i.ping)
		case <-c.end.C:
			return i.over(byeEnd)
		case <-i.replaced:
			return i.over(byeReplaced)
		case <-i.left:
			return errStreamOver
		case <-i.a.closing:
			return i.over(byeStopping)
		}
		if err != nil {
			return err
		}
	}
}

// aside runs f on a goroutine of its own. A waiting stream then keeps the smallest stack there is; one that had called
// into the database would keep the stack that this needed.
func aside(f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	return <-done
}

func (i *inbox) over(reason string) error {
	if err := i.events.sendJSON("bye", bye{reason}); err != nil {
		return err
	}
	return errStreamOver
}

// refresh reads the device again and tells whether its status is another.
func (i *inbox) refresh() (d device.Device, changed bool, err error) {
	d, err = i.a.Devices.Standing(i.ctx, i.device)
	if err != nil {
		return d, false, err
	}
	changed = d.Status != i.device.Status
	i.device.Status = d.Status
	return d, changed, nil
}

// everything sends the device's state and each pending challenge: on opening, when the device became active, and when
// the stream was too slow for an event.
func (i *inbox) everything() error {
	d, _, err := i.refresh()
	if err != nil {
		return err
	}
	if err := i.events.sendJSON("device", deviceEvent{d.Status}); err != nil {
		return err
	}
	jws, err := i.a.Challenges.Pending(i.ctx, d)
	if err != nil {
		return err
	}
	for _, c := range jws {
		if err := i.events.sendJSON("challenge", challengeEvent{c}); err != nil {
			return err
		}
	}
	return nil
}

func (i *inbox) event(event bus.Event) error {
	if i.sub.Lagged() {
		return i.everything()
	}
	d, changed, err := i.refresh()
	switch {
	case err != nil:
		return err
	case changed:
		return i.everything()
	case event.Kind == "challenge" && d.Status == device.StatusActive:
		return i.events.sendJSON("challenge", challengeEvent{event.Data})
	case event.Kind == "closed":
		return i.events.sendJSON("closed", closedEvent{event.ID, event.Status})
	case event.Kind == "keys":
		return i.keys()
	}
	return nil
}

// ping keeps the connection open and looks for what no event told.
func (i *inbox) ping() error {
	_, changed, err := i.refresh()
	if err != nil {
		return err
	}
	if changed {
		return i.everything()
	}
	if err := i.keys(); err != nil {
		return err
	}
	return i.events.ping()
}

func (i *inbox) keys() error {
	ring, err := i.a.Tenants.Ring(i.ctx, i.device.Tenant)
	if err != nil {
		return err
	}
	if ring.Tenant.KeysSeq == i.keysSeq {
		return nil
	}
	i.keysSeq = ring.Tenant.KeysSeq
	return i.events.sendJSON("keys", keysEvent{i.keysSeq})
}

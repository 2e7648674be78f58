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
	d := from(ctx).device
	ring, err := a.Tenants.Ring(ctx, d.Tenant)
	if err != nil {
		return nil, err
	}
	release, err := a.streams.take(string(d.ID), a.Limits)
	if err != nil {
		return nil, err
	}
	return &inbox{a: a, ctx: ctx, device: d, keysSeq: ring.Tenant.KeysSeq, release: release}, nil
}

// inbox is the open stream of one device. The device is read again before each event, so that a revoked one gets nothing
// more, and at each ping, so that a change made by another process is seen too.
type inbox struct {
	a       *API
	ctx     context.Context
	device  device.Device
	keysSeq uint64
	release func()
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

// VisitStreamDeviceResponse implements StreamDeviceResponseObject.
func (i *inbox) VisitStreamDeviceResponse(w http.ResponseWriter) error {
	defer i.release()
	gauge := i.a.Metrics.streams.WithLabelValues("device")
	gauge.Inc()
	defer gauge.Dec()
	// Subscribe before the first read, so that nothing falls between.
	sub := i.a.Bus.Subscribe(bus.Device(string(i.device.ID)))
	defer sub.Close()
	e, err := i.a.openStream(w)
	if err != nil {
		return err
	}
	i.a.seen(i.ctx, i.device)
	err = i.everything(e)
	if err == nil {
		err = i.loop(e, sub)
	}
	switch {
	case fault.CodeOf(err) == fault.DeviceUnauthorized:
		return i.a.streamFailed(i.ctx, e.sendJSON("bye", bye{byeRevoked}))
	case errors.Is(err, errStreamOver), err == nil:
		return nil
	}
	return i.a.streamFailed(i.ctx, err)
}

// everything sends the device's state and each pending challenge: on opening, when the device became active, and when
// the stream was too slow for an event.
func (i *inbox) everything(e *events) error {
	d, err := i.a.Devices.Current(i.ctx, i.device)
	if err != nil {
		return err
	}
	i.device = d
	if err := e.sendJSON("device", deviceEvent{d.Status}); err != nil {
		return err
	}
	jws, err := i.a.Challenges.Pending(i.ctx, d)
	if err != nil {
		return err
	}
	for _, c := range jws {
		if err := e.sendJSON("challenge", challengeEvent{c}); err != nil {
			return err
		}
	}
	return nil
}

func (i *inbox) loop(e *events, sub *bus.Subscription) error {
	c := i.a.newClock()
	defer c.stop()
	for {
		var err error
		select {
		case event, open := <-sub.C:
			if !open {
				return i.over(e, byeStopping)
			}
			err = i.event(e, sub, event)
		case <-c.ping.C:
			err = i.ping(e)
		case <-c.end.C:
			return i.over(e, byeEnd)
		case <-i.ctx.Done():
			return errStreamOver
		case <-i.a.closing:
			return i.over(e, byeStopping)
		}
		if err != nil {
			return err
		}
	}
}

func (i *inbox) over(e *events, reason string) error {
	if err := e.sendJSON("bye", bye{reason}); err != nil {
		return err
	}
	return errStreamOver
}

func (i *inbox) event(e *events, sub *bus.Subscription, event bus.Event) error {
	if sub.Lagged() {
		return i.everything(e)
	}
	was := i.device.Status
	d, err := i.a.Devices.Current(i.ctx, i.device)
	if err != nil {
		return err
	}
	i.device = d
	switch event.Kind {
	case "challenge":
		if d.Status != device.StatusActive {
			return nil
		}
		return e.sendJSON("challenge", challengeEvent{event.Data})
	case "closed":
		return e.sendJSON("closed", closedEvent{event.ID, event.Status})
	case "device":
		if was != d.Status {
			return i.everything(e)
		}
	case "keys":
		return i.keys(e)
	}
	return nil
}

// ping keeps the connection open and looks for what no event told.
func (i *inbox) ping(e *events) error {
	was := i.device.Status
	d, err := i.a.Devices.Current(i.ctx, i.device)
	if err != nil {
		return err
	}
	i.device = d
	if was != d.Status {
		return i.everything(e)
	}
	if err := i.keys(e); err != nil {
		return err
	}
	return e.ping()
}

func (i *inbox) keys(e *events) error {
	ring, err := i.a.Tenants.Ring(i.ctx, i.device.Tenant)
	if err != nil {
		return err
	}
	if ring.Tenant.KeysSeq == i.keysSeq {
		return nil
	}
	i.keysSeq = ring.Tenant.KeysSeq
	return e.sendJSON("keys", keysEvent{i.keysSeq})
}

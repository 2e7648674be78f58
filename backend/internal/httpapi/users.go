package httpapi

import (
	"context"
	"errors"
	"fmt"

	"github.com/nod-auth/nod/backend/internal/device"
	"github.com/nod-auth/nod/backend/internal/fault"
	"github.com/nod-auth/nod/backend/internal/txn"
	"github.com/nod-auth/nod/backend/internal/user"
	"github.com/nod-auth/nod/shared/protocol"
)

// Directory finds a user by the application's own name.
type Directory interface {
	UserByRef(protocol.TenantID, string) (user.User, error)
}

// ListDevices implements StrictServerInterface. A user nobody has enrolled has an empty list: the same answer as for a
// user without devices, so that the list tells nobody who exists (T18).
func (a *API) ListDevices(ctx context.Context, r ListDevicesRequestObject) (ListDevicesResponseObject, error) {
	tenant := from(ctx).caller.Key.Tenant
	out := ListDevices200JSONResponse{Devices: []Device{}}
	u, err := a.user(ctx, tenant, r.UserRef)
	if errors.Is(err, txn.ErrNotFound) {
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	devices, err := a.Devices.List(ctx, tenant, u.ID)
	if err != nil {
		return nil, fmt.Errorf("list the devices: %w", err)
	}
	for _, d := range devices {
		out.Devices = append(out.Devices, publicDevice(d))
	}
	return out, nil
}

// RemoveDevice implements StrictServerInterface.
func (a *API) RemoveDevice(ctx context.Context, r RemoveDeviceRequestObject) (RemoveDeviceResponseObject, error) {
	caller := from(ctx).caller
	u, err := a.user(ctx, caller.Key.Tenant, r.UserRef)
	if errors.Is(err, txn.ErrNotFound) {
		return nil, fault.New(fault.NotFound, "")
	}
	if err != nil {
		return nil, err
	}
	if err := a.Devices.Revoke(ctx, caller.Key.Tenant, u.ID, r.DeviceID, caller.Key.ID); err != nil {
		return nil, err
	}
	return RemoveDevice204Response{}, nil
}

func (a *API) user(ctx context.Context, tenant protocol.TenantID, ref string) (user.User, error) {
	var u user.User
	err := a.Users.View(ctx, func(tx Directory) (err error) {
		u, err = tx.UserByRef(tenant, ref)
		return err
	})
	if err != nil {
		return u, fmt.Errorf("look up the user: %w", err)
	}
	return u, nil
}

func publicDevice(d device.Device) Device {
	return Device{ID: d.ID, Name: d.Info.Name, Model: d.Info.Model, Platform: d.Info.Platform, AppVersion: d.Info.AppVersion,
		Status: DeviceStatus(d.Status), Levels: DeviceLevels{Device: publicLevel(d.Key), Approval: publicLevel(d.Approval)},
		CreatedAt: d.CreatedAt.UTC(), LastSeenAt: d.SeenAt.UTC()}
}

func publicLevel(c device.Credential) ProvenLevel {
	level, proven := c.Level()
	return ProvenLevel{Level: level, Proven: proven}
}

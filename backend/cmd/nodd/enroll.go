package main

import (
	"context"
	"fmt"
	"time"

	qrcode "github.com/skip2/go-qrcode"

	"github.com/nod-auth/nod/backend/internal/enrollment"
	"github.com/nod-auth/nod/backend/internal/tenant"
	"github.com/nod-auth/nod/shared/protocol"
)

type enrollmentCmd struct {
	Create  enrollmentCreate  `cmd:"" help:"Invite a user to enroll a device; prints the link and a QR code."`
	Confirm enrollmentConfirm `cmd:"" help:"Confirm the new device with the six digits that it shows."`
}

// needIssuer refuses commands whose outcome carries the server's address while that is not fixed.
func (d *domain) needIssuer() error {
	if d.config.PublicURL == "" && d.config.Listen[len(d.config.Listen)-2:] == ":0" {
		return failure("set public_url as for the server", "the server's address is not known here")
	}
	return nil
}

// operatorCaller stands for the operator where the domain asks who calls.
func operatorCaller(a tenant.Application) tenant.Caller {
	return tenant.Caller{Key: tenant.APIKey{ID: "operator", Tenant: a.Tenant, Application: a.ID, Scopes: tenant.Scopes()}, Application: a}
}

type enrollmentCreate struct {
	inTenant
	User        string `arg:"" name:"user-ref" help:"The user, as the application names it."`
	Label       string `help:"The account's name in the app. Default: the user_ref." placeholder:"TEXT"`
	Application string `help:"Application id or name. Default: the only one." placeholder:"APP"`
	Minutes     int    `help:"How long the invitation works, 1 to 10." default:"5"`
	NoQR        bool   `name:"no-qr" help:"Print no QR code."`
}

// Run makes an invitation.
func (c enrollmentCreate) Run(ctx context.Context, p *program, s *settings) error {
	return s.with(ctx, p, func(d *domain) error {
		if err := d.needIssuer(); err != nil {
			return err
		}
		t, err := d.tenant(ctx, c.Tenant)
		if err != nil {
			return err
		}
		a, err := d.application(ctx, t, c.Application)
		if err != nil {
			return err
		}
		in, err := d.enrollments.Invite(ctx, enrollment.Invite{Caller: operatorCaller(a), UserRef: c.User, UserLabel: c.Label, Lifetime: time.Duration(c.Minutes) * time.Minute})
		if err != nil {
			return err
		}
		uri := in.Invitation.URI(protocol.Scheme)
		if !c.NoQR {
			q, err := qrcode.New(uri, qrcode.Medium)
			if err != nil {
				return fmt.Errorf("draw the QR code: %w", err)
			}
			p.printf("%s\n", q.ToSmallString(false))
		}
		p.printf("%s\n%s\n", uri, in.Enrollment.ID)
		_, _ = fmt.Fprintf(p.Err, "nodd: valid until %s, for one device. When the device shows six digits: nodd enrollment confirm %s DIGITS\n", stamp(in.Enrollment.ExpiresAt), in.Enrollment.ID)
		return nil
	})
}

type enrollmentConfirm struct {
	inTenant
	Enrollment  string `arg:"" help:"Enrollment id (enr_...)."`
	Code        string `arg:"" help:"The six digits. There is one try."`
	Application string `help:"Application of the invitation. Default: the only one." placeholder:"APP"`
}

// Run confirms a device.
func (c enrollmentConfirm) Run(ctx context.Context, p *program, s *settings) error {
	id, err := parseID[protocol.EnrollmentID]("enrollment", c.Enrollment)
	if err != nil {
		return err
	}
	return s.with(ctx, p, func(d *domain) error {
		t, err := d.tenant(ctx, c.Tenant)
		if err != nil {
			return err
		}
		a, err := d.application(ctx, t, c.Application)
		if err != nil {
			return err
		}
		done, err := d.enrollments.Confirm(ctx, operatorCaller(a), id, c.Code)
		if err != nil {
			return err
		}
		p.printf("enrollment %s is %s\n", id, done.Enrollment.Status)
		if done.Approval != nil {
			p.printf("one of the user's devices must agree; the number to type there is %s\n", done.Approval.Number)
		}
		return nil
	})
}

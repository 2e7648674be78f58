package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/nod-auth/nod/backend/internal/approval"
	"github.com/nod-auth/nod/backend/internal/bus"
	"github.com/nod-auth/nod/backend/internal/challenge"
	"github.com/nod-auth/nod/backend/internal/config"
	"github.com/nod-auth/nod/backend/internal/device"
	"github.com/nod-auth/nod/backend/internal/enrollment"
	"github.com/nod-auth/nod/backend/internal/fault"
	"github.com/nod-auth/nod/backend/internal/seal"
	"github.com/nod-auth/nod/backend/internal/sqlstore"
	"github.com/nod-auth/nod/backend/internal/tenant"
)

// domain is the server without its HTTP edge: what every command but the offline ones works with.
type domain struct {
	config      *config.Config
	log         *slog.Logger
	db          *sqlstore.DB
	sealer      *seal.Sealer
	bus         *bus.Bus
	nonces      *device.Nonces
	tenants     *tenant.Service
	devices     *device.Service
	enrollments *enrollment.Service
	challenges  *challenge.Service
}

// openMode says what opening may change.
type openMode struct{ create, migrate bool }

// open loads the settings, the key and the database for a command. The caller closes the database.
func (s *settings) open(ctx context.Context, p *program) (*domain, error) {
	c, err := s.load(p)
	if err != nil {
		return nil, err
	}
	return p.openDomain(ctx, c, openMode{})
}

func (p *program) openDomain(ctx context.Context, c *config.Config, mode openMode) (*domain, error) {
	fresh := mode.create && !exists(c.Data)
	if !fresh && !exists(c.Data) {
		return nil, explainStore(fmt.Errorf("%w: %s", sqlstore.ErrMissing, c.Data), c)
	}
	if fresh {
		if err := checkDirectory(c.Data); err != nil {
			return nil, err
		}
	}
	key, err := p.loadKey(c, fresh)
	if err != nil {
		return nil, err
	}
	db, err := sqlstore.Open(ctx, sqlstore.Options{Path: c.Data, Create: fresh, Migrate: mode.migrate})
	if err != nil {
		return nil, explainStore(err, c)
	}
	d, err := newDomain(c, c.Log.Logger(p.Err), db, key)
	if err == nil {
		d.tenants.KeepIssuer = !mode.create
		err = d.checkKey(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return d, nil
}

func newDomain(c *config.Config, log *slog.Logger, db *sqlstore.DB, key []byte) (*domain, error) {
	sealer, err := seal.New(key)
	if err != nil {
		return nil, err
	}
	d := &domain{config: c, log: log, db: db, sealer: sealer, bus: bus.New(), nonces: device.NewNonces(sealer.Derive("device-nonce"), wallClock)}
	issuer := issuer(c)
	if d.tenants, err = tenant.New(tenant.Params{Store: sqlstore.For[tenant.Tx](db), Sealer: sealer, Issuer: issuer, Now: wallClock}); err != nil {
		return nil, err
	}
	if d.devices, err = device.New(device.Params{Store: sqlstore.For[device.Tx](db), Bus: d.bus, Nonces: d.nonces, Issuer: issuer, Now: wallClock}); err != nil {
		return nil, err
	}
	d.challenges, err = challenge.New(challenge.Params{Store: sqlstore.For[challenge.Tx](db), Tenants: d.tenants, Devices: d.devices, Sealer: sealer,
		Bus: d.bus, Issuer: issuer, Now: wallClock})
	if err != nil {
		return nil, err
	}
	vapid, err := d.vapid()
	if err != nil {
		return nil, err
	}
	d.enrollments, err = enrollment.New(enrollment.Params{Store: sqlstore.For[enrollment.Tx](db), Tenants: d.tenants, Sealer: sealer, Bus: d.bus,
		Issuer: issuer, Now: wallClock, Approver: approval.Asker{Challenges: d.challenges}, VAPID: vapid})
	if err != nil {
		return nil, err
	}
	d.challenges.Observers = append(d.challenges.Observers, approval.Observer(d.enrollments, func(err error) {
		log.Warn("enrollment not settled yet; the sweep does it", "error", err)
	}))
	return d, nil
}

// issuer is the public URL; without one it is the listen address, which config has checked to be loopback.
func issuer(c *config.Config) string {
	if c.PublicURL != "" {
		return c.PublicURL
	}
	host, port, _ := net.SplitHostPort(c.Listen)
	if port == "0" { // only the serving process knows the port; what needs it is done there
		port = "80"
	}
	if port == "80" {
		return "http://" + bracket(host)
	}
	return "http://" + net.JoinHostPort(host, port)
}

func bracket(host string) string {
	if ip := net.ParseIP(host); ip != nil && ip.To4() == nil {
		return "[" + host + "]"
	}
	return host
}

// checkKey opens a sealed key of each tenant: a wrong key file is told at the start, not at the first sign-in (T41).
func (d *domain) checkKey(ctx context.Context) error {
	list, err := d.allTenants(ctx)
	if err != nil {
		return explainStore(err, d.config)
	}
	for _, t := range list {
		if t.Disabled {
			continue
		}
		if _, err := d.tenants.Ring(ctx, t.ID); errors.Is(err, seal.ErrOpen) {
			return failure("use the key file that was made with this database; another key opens none of its secrets",
				"the key in %s is not the key of the database %s", keySource(d.config), d.config.Data)
		} else if err != nil {
			return explainStore(err, d.config)
		}
	}
	return nil
}

func keySource(c *config.Config) string {
	if c.Key != "" {
		return "NOD_KEY"
	}
	return c.KeyPath()
}

func checkDirectory(path string) error {
	dir := filepath.Dir(path)
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return failure("make it (mkdir -p "+dir+") and give it to the server's user, or name another place with --data", "the directory %s for the database does not exist", dir)
	case err != nil:
		return failure("let the server's user into it", "the directory %s cannot be used: %w", dir, pathless(err))
	case !info.IsDir():
		return failure("name a file in a directory with --data", "%s is no directory", dir)
	}
	return nil
}

// explainStore adds to an error of the database what to do about it.
func explainStore(err error, c *config.Config) error {
	remedy := ""
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sqlstore.ErrMissing):
		remedy = "start the server once (nodd serve), which makes it, or name the right file with --data"
	case errors.Is(err, sqlstore.ErrNewer):
		remedy = "use the newer program; a database never goes back to an older one. To go back, restore the backup you took before the update"
	case errors.Is(err, sqlstore.ErrForeign):
		remedy = "name the database of this server, or a file that does not exist yet, with --data; nothing was changed"
	case errors.Is(err, sqlstore.ErrOlder):
		remedy = "take a backup, then run `nodd migrate`, or start the server, which migrates by itself"
	case fault.CodeOf(err) == fault.StorageFull, errors.Is(err, syscall.ENOSPC):
		return failure("make room there; nothing that was acknowledged is lost", "the disk of the database %s is full; nothing was changed", c.Data)
	case fault.CodeOf(err) == fault.DatabaseBusy:
		return failure("end the program that holds it, such as a backup tool or a forgotten sqlite3 shell, or try again", "the database %s is locked; nothing was changed", c.Data)
	default:
		remedy = remedyByText(err)
	}
	if remedy == "" {
		return err
	}
	return withRemedy(fmt.Errorf("database %s: %w", c.Data, err), remedy)
}

// wallClock is the domain's clock: milliseconds, as they are stored, so that an answer and a later read agree.
func wallClock() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

package main

import (
	"context"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/nod-auth/nod/backend/internal/audit"
	"github.com/nod-auth/nod/backend/internal/sqlstore"
	"github.com/nod-auth/nod/backend/internal/tenant"
	"github.com/nod-auth/nod/shared/protocol"
)

// checkpointEvery is how long rows may stand at the end of a chain without a signature over them.
const checkpointEvery = 10 * time.Minute

// signHead signs the end of a chain for the sealer.
func (d *domain) signHead(ctx context.Context, h audit.Head, at time.Time) (string, error) {
	return d.tenants.SignCheckpoint(ctx, &protocol.Checkpoint{Tenant: h.Tenant, IssuedAt: protocol.At(at), Sequence: h.Seq, Hash: h.Hash})
}

// opener checks checkpoints under the tenant's keys that this installation's key file opens.
func (d *domain) opener(ctx context.Context, id protocol.TenantID) (func(string) (audit.Head, error), error) {
	keys, err := d.tenants.OwnKeys(ctx, id)
	return func(jws string) (audit.Head, error) {
		c, err := protocol.VerifyCheckpoint(jws, keys)
		if err != nil {
			return audit.Head{}, err
		}
		return audit.Head{Tenant: c.Tenant, Seq: c.Sequence, Hash: c.Hash}, nil
	}, err
}

// chosen returns the named tenant, or all; with one it must be a single one.
func (d *domain) chosen(ctx context.Context, name string, one bool) ([]tenant.Tenant, error) {
	if name == "" && !one {
		return d.allTenants(ctx)
	}
	t, err := d.tenant(ctx, name)
	return []tenant.Tenant{t}, err
}

type auditVerify struct {
	inTenant
	Head []string `help:"A head that you kept, SEQ:HASH, as this command prints it: the chain must still hold it. May be repeated." placeholder:"SEQ:HASH"`
	Kept []string `help:"A file with checkpoints that you kept, as audit checkpoint prints them: their signatures are checked and the chain must still hold them. May be repeated." placeholder:"FILE"`
}

// Run checks the chain of one tenant, or of all.
func (c auditVerify) Run(ctx context.Context, p *program, s *settings) error {
	return s.with(ctx, p, func(d *domain) error {
		list, err := d.chosen(ctx, c.Tenant, len(c.Head) > 0)
		if err != nil {
			return err
		}
		kept, err := readKept(c.Kept)
		if err != nil {
			return err
		}
		bad, used := 0, 0
		for _, t := range list {
			r, n, err := c.check(ctx, d, t.ID, kept)
			if err != nil {
				return err
			}
			if printReport(p, r); r.Problem != "" {
				bad++
			}
			used += n
		}
		if bad > 0 {
			return failure("keep a copy of the database as it is, compare with a backup and with the events you exported; docs/operations.md, Audit", "the audit chain is broken in %d of %d tenants", bad, len(list))
		}
		if used < len(kept) {
			return failure("check that they were kept of this server, and that the database and its key file are the genuine ones", "%d of %d kept checkpoints are signed by no tenant here", len(kept)-used, len(kept))
		}
		return nil
	})
}

// check verifies one tenant and returns how many of the kept checkpoints are its own.
func (c auditVerify) check(ctx context.Context, d *domain, id protocol.TenantID, kept []string) (audit.Report, int, error) {
	known, err := heads(id, c.Head)
	if err != nil {
		return audit.Report{}, 0, err
	}
	open, err := d.opener(ctx, id)
	if err != nil {
		return audit.Report{}, 0, err
	}
	used := 0
	for _, jws := range kept {
		if h, err := open(jws); err == nil {
			known = append(known, h)
			used++
		}
	}
	r, err := audit.Verify(ctx, sqlstore.For[audit.Tx](d.db), audit.Check{Tenant: id, Kept: known, Open: open})
	return r, used, err
}

// readKept reads checkpoints, one a line.
func readKept(files []string) (out []string, err error) {
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, failure("name a file with the output of `nodd audit checkpoint`", "cannot read %s: %w", name, pathless(err))
		}
		out = append(out, strings.Fields(string(text))...)
	}
	return out, nil
}

func printReport(p *program, r audit.Report) {
	p.printf("tenant    %s\nsealed    %d events\nhead      %d:%s\n", r.Tenant, r.Sealed, r.Head.Seq, r.Head.Hash)
	if r.Checkpoints > 0 {
		p.printf("signed    %d checkpoints, up to place %d\n", r.Checkpoints, r.Signed)
	}
	if r.Problem != "" {
		p.printf("BAD ROW   place %d, row id %d: %s\n", r.BadSeq, r.BadID, r.Problem)
	}
	if r.Unsealed > 0 {
		p.printf("unsealed  %d events at the end: these could still be changed or removed unseen; a running server seals them within a second\n", r.Unsealed)
	}
	p.printf("\n")
}

func heads(t protocol.TenantID, texts []string) ([]audit.Head, error) {
	var out []audit.Head
	for _, text := range texts {
		number, hash, ok := strings.Cut(text, ":")
		seq, err := strconv.ParseUint(number, 10, 64)
		if !ok || err != nil || hash == "" {
			return nil, failure("write it as `nodd audit verify` prints it", "%q is no head", text)
		}
		out = append(out, audit.Head{Tenant: t, Seq: seq, Hash: hash})
	}
	return out, nil
}

type auditCheckpoint struct{ inTenant }

// Run prints the last checkpoint of one tenant, or of all.
func (c auditCheckpoint) Run(ctx context.Context, p *program, s *settings) error {
	return s.with(ctx, p, func(d *domain) error {
		list, err := d.chosen(ctx, c.Tenant, false)
		if err != nil {
			return err
		}
		for _, t := range list {
			err := d.view(ctx, func(tx *sqlstore.Tx) error {
				points, err := tx.Checkpoints(t.ID)
				if len(points) > 0 {
					p.printf("%s\n", points[len(points)-1].JWS)
				}
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

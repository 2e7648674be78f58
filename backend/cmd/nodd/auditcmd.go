package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/nod-auth/nod/backend/internal/audit"
	"github.com/nod-auth/nod/backend/internal/sqlstore"
	"github.com/nod-auth/nod/shared/protocol"
)

type auditCmd struct {
	List   auditList   `cmd:"" help:"List sealed audit events."`
	Verify auditVerify `cmd:"" help:"Walk the chain: name the first bad row, and the tail that is not sealed yet."`
}

type auditList struct {
	inTenant
	After uint64 `help:"Only events after this place." placeholder:"SEQ"`
	Limit int    `help:"At most this many." default:"100"`
}

// Run lists events.
func (c auditList) Run(ctx context.Context, p *program, s *settings) error {
	return s.with(ctx, p, func(d *domain) error {
		t, err := d.tenant(ctx, c.Tenant)
		if err != nil {
			return err
		}
		var rows [][]string
		err = d.view(ctx, func(tx *sqlstore.Tx) error {
			list, err := tx.SealedEvents(t.ID, c.After, c.Limit)
			for _, e := range list {
				rows = append(rows, []string{strconv.FormatUint(e.Seq, 10), stamp(e.At), string(e.Type), orDash(e.Actor), orDash(string(e.User)), orDash(e.Subject), orDash(e.Detail), e.Hash})
			}
			return err
		})
		p.table("SEQ AT TYPE ACTOR USER SUBJECT DETAIL HASH", rows)
		return err
	})
}

type auditVerify struct {
	inTenant
	Head []string `help:"A head that you kept, SEQ:HASH, as this command prints it: the chain must still hold it. May be repeated." placeholder:"SEQ:HASH"`
}

// Run checks the chain of one tenant, or of all.
func (c auditVerify) Run(ctx context.Context, p *program, s *settings) error {
	return s.with(ctx, p, func(d *domain) error {
		list, err := d.allTenants(ctx)
		if err != nil {
			return err
		}
		if c.Tenant != "" || len(c.Head) > 0 {
			t, err := d.tenant(ctx, c.Tenant)
			if err != nil {
				return err
			}
			list = list[:1]
			list[0] = t
		}
		bad := 0
		for _, t := range list {
			known, err := heads(t.ID, c.Head)
			if err != nil {
				return err
			}
			r, err := audit.Verify(ctx, sqlstore.For[audit.Tx](d.db), t.ID, known)
			if err != nil {
				return err
			}
			if printReport(p, r); r.Problem != "" {
				bad++
			}
		}
		if bad > 0 {
			return failure("keep a copy of the database as it is, compare with a backup and with the events you exported; docs/operations.md, Audit", "the audit chain is broken in %d of %d tenants", bad, len(list))
		}
		return nil
	})
}

func printReport(p *program, r audit.Report) {
	p.printf("tenant    %s\nsealed    %d events\nhead      %d:%s\n", r.Tenant, r.Sealed, r.Head.Seq, r.Head.Hash)
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

type backupCmd struct {
	File string `arg:"" help:"The new file. It must not exist."`
}

// Run copies the database while it is in use.
func (c backupCmd) Run(ctx context.Context, p *program, s *settings) error {
	return s.with(ctx, p, func(d *domain) error {
		if exists(c.File) {
			return failure("choose another name", "%s exists already", c.File)
		}
		if err := d.db.Backup(ctx, c.File); err != nil {
			return withRemedy(fmt.Errorf("back up: %w", err), "choose a file in a directory that this user may write, with room for the database")
		}
		p.printf("%s\n", c.File)
		_, _ = fmt.Fprintf(p.Err, "nodd: the backup opens only with the key in %s: keep a copy of it, apart from the backup\n", keySource(d.config))
		return nil
	})
}

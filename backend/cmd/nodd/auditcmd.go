package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/nod-auth/nod/backend/internal/sqlstore"
)

type auditCmd struct {
	List       auditList       `cmd:"" help:"List sealed audit events."`
	Verify     auditVerify     `cmd:"" help:"Walk the chain: name the first bad row, and the tail that is not sealed yet."`
	Checkpoint auditCheckpoint `cmd:"" help:"Print the last signed checkpoint of each tenant, one a line: keep it where the server cannot write."`
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
		if err := markBackup(ctx, c.File); err != nil {
			return errors.Join(fmt.Errorf("mark the backup: %w", err), os.Remove(c.File))
		}
		p.printf("%s\n", c.File)
		_, _ = fmt.Fprintf(p.Err, "nodd: the backup opens only with the key in %s: keep a copy of it, apart from the backup\n", keySource(d.config))
		return nil
	})
}

package tenant_test

import (
	"context"
	"testing"

	"github.com/nod-auth/nod/backend/internal/sqlstore"
	"github.com/nod-auth/nod/backend/internal/tenant"
	"github.com/nod-auth/nod/backend/internal/testkit"
)

// A command line without the server's public URL opens the same database. It must not sign a statement that every device refuses.
func TestT42_ACommandDoesNotSignTheKeyStatementForAnotherServer(t *testing.T) {
	k := testkit.New(t)
	command, err := tenant.New(tenant.Params{Store: sqlstore.For[tenant.Tx](k.DB), Sealer: k.Sealer, Issuer: "http://127.0.0.1:8080", Now: k.Clock.Now, KeepIssuer: true})
	if err != nil {
		t.Fatal(err)
	}
	ring, err := command.Ring(context.Background(), k.Tenant.ID)
	if err != nil {
		t.Fatal(err)
	}
	if ring.Keys.Issuer != testkit.Issuer || ring.Tenant.KeysSeq != k.Tenant.KeysSeq {
		t.Errorf("the statement names %s with sequence %d", ring.Keys.Issuer, ring.Tenant.KeysSeq)
	}
	if _, err := command.RotateSigningKey(context.Background(), k.Tenant.ID, "operator"); err != nil {
		t.Fatal(err)
	}
	if err := command.Skip(context.Background(), k.Tenant.ID, 1000); err != nil {
		t.Fatal(err)
	}
	if ring, err = command.Ring(context.Background(), k.Tenant.ID); err != nil || ring.Keys.Issuer != testkit.Issuer {
		t.Errorf("after a rotation by a command the statement names %s, %v", ring.Keys.Issuer, err)
	}
}

package tenant

import (
	"context"
	"errors"
	"fmt"

	"github.com/nod-auth/nod/shared/protocol"
)

// SignCheckpoint signs where the tenant's audit chain stands, with its active key; of a disabled tenant too.
func (s *Service) SignCheckpoint(ctx context.Context, c *protocol.Checkpoint) (string, error) {
	_, keys, err := s.read(ctx, c.Tenant)
	if err != nil {
		return "", err
	}
	for _, k := range keys {
		if k.Status != protocol.KeyActive {
			continue
		}
		signer, err := s.open(sealSigning, k.Tenant, k.ID, k.Sealed)
		if err != nil {
			return "", err
		}
		return protocol.Sign(signer, c)
	}
	return "", fmt.Errorf("tenant %s has no active signing key", c.Tenant)
}

// OwnKeys returns the tenant's signing keys, retired ones too, whose private half opens under this installation's key-encryption
// key. A key that somebody wrote into the database is not among them, so a checkpoint that verifies under these was signed here.
func (s *Service) OwnKeys(ctx context.Context, id protocol.TenantID) (*protocol.Keys, error) {
	_, keys, err := s.read(ctx, id)
	if err != nil {
		return nil, err
	}
	own := &protocol.Keys{Issuer: s.Issuer, Tenant: id}
	for _, k := range keys {
		signer, err := s.open(sealSigning, id, k.ID, k.Sealed)
		if err != nil || signer.KeyID() != k.ID {
			continue
		}
		key := protocol.TenantKey{JWK: signer.Public(), Status: k.Status, NotBefore: protocol.At(k.NotBefore)}
		if k.Status == protocol.KeyRetired {
			key.RetiredAt = protocol.At(k.RetiredAt)
		}
		own.Keys = append(own.Keys, key)
	}
	if len(own.Keys) == 0 {
		return nil, errors.New("no signing key of this tenant opens")
	}
	return own, nil
}

func (s *Service) read(ctx context.Context, id protocol.TenantID) (t Tenant, keys []SigningKey, err error) {
	err = s.Store.View(ctx, func(tx Tx) error {
		t, keys, err = readTenant(tx, id)
		return err
	})
	return t, keys, err
}

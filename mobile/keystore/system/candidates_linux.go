//go:build !android

package system

import (
	"context"

	"github.com/nod-auth/nod/mobile/keystore"
	"github.com/nod-auth/nod/mobile/keystore/tpm"
	"github.com/nod-auth/nod/mobile/keystore/vault"
	"github.com/nod-auth/nod/shared/protocol"
)

func candidates(params Params) []candidate {
	return []candidate{
		{kind: tpm.Kind, name: "TPM 2.0", level: protocol.LevelTPM, open: func(ctx context.Context) (keystore.Store, error) {
			return opened(tpm.Open(ctx, tpm.Params{Device: params.TPMDevice}))
		}},
		{kind: vault.Name, name: "keyring", level: protocol.LevelSoftware, open: func(ctx context.Context) (keystore.Store, error) {
			return opened(vault.Open(ctx, vault.Params{Dir: params.Dir, Application: params.Application}))
		}},
	}
}

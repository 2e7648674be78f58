package system

import (
	"context"

	"github.com/nod-auth/nod/mobile/keystore"
	"github.com/nod-auth/nod/mobile/keystore/cng"
	"github.com/nod-auth/nod/mobile/keystore/vault"
	"github.com/nod-auth/nod/shared/protocol"
)

func candidates(params Params) []candidate {
	provider := func(p cng.Provider, name string, level protocol.KeyLevel) candidate {
		return candidate{kind: string(p), name: name, level: level, open: func(ctx context.Context) (keystore.Store, error) {
			return opened(cng.Open(ctx, cng.Params{Provider: p, Title: params.Application}))
		}}
	}
	return []candidate{
		provider(cng.Platform, "TPM (CNG platform provider)", protocol.LevelTPM),
		provider(cng.Software, "CNG software provider", protocol.LevelOSKeystore),
		{kind: vault.Name, name: "Credential Manager", level: protocol.LevelSoftware, open: func(ctx context.Context) (keystore.Store, error) {
			return opened(vault.Open(ctx, vault.Params{Dir: params.Dir, Application: params.Application}))
		}},
	}
}

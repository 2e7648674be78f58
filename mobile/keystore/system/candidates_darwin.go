package system

import (
	"context"

	"github.com/nod-auth/nod/mobile/keystore"
	"github.com/nod-auth/nod/mobile/keystore/enclave"
	"github.com/nod-auth/nod/mobile/keystore/vault"
	"github.com/nod-auth/nod/shared/protocol"
)

// candidates serves macOS and iOS; on iOS the vault answers ErrUnavailable.
func candidates(params Params) []candidate {
	return []candidate{
		{kind: enclave.Kind, name: "Secure Enclave", level: protocol.LevelSecureEnclave, open: func(ctx context.Context) (keystore.Store, error) {
			return opened(enclave.Open(ctx))
		}},
		{kind: vault.Name, name: "Keychain", level: protocol.LevelSoftware, open: func(ctx context.Context) (keystore.Store, error) {
			return opened(vault.Open(ctx, vault.Params{Dir: params.Dir, Application: params.Application}))
		}},
	}
}

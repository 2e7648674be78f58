//go:build !android

package vault

import (
	"bytes"
	"encoding/json"
	"testing"
)

// OnMachine opens dir as if on a machine of another id.
func OnMachine(dir, id string) Params { return Params{Dir: dir, machine: id} }

// StoredKey reads the key of a file from the keyring.
func StoredKey(t *testing.T, file []byte) []byte {
	t.Helper()
	var header struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(bytes.Split(file, []byte("\n"))[1], &header); err != nil {
		t.Fatal(err)
	}
	k, err := reach(t.Context(), Params{Application: "Nod"})
	if err != nil {
		t.Fatal(err)
	}
	defer k.close()
	key, err := k.get(t.Context(), header.ID)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

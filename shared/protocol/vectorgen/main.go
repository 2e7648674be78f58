// Command vectorgen writes the protocol's test vectors: `make vectors`.
//
// Keys and identifiers come from hashes of their names and signatures are deterministic (RFC 6979), so a second run
// writes the same bytes. A test compares what is committed with what this program writes; a diff is a change of the
// protocol. Expected outcomes are written here by hand, from docs/protocol.md, never taken from the code under test.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"unicode/utf8"

	"github.com/nod-auth/nod/shared/protocol/vectors"
)

func main() {
	dir := flag.String("o", "protocol/testdata/vectors", "folder to write into")
	flag.Parse()
	if err := run(*dir); err != nil {
		fmt.Fprintln(os.Stderr, "vectorgen:", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	files, err := generate()
	if err != nil {
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return fmt.Errorf("write vectors: %w", err)
		}
	}
	return nil
}

// generate returns the content of every file by its name.
func generate() (files map[string][]byte, err error) {
	defer func() { // must panics with the error of a mistake in this program
		if r := recover(); r != nil {
			e, ok := r.(error)
			if !ok {
				panic(r)
			}
			err = e
		}
	}()
	w := newWorld()
	files = map[string][]byte{"fixtures.json": render(w.fixtures())}
	for _, name := range vectors.MessageFiles() {
		about, write := w.messageFile(name)
		files[name+".json"] = render(vectors.File[vectors.Message]{About: about, Vectors: write()})
	}
	files["identifiers.json"] = render(identifiers())
	files["jwk.json"] = render(w.jwks())
	files["hashes.json"] = render(w.hashes())
	files["commitments.json"] = render(w.commitments())
	files["claims.json"] = render(claims())
	files["invitations.json"] = render(w.invitations())
	files["servers.json"] = render(servers())
	files["texts.json"] = render(texts())
	return files, nil
}

func (w *world) messageFile(name string) (about string, write func() []vectors.Message) {
	switch name {
	case "envelope":
		return "What holds for every message: size, shape, header, signature and JSON. Shown with decisions.", w.envelope
	case "enrollment":
		return "From the device: registers its two keys.", w.enrollments
	case "enrolled":
		return "From the server: the reply to an enrollment.", w.enrolleds
	case "keys":
		return "From the server: the tenant's signing keys under its root.", w.keySets
	case "challenge":
		return "From the server: what the person is asked.", w.challenges
	case "decision":
		return "From the device: the answer. Whether it fits the challenge is for the server, and for the evidence.", w.decisions
	case "update":
		return "From the device: changes about itself.", w.updates
	case "proof":
		return "From the device: proof of its key on a read.", w.proofs
	case "result":
		return "From the server: what the application receives.", w.results
	case "checkpoint":
		return "From the server, for the operator: where the audit chain stood.", w.checkpoints
	default:
		return "Results whose evidence proves, or does not prove, what they say. All are signed by the tenant.", w.evidences
	}
}

// render writes indented JSON in ASCII, so that a file never holds a hidden character.
func render(v any) []byte {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	must0(enc.Encode(v))
	var ascii bytes.Buffer
	for _, r := range out.String() {
		switch {
		case r < utf8.RuneSelf && r != 0x7f:
			ascii.WriteRune(r)
		case r > 0xFFFF:
			r -= 0x10000
			fmt.Fprintf(&ascii, `\u%04x\u%04x`, 0xD800+r>>10, 0xDC00+r&0x3FF)
		default:
			fmt.Fprintf(&ascii, `\u%04x`, r)
		}
	}
	return ascii.Bytes()
}

func must[T any](v T, err error) T {
	must0(err)
	return v
}

func must0(err error) {
	if err != nil {
		panic(err)
	}
}

package main

import (
	"bytes"
	"testing"

	"github.com/nod-auth/nod/shared/protocol/testdata"
)

func TestTheVectorsAreWhatTheGeneratorWrites(t *testing.T) {
	files, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := testdata.Vectors.ReadFile("vectors/" + name)
		if err != nil {
			t.Errorf("%s: %v; run make vectors", name, err)
			continue
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s differs: run make vectors and review the diff as a change of the protocol", name)
		}
	}
	entries, err := testdata.Vectors.ReadDir("vectors")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if _, ok := files[e.Name()]; !ok {
			t.Errorf("%s is written by nothing", e.Name())
		}
	}
}

func TestVectorFilesHoldNoHiddenCharacter(t *testing.T) {
	files, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		for i, c := range content {
			if c != '\n' && (c < ' ' || c > '~') {
				t.Errorf("%s: byte %#x at %d", name, c, i)
				break
			}
		}
	}
}

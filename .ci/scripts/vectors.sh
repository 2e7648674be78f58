#!/usr/bin/env bash
# Writes shared/protocol/testdata/vectors again. Every module and every other implementation reads them,
# so a changed vector is a changed protocol: review the diff as one.
source "$(dirname "$0")/lib.sh"

need_go
for d in shared/protocol/internal/vectors shared/protocol/vectors; do
	if [ -f "$d/main.go" ]; then
		(cd shared && go run "./${d#shared/}" "$@")
		exit 0
	fi
done
fail "the vector generator does not exist yet"

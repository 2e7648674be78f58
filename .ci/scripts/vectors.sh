#!/usr/bin/env bash
# Writes shared/protocol/testdata/vectors again. Every module and every other implementation reads them,
# so a changed vector is a changed protocol: review the diff as one.
source "$(dirname "$0")/lib.sh"

need_go
(cd shared && go run ./protocol/vectorgen "$@")

#!/usr/bin/env bash
# Draws every screen of the app into build/shots, without a display: tests named TestShots write there.
source "$(dirname "$0")/lib.sh"

need_go
has_go app || fail "the app has no screen yet"
mkdir -p build/shots
(cd app && NOD_SHOTS=$root/build/shots CGO_ENABLED=0 go test -tags ci -count=1 -run '^TestShots' ./...) >&2
count=$(find build/shots -name '*.png' | wc -l)
[ "$count" -gt 0 ] || fail "no picture was drawn"
say "$count pictures in build/shots"

#!/usr/bin/env bash
# Draws every screen of the app into build/shots, without a display: each scene light, dark, wide and with
# large text, and sheets of all. Arguments go to the program: shots.sh -only prompt
source "$(dirname "$0")/lib.sh"

need_go
[ -f app/internal/ui/shots/main.go ] || fail "app/internal/ui/shots does not exist yet"
(cd app && CGO_ENABLED=0 go run -tags ci ./internal/ui/shots -out "$root/build/shots" "$@")
say "$(find build/shots -name '*.png' | wc -l) pictures in build/shots"

#!/usr/bin/env bash
# Builds the desktop app into build/bin/nod. OpenGL ES draws the same pixels and compiles four times faster.
source "$(dirname "$0")/lib.sh"

need_go
[ -f app/main.go ] || fail "app/main.go does not exist yet"
if [ "$(uname -s)" = Linux ]; then need_debs "${app_debs[@]}"; fi
mkdir -p build/bin
(cd app && go build -trimpath -ldflags='-s -w' -tags gles -o ../build/bin/nod .)
say "built: app -> build/bin/nod"

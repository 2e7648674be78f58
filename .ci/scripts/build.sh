#!/usr/bin/env bash
# Builds the server and the command-line programs into build/bin.
# With arguments, only those: build.sh backend/cmd/nodd mobile/cmd/nodsim
source "$(dirname "$0")/lib.sh"

need_go
need_cc
programs=("$@")
if [ $# = 0 ]; then
	for d in backend/cmd/* mobile/cmd/* backend/examples/*; do
		if [ -f "$d/main.go" ]; then programs+=("$d"); fi
	done
fi
[ ${#programs[@]} -gt 0 ] || fail "there is no program to build yet"
mkdir -p build/bin
for p in "${programs[@]}"; do
	go build -trimpath -ldflags='-s -w' -o "build/bin/$(basename "$p")" "./$p"
done
say "built: ${programs[*]} -> build/bin"

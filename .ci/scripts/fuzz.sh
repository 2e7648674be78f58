#!/usr/bin/env bash
# Finds every fuzz target by itself and runs each for FUZZTIME (10s). A finding is kept by Go in the
# package's testdata/fuzz: commit it with the fix.
source "$(dirname "$0")/lib.sh"

need_go
ran=0
for m in "${modules[@]}"; do
	for dir in $(find "$m" -name '*_test.go' -exec grep -lE '^func Fuzz' {} + 2>/dev/null | xargs -r -n1 dirname | sort -u); do
		for target in $(grep -hoE '^func Fuzz[A-Za-z0-9_]*' "$dir"/*_test.go | cut -c6-); do
			section "fuzz $dir $target"
			(cd "$dir" && go test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-10s}" .)
			ran=$((ran + 1))
		done
	done
done
section "$ran fuzz targets"

#!/usr/bin/env bash
# Finds every fuzz target by itself and runs each for FUZZTIME (10s). A finding is kept by Go in the
# package's testdata/fuzz: commit it with the fix.
source "$(dirname "$0")/lib.sh"

need_go
ran=0
while IFS=: read -r file name; do
	dir=$(dirname "$file")
	section "fuzz $dir $name"
	(cd "$dir" && go test -run '^$' -fuzz "^$name\$" -fuzztime "${FUZZTIME:-10s}" . </dev/null)
	ran=$((ran + 1))
done < <(grep -roE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' "${modules[@]}" | sed 's/func //' | sort)
section "$ran fuzz targets"

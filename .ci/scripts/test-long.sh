#!/usr/bin/env bash
# What is too slow for every change: tests that read NOD_LONG, two builds that must be equal, and a
# minute of every fuzz target.
source "$(dirname "$0")/lib.sh"

need_go
need_cc

# Built in two places with nothing cached, the server must be the same to the byte (threat T40).
reproducible() {
	local tmp place
	tmp=$(mktemp -d)
	# shellcheck disable=SC2064  # the folder of now
	trap "chmod -R u+w '$tmp'; rm -rf '$tmp'" EXIT
	for place in here elsewhere/deeper; do
		mkdir -p "$tmp/$place"
		cp -r go.work shared mobile backend app "$tmp/$place/"
		(cd "$tmp/$place" && GOCACHE="$tmp/cache-${place%%/*}" go build -trimpath -buildvcs=false -o "$tmp/nodd-${place%%/*}" ./backend/cmd/nodd)
	done
	cmp "$tmp/nodd-here" "$tmp/nodd-elsewhere" || fail "two builds of the server differ"
	say "two builds of the server are equal: $(sha256sum <"$tmp/nodd-here" | cut -c1-16)…, $(stat -c %s "$tmp/nodd-here") bytes"
}

section "reproducible build"
reproducible
export NOD_LONG=1
for m in shared mobile backend; do
	has_go "$m" || continue
	section "long tests of $m"
	(cd "$m" && go test -race -count=1 -timeout 60m ./...)
done
FUZZTIME=${FUZZTIME:-60s} .ci/scripts/fuzz.sh
section "long tests done"

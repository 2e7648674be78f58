#!/usr/bin/env bash
# Runs what is too slow for every change: tests that read NOD_LONG, and a minute of every fuzz target.
source "$(dirname "$0")/lib.sh"

need_go
need_cc
export NOD_LONG=1
for m in shared mobile backend; do
	has_go "$m" || continue
	section "long tests of $m"
	(cd "$m" && go test -race -count=1 -timeout 60m ./...)
done
FUZZTIME=${FUZZTIME:-60s} .ci/scripts/fuzz.sh

#!/usr/bin/env bash
# The demo: builds the server, the sample site and the authenticator, then lets `nodd demo` run them together.
# --once runs it unattended; its last line on standard output is the verdict in JSON.
source "$(dirname "$0")/lib.sh"

need_go
need_cc
.ci/scripts/build.sh backend/cmd/nodd mobile/cmd/nodsim backend/examples/bank

args=(--nodsim build/bin/nodsim --bank build/bin/bank)
display=${DISPLAY:-}${WAYLAND_DISPLAY:-}
if [ "${1:-}" = --once ]; then
	args+=(--once)
elif [ -n "$display" ] && [ -f app/main.go ]; then
	# With a display the authenticator is the app itself; without its headers the terminal one does.
	if .ci/scripts/app.sh; then args+=(--app build/bin/nod); else say "the app was not built; the terminal authenticator is used"; fi
fi
exec build/bin/nodd demo "${args[@]}"

#!/usr/bin/env bash
# Runs the measuring programs of the server or of the app; they print lines of `name value unit` on standard output.
# Figures depend on the machine; ratios (cpu_per_auth_ratio) much less. Run it with nothing else going on.
source "$(dirname "$0")/lib.sh"

need_go
need_cc
what=${1:-server}
shift || true
case $what in
server) programs=(backend/internal/bench mobile/internal/bench shared/internal/bench) ;;
app)
	programs=(app/internal/bench)
	need_debs "${app_debs[@]}" xvfb xauth xdotool dbus-daemon libgl1-mesa-dri
	if [ -z "${DISPLAY:-}" ]; then exec xvfb-run -a -s '-screen 0 1280x1024x24' "$0" app "$@"; fi
	;;
*) fail "usage: bench.sh server|app" ;;
esac

mkdir -p build/bin
# Idle streams are counted by the ten thousand: allow as many open files as the system lets us.
ulimit -n "$(ulimit -Hn)" 2>/dev/null || true
ran=0
for p in "${programs[@]}"; do
	[ -f "$p/main.go" ] || continue
	bin=build/bin/bench-${p%%/*}
	go build -trimpath -o "$bin" "./$p"
	"$bin" "$@"
	ran=$((ran + 1))
done
[ "$ran" -gt 0 ] || fail "nothing measures the $what yet: looked in ${programs[*]}"

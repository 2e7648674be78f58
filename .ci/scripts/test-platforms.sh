#!/usr/bin/env bash
# Tests that need something a plain machine lacks: a key ring, a TPM, a display, another system's types.
# Each is a function below and installs what it needs; with arguments only those named run.
# NOD_REQUIRE_PLATFORMS=1 turns every "not here" of a test into a failure: nothing is skipped in silence.
# To add one: write the function, add its name to `steps`, cheap before dear.
source "$(dirname "$0")/lib.sh"

need_go
need_cc
export NOD_REQUIRE_PLATFORMS=1
steps=(foreign_types typescript keystore app_window)

# All Go of ours for the systems this machine cannot compile for, cgo and JNI files included.
foreign_types() {
	local bin=build/tools/fakecheck target
	mkdir -p build/tools
	(cd .ci/tools && GOWORK=off go build -o "$root/$bin" ./fakecheck)
	for target in android/arm64 ios/arm64 darwin/arm64 windows/amd64 linux/amd64; do
		for m in mobile app; do
			has_go "$m" || continue
			"$bin" -target "$target" -own github.com/nod-auth/nod "./$m/..."
		done
	done
	for target in darwin/arm64 windows/amd64; do
		"$bin" -target "$target" -own github.com/nod-auth/nod ./shared/...
	done
}

# The TypeScript SDK: its compiler, the protocol's vectors, a real server, and the web component in Chromium.
typescript() {
	have npm || need_debs nodejs npm
	need_debs chromium fonts-inter
	(cd shared/client/typescript && npm ci --no-audit --no-fund && npm test)
}

# The key stores against the real thing: gnome-keyring over a session bus of its own, swtpm for the TPM.
keystore() {
	if ! has_go mobile/keystore; then say "mobile/keystore has no Go file yet"; return; fi
	need_debs dbus gnome-keyring swtpm
	(cd mobile && keyring_session go test -race -count=1 -timeout 8m ./keystore/...)
}

# keyring_session COMMAND... runs it under a message bus with an unlocked, empty key ring in a throw-away home.
keyring_session() {
	local home code=0
	home=$(mktemp -d)
	env GOCACHE="$(go env GOCACHE)" GOMODCACHE="$(go env GOMODCACHE)" GOENV="$(go env GOENV)" \
		XDG_DATA_HOME="$home/data" XDG_CONFIG_HOME="$home/config" XDG_RUNTIME_DIR="$home" \
		dbus-run-session -- sh -c '
			printf test-password | gnome-keyring-daemon --unlock --components=secrets >/dev/null
			"$@"' sh "$@" || code=$?
	rm -rf "$home"
	return $code
}

# The app in a real window, drawn by Mesa on a display without a screen.
app_window() {
	if ! has_go app/e2e; then say "app/e2e has no Go file yet"; return; fi
	need_debs "${app_debs[@]}" xvfb xauth xdotool xclip imagemagick dbus-daemon swtpm libgl1-mesa-dri libegl1 libgles2 fonts-noto-core
	(cd app && xvfb-run -a -s '-screen 0 1280x1024x24' go test -tags gles -count=1 -timeout 8m ./e2e/...)
}

[ $# -gt 0 ] && steps=("$@")
for s in "${steps[@]}"; do
	[ "$(type -t "$s")" = function ] || fail "no such step: $s"
	section "platform: $s"
	"$s"
done
section "platform tests done"

# Sourced by the other scripts: where things are, how they speak, how Debian packages come in.
# Everything said goes to standard error; standard output belongs to the programs.
# shellcheck shell=bash disable=SC2034  # what is set here is used there
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"

# The modules of go.work in the order they depend on each other.
modules=(shared mobile backend app)
go_minimum=1.26

say() { printf '%s\n' "$*" >&2; }
fail() { say "$@"; exit 1; }

# section TITLE prints a heading with the time since the script began.
section() { printf '\n==> %s  [%dm%02ds]\n' "$1" $((SECONDS / 60)) $((SECONDS % 60)) >&2; }

have() { command -v "$1" >/dev/null 2>&1; }

# has_go DIR tells whether a folder holds any Go file.
has_go() { [ -d "$1" ] && [ -n "$(find "$1" -name '*.go' -print -quit)" ]; }

need_go() {
	have go || fail "Go $go_minimum or newer is needed and was not found. Install it as go.dev/doc/install says, then run this again."
	local v
	v=$(go env GOVERSION)
	v=${v#go}
	if [ "$(printf '%s\n' "$go_minimum" "$v" | sort -V | head -n 1)" != "$go_minimum" ]; then
		fail "Go $go_minimum or newer is needed, this is $v. Install it as go.dev/doc/install says, then run this again."
	fi
}

# need_cc makes sure of a C compiler, which SQLite and the desktop window need.
need_cc() {
	have "${CC:-cc}" || have gcc || have clang || need_debs gcc libc6-dev
}

# need_debs PACKAGE... installs the Debian packages that are missing. It touches the network only then;
# without the right to install it prints the one line to run and stops.
need_debs() {
	local missing
	if ! have dpkg-query; then
		say "not a Debian system: this needs what Debian calls: $*"
		return 0
	fi
	missing=$(missing_debs "$@")
	[ -n "$missing" ] || return 0
	local as=()
	if [ "$(id -u)" != 0 ]; then
		if have sudo && sudo -n true 2>/dev/null; then
			as=(sudo -n)
		else
			fail "Packages are missing. Run this line, then try again:
  sudo apt-get update && sudo apt-get install -y --no-install-recommends $missing"
		fi
	fi
	say "installing: $missing"
	# shellcheck disable=SC2086  # a list of words
	"${as[@]}" sh -c 'apt-get -qq -o DPkg::Lock::Timeout=300 update &&
		DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$@" >/dev/null' \
		sh $missing >&2
}

missing_debs() {
	local p out=()
	for p in "$@"; do
		[ "$(dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || out+=("$p")
	done
	printf '%s' "${out[*]-}"
}

# What the desktop app's C parts are compiled against, X11 and Wayland, with OpenGL ES.
app_debs=(gcc libc6-dev pkg-config libgl1-mesa-dev libegl1-mesa-dev libgles2-mesa-dev libx11-dev libxcursor-dev
	libxrandr-dev libxinerama-dev libxi-dev libxxf86vm-dev libxkbcommon-dev libwayland-dev)

# tool NAME PACKAGE builds a program pinned in .ci/tools into build/tools, once per version, and prints its path.
tool() {
	local name=$1 package=$2 bin stamp
	bin=$root/build/tools/$name
	stamp=$( (go env GOVERSION; cat "$root/.ci/tools/go.mod") | cksum)
	if [ ! -x "$bin" ] || [ "$(cat "$bin.stamp" 2>/dev/null)" != "$stamp" ]; then
		say "building $name (once per version)"
		mkdir -p "$root/build/tools"
		(cd "$root/.ci/tools" && GOWORK=off CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o "$bin" "$package") >&2
		printf '%s' "$stamp" >"$bin.stamp"
	fi
	printf '%s\n' "$bin"
}

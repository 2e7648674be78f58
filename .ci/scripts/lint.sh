#!/usr/bin/env bash
# Everything that judges the text of the program without running it, cheap to dear. All steps run even
# when one fails; with arguments only the steps named: lint.sh gofmt golangci
source "$(dirname "$0")/lib.sh"

steps=(format scripts generated modules_tidy vet golangci vulnerabilities)

format() {
	local out
	out=$(gofmt -s -l "${modules[@]}" .ci/tools)
	[ -z "$out" ] || fail "not formatted, run gofmt -s -w on:
$out"
	# For information: a reader should know their way around such a file.
	find "${modules[@]}" .ci -name '*.go' ! -name '*.gen.go' -exec wc -l {} + | awk '$2 != "total" && $1 > 500 { print "long file: " $2 " (" $1 " lines)" }' >&2
}

# The scripts are judged by shellcheck, which CI installs; elsewhere it is used where it is.
scripts() {
	if [ -n "${CI:-}" ]; then need_debs shellcheck; fi
	bash -n .ci/run .ci/scripts/*.sh
	if have shellcheck; then
		shellcheck -x -P .ci/scripts .ci/run .ci/scripts/*.sh
	else
		say "SKIPPED: shellcheck is not installed; only the syntax was checked"
	fi
}

generated() { .ci/scripts/generate.sh --check; }

# go.mod and go.sum are what `go mod tidy` would write: nothing unused, nothing missing, direct marked direct.
modules_tidy() {
	local m bad=()
	for m in "${modules[@]}"; do
		if has_go "$m"; then (cd "$m" && GOWORK=off go mod tidy -diff >/dev/null 2>&1) || bad+=("$m"); fi
	done
	[ ${#bad[@]} = 0 ] || fail "not tidy, run in each: GOWORK=off go mod tidy: ${bad[*]}"
}

# The app is read with -tags ci and without C: the same screens, and no headers to install.
vet() {
	local plain app
	mapfile -t plain < <(packages shared mobile backend)
	mapfile -t app < <(packages app)
	[ ${#plain[@]} = 0 ] || go vet "${plain[@]}"
	[ ${#app[@]} = 0 ] || CGO_ENABLED=0 go vet -tags ci "${app[@]}"
	(cd .ci/tools && GOWORK=off go vet ./...)
}

golangci() {
	local lint plain app code=0
	GOLANGCI_LINT_CACHE=$(go env GOCACHE)/golangci-lint
	export GOLANGCI_LINT_CACHE
	lint=$(tool golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint)
	mapfile -t plain < <(packages shared mobile backend)
	mapfile -t app < <(packages app)
	[ ${#plain[@]} = 0 ] || linted "$lint" run "${plain[@]}" || code=$?
	[ ${#app[@]} = 0 ] || CGO_ENABLED=0 linted "$lint" run --build-tags ci "${app[@]}" || code=$?
	return $code
}

# linted COMMAND... runs it, and once more when it stumbled over its own cache: a file that changed
# while it read makes it say that a package of the standard library cannot be imported.
linted() {
	local out code=0
	out=$("$@" 2>&1) || code=$?
	if [[ $out == *'returned nil but no error'* ]]; then
		say "the linter's cache did not fit the files: running it again"
		code=0
		out=$("$@" 2>&1) || code=$?
	fi
	printf '%s\n' "$out"
	return $code
}

# Known vulnerabilities in what we call. The database is on the network: out of reach is said, not hidden.
vulnerabilities() {
	local vuln m out code
	vuln=$(tool govulncheck golang.org/x/vuln/cmd/govulncheck)
	for m in "${modules[@]}"; do
		has_go "$m" || continue
		code=0
		out=$(cd "$m" && CGO_ENABLED=0 timeout 120 "$vuln" -tags ci ./... 2>&1) || code=$?
		case $code in
		0) say "$m: nothing known" ;;
		3) fail "$out" ;; # its code for a finding
		*)
			say "SKIPPED: govulncheck could not judge $m (exit $code): $(printf '%s' "$out" | tail -n 1 | cut -c1-200)"
			return 0
			;;
		esac
	done
}

packages() { # the packages of the named modules, as patterns that go.work understands
	local m
	for m in "$@"; do
		if has_go "$m"; then printf './%s/...\n' "$m"; fi
	done
}

if [ $# = 1 ] && [ "$(type -t "$1")" = function ]; then
	need_go
	need_cc
	"$1"
	exit
fi
[ $# = 0 ] || steps=("$@")
failed=()
for s in "${steps[@]}"; do
	section "lint: $s"
	"$0" "$s" || failed+=("$s")
done
section "lint done"
[ ${#failed[@]} = 0 ] || fail "failed: ${failed[*]}"

#!/usr/bin/env bash
# Everything that judges the text of the program without running it, cheap to dear:
# format, generated files, go vet, golangci-lint over all modules, known vulnerabilities.
source "$(dirname "$0")/lib.sh"

need_go
need_cc
GOLANGCI_LINT_CACHE=$(go env GOCACHE)/golangci-lint
export GOLANGCI_LINT_CACHE

packages() { # the packages of the modules that have any, as go.work patterns
	local m
	for m in "$@"; do
		if has_go "$m"; then printf './%s/...\n' "$m"; fi
	done
}

section "gofmt"
unformatted=$(gofmt -s -l "${modules[@]}" .ci/tools)
[ -z "$unformatted" ] || fail "not formatted, run gofmt -s -w on:
$unformatted"

section "generated files"
.ci/scripts/generate.sh --check

section "go vet"
mapfile -t plain < <(packages shared mobile backend)
mapfile -t windowed < <(packages app)
[ ${#plain[@]} = 0 ] || go vet "${plain[@]}"
[ ${#windowed[@]} = 0 ] || CGO_ENABLED=0 go vet -tags ci "${windowed[@]}"
(cd .ci/tools && GOWORK=off go vet ./...)

section "golangci-lint"
lint=$(tool golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint)
"$lint" config verify --config .golangci.yml 2>/dev/null || say "the linter's schema is not reachable: its config was not verified against it"
[ ${#plain[@]} = 0 ] || "$lint" run "${plain[@]}"
[ ${#windowed[@]} = 0 ] || CGO_ENABLED=0 "$lint" run --build-tags ci "${windowed[@]}"

section "govulncheck"
vuln=$(tool govulncheck golang.org/x/vuln/cmd/govulncheck)
for m in "${modules[@]}"; do
	has_go "$m" || continue
	code=0
	out=$(cd "$m" && CGO_ENABLED=0 timeout 120 "$vuln" -tags ci ./... 2>&1) || code=$?
	# 3 is its code for a finding; everything else that fails is the database out of reach.
	if [ "$code" = 3 ]; then fail "$out"; fi
	if [ "$code" != 0 ]; then
		say "SKIPPED: govulncheck could not run (exit $code): $(printf '%s' "$out" | tail -n 1)"
		break
	fi
done
section "lint passed"

#!/usr/bin/env bash
# Runs `go generate` in every module with the generators pinned in .ci/tools on the path.
# --check also fails when that changed a file: the tree held stale generated code (now renewed).
source "$(dirname "$0")/lib.sh"

need_go
tool oapi-codegen github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen >/dev/null
export PATH="$root/build/tools:$PATH"

generated() {
	{ grep -rlE '^// Code generated .* DO NOT EDIT' --include='*.go' "${modules[@]}" || true; } | sort | xargs -r cksum
}

before=$(generated)
for m in "${modules[@]}"; do
	if grep -rqs '^//go:generate ' --include='*.go' "$m"; then (cd "$m" && CGO_ENABLED=0 go generate -tags ci ./...); fi
done
after=$(generated)
if [ "${1:-}" = --check ] && [ "$before" != "$after" ]; then
	diff <(printf '%s\n' "$before") <(printf '%s\n' "$after") >&2 || true
	fail "generated files were stale and have been written again: look at git diff and commit them"
fi

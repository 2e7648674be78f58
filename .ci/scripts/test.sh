#!/usr/bin/env bash
# Runs the tests of every module, or of those named, with the race detector where it is affordable.
# All modules run even when one fails; the exit code tells whether all passed.
source "$(dirname "$0")/lib.sh"

need_go
need_cc
wanted=("$@")
[ $# -gt 0 ] || wanted=(rules "${modules[@]}")
failed=()

# The app is tested without C and without a window: Fyne's software painter draws the screens.
test_module() {
	case $1 in
	rules) (cd .ci/tools && GOWORK=off NOD_ROOT="$root" go test -count=1 ./...) ;;
	app) (cd app && CGO_ENABLED=0 go test -tags ci -timeout 8m ./...) ;;
	*) (cd "$1" && CGO_ENABLED=1 go test -race -timeout 8m ./...) ;;
	esac
}

for m in "${wanted[@]}"; do
	section "test $m"
	if [ "$m" != rules ] && ! has_go "$m"; then
		say "no Go file in $m yet: nothing to test"
		continue
	fi
	test_module "$m" || failed+=("$m")
done
section "tests done"
[ ${#failed[@]} = 0 ] || fail "failed: ${failed[*]}"

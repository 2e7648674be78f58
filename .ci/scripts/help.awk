# Prints the targets of a Makefile: `##@ Heading` opens a group, `name: ## text` is one line of it.
BEGIN {
	if (ENVIRON["NO_COLOR"] == "" && ENVIRON["TERM"] != "" && ENVIRON["TERM"] != "dumb") {
		bold = "\033[1m"; cyan = "\033[36m"; off = "\033[0m"
	}
	print "Nod: approve a sign-in with a nod of your phone.\n"
	print "  " bold "make" off " " cyan "<target>" off
}
/^##@ / { print "\n" bold substr($0, 5) off; next }
/^[a-z][a-z-]*:.*## / {
	name = $0; sub(/:.*/, "", name)
	text = $0; sub(/^[^#]*## /, "", text)
	printf "  " cyan "%-16s" off " %s\n", name, text
}
END { print "" }

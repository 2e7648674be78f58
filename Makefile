# Every routine action of the project. `make` alone lists them.
# A recipe longer than three lines is a script in .ci/scripts/.
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
SCRIPTS := .ci/scripts

##@ Try it

demo: ## Start server, sample site and authenticator; approve a sign-in yourself
	@$(SCRIPTS)/demo.sh

demo-once: ## The same unattended; the last line is a JSON verdict
	@$(SCRIPTS)/demo.sh --once

##@ Work on it

setup: ## Install what building and testing need, and fetch the modules
	@$(SCRIPTS)/setup.sh

build: ## Build the server and the command-line programs into build/bin
	@$(SCRIPTS)/build.sh

app: ## Build the desktop app into build/bin/nod
	@$(SCRIPTS)/app.sh

test: ## Run the tests of every module (MODULES="shared backend" for some)
	@$(SCRIPTS)/test.sh $(MODULES)

test-platforms: ## Run the tests that need a display, a TPM, a key ring, a browser …
	@$(SCRIPTS)/test-platforms.sh $(STEPS)

test-long: ## Run the slow tests and longer fuzzing (about an hour)
	@$(SCRIPTS)/test-long.sh

lint: ## Check format, vet, linters, generated files and known vulnerabilities
	@$(SCRIPTS)/lint.sh $(STEPS)

fuzz: ## Run every fuzz target shortly (FUZZTIME=10s each)
	@$(SCRIPTS)/fuzz.sh

generate: ## Write generated code again, from docs/openapi.yaml and others
	@$(SCRIPTS)/generate.sh

vectors: ## Write the protocol test vectors again (a deliberate act: they are a contract)
	@$(SCRIPTS)/vectors.sh

##@ Measure and show it

bench: ## Measure the server; prints lines of `name value unit`
	@$(SCRIPTS)/bench.sh server

bench-app: ## Measure the app; prints lines of `name value unit`
	@$(SCRIPTS)/bench.sh app

shots: ## Draw every screen of the app into build/shots
	@$(SCRIPTS)/shots.sh

##@ Ship it

package-linux: ## Package server and app for Linux into build/packages
	@$(SCRIPTS)/package.sh linux

package-windows: ## Package the app for Windows into build/packages
	@$(SCRIPTS)/package.sh windows

##@ Housekeeping

clean: ## Remove build/ and what the demo left (Go's own caches stay)
	rm -rf build .demo app/FyneApp.toml

help: ## List the targets
	@[ -t 1 ] || export NO_COLOR=1; awk -f $(SCRIPTS)/help.awk $(MAKEFILE_LIST)

.PHONY: demo demo-once setup build app test test-platforms test-long lint fuzz generate vectors \
	bench bench-app shots package-linux package-windows clean help

# Thin on purpose: the work is in scripts/, which also run by themselves.
.DEFAULT_GOAL := help
.PHONY: help demo test check format docs install uninstall bench soak fuzz mutants ci-long clean
export PREFIX DESTDIR

help: ## This list
	@echo 'Podling: make TARGET'
	@echo
	@sed -nE 's/^([a-z-]+):.*## (.*)/  \1|\2/p' Makefile | awk -F'|' '{printf "%-10s %s\n", $$1, $$2}'
	@echo
	@echo 'New here? `make demo` installs what is missing, builds, and runs three tasks before your eyes.'

demo: ## Set up, build, run three tasks on a real master and worker, clean up
	@scripts/demo.sh

test: ## Set up, build, run every test; container tests against real engines where they can run
	@scripts/test.sh

check: ## Format lint, warnings-free build, tidiness: what must hold before a push
	@scripts/check.sh

format: ## Format the Swift sources in place
	@scripts/format.sh

docs: ## The documentation of the two libraries, to .build/docs; fails on any warning
	@scripts/docs.sh

install: ## Release build; the stripped programs and their completions to PREFIX (default /usr/local)
	@scripts/install.sh

uninstall: ## Remove what `make install` put there
	@scripts/install.sh --uninstall

bench: ## Release build, the benchmark table, .build/bench.json
	@scripts/bench.sh

mutants: ## Put each fault of Tests/Mutants into a copy, and show which seed of the simulator finds it
	@scripts/mutants.sh

soak: ## Release build, then 200,000 hostile connections and 10 million lines against a master
	@scripts/soak.sh

fuzz: ## libFuzzer on everything that reads what another program wrote, a minute for each part
	@scripts/fuzz.sh

ci-long: ## The long variants of what CI runs, hours of them; writes docs/CI-LONG.md
	@.ci/long

clean: ## End the test engines and remove everything that was built
	@scripts/clean.sh

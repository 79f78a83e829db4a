# Slipway's commands. `make help` lists them.
# Every path is relative, so that a folder with spaces in its name works, on GNU Make 3.81 (macOS) too.

PYTHON =
VENV = .venv
RUN = $(VENV)/bin/python
APP_STAMP = $(VENV)/.installed-app
DEV_STAMP = $(VENV)/.installed-dev
BENCH_STAMP = $(VENV)/.installed-bench
NODE_STAMP = $(VENV)/.installed-node
INSTALL = $(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes
COMPILE = uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header --no-emit-index-url

# Many tests wait for a process most of the time, so there are more of them than cores; each has servers of its own.
PYTEST = -m pytest --numprocesses 3 --dist worksteal

.PHONY: help setup run test coverage lint bench chaos screenshots translations lock
.DEFAULT_GOAL := help

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' Makefile

setup: $(APP_STAMP) ## Install what Slipway needs into .venv (repeated when requirements.txt changes)

run: $(APP_STAMP) ## Set up, then serve at http://127.0.0.1:8000 until Ctrl+C
	@exec $(RUN) -m app.supervisor

test: $(DEV_STAMP) $(NODE_STAMP) ## Run all tests on PostgreSQL, then those that use a database on SQLite
	SLIPWAY_TEST_DATABASE=postgresql $(RUN) $(PYTEST) --ignore tests/hostile --ignore tests/browser
	SLIPWAY_TEST_DATABASE=postgresql $(RUN) $(PYTEST) tests/browser
	SLIPWAY_TEST_DATABASE=sqlite $(RUN) $(PYTEST) -m "not once" tests/integration tests/functional
	$(RUN) $(PYTEST) tests/hostile

coverage: $(DEV_STAMP) ## Measure which branches the tests take, browser left out; fails below 95 %
	@$(RUN) -m coverage erase
	SLIPWAY_TEST_DATABASE=postgresql $(RUN) -m coverage run $(PYTEST) --ignore tests/hostile --ignore tests/browser
	@$(RUN) -m coverage combine --quiet
	$(RUN) -m coverage report

lint: $(DEV_STAMP) ## Check style, types, import contracts and templates
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy app wsgi.py tests static/cli/slipway.py
	$(VENV)/bin/lint-imports
	$(RUN) -m djlint --lint templates

bench: $(BENCH_STAMP) ## Measure creates, deliveries, notes and starts, and write docs/benchmarks.md
	$(RUN) -m tests.bench

chaos: $(DEV_STAMP) ## Kill processes and servers at named points, a thousand times, and look for what was lost
	$(RUN) -m tests.chaos

screenshots: $(DEV_STAMP) ## Take the screenshots of the README anew (needs Chromium)
	$(RUN) -m tests.screenshots

translations: $(DEV_STAMP) ## Collect the sentences of pages, and compile what is translated
	$(RUN) -m tests.translations

lock: ## Choose the newest versions of all dependencies (needs uv)
	$(COMPILE) --upgrade .requirements/app.in --output-file requirements.txt
	$(COMPILE) --upgrade .requirements/dev.in --constraint requirements.txt --output-file .requirements/dev.txt
	$(COMPILE) --upgrade .requirements/bench.in --constraint .requirements/dev.txt --output-file .requirements/bench.txt

$(APP_STAMP): requirements.txt .requirements/make-venv
	@PYTHON="$(PYTHON)" VENV="$(VENV)" sh .requirements/make-venv
	@echo "Installing the requirements into $(VENV)"
	@$(INSTALL) -r requirements.txt
	@touch $@

$(DEV_STAMP): .requirements/dev.txt $(APP_STAMP)
	@echo "Installing what tests and linting need into $(VENV)"
	@$(INSTALL) -r .requirements/dev.txt
	@touch $@

$(BENCH_STAMP): .requirements/bench.txt $(DEV_STAMP)
	@echo "Installing what the benchmarks compare with into $(VENV)"
	@$(INSTALL) -r .requirements/bench.txt
	@touch $@

# Without npm, or a registry that it reaches, nothing fails: the one test that needs this says that it was left out.
$(NODE_STAMP): .requirements/node/package-lock.json $(APP_STAMP)
	@mkdir -p $(VENV)/node
	@cp .requirements/node/*.json $(VENV)/node
	@if npm ci --prefix $(VENV)/node --ignore-scripts --no-audit --no-fund --fetch-retries 0 >/dev/null 2>&1; \
	then touch $@; else echo "The verifier in JavaScript cannot be installed here; its test will be skipped"; fi

# Two commands do all set-up: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow test-browser check format bench serve lock clean docs reference fuzz

help: ## List what can be made
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# `uv` is faster at the same lock file and is used where it is on the PATH.
define install
	@if command -v uv >/dev/null 2>&1; then \
	  uv pip sync --quiet --require-hashes --python $(BIN)/python $(1) && \
	  uv pip install --quiet --no-deps --no-build-isolation --python $(BIN)/python -e . ; \
	else \
	  $(PIP) install --require-hashes --no-deps -r $(1) && \
	  $(PIP) install --no-deps --no-build-isolation -e . ; \
	fi
endef

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Fivefold needs Python 3.11 or later; set PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements/run.txt pyproject.toml | $(BIN)/python
	@echo "Installing what Fivefold runs on (once, about a minute) …"
	$(call install,requirements/run.txt)
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml | $(BIN)/python
	@echo "Installing what the tests need (once, about a minute) …"
	$(call install,requirements/dev.txt)
	@touch $(VENV)/.run $@

demo: $(VENV)/.run ## Build the example seller and run the whole loop on it
	$(BIN)/fivefold demo

test: $(VENV)/.dev ## Run the default tests
	$(BIN)/pytest -n auto -m "not slow and not browser and not postgres"

test-slow: $(VENV)/.dev ## Run the long proofs too
	$(BIN)/pytest -m "slow"

$(VENV)/.axe: requirements/browser.txt $(VENV)/.dev
	$(PIP) install --require-hashes --no-deps --upgrade --target $(VENV)/axe -r requirements/browser.txt
	@touch $@

test-browser: $(VENV)/.dev $(VENV)/.axe ## Drive the tower in headless Chromium; screenshots in build/screens
	@command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 || $(BIN)/playwright install chromium
	$(BIN)/pytest -m browser tests/faces

check: $(VENV)/.dev ## Format, lint, types, house and default tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(MAKE) test

format: $(VENV)/.dev ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix-only .

bench: $(VENV)/.dev ## Run every benchmark in its quick form
	@for name in $$(ls benchmarks/*.py | xargs -n1 basename | sed 's/\.py$$//' | grep -v '^_'); do \
	  echo "== $$name"; $(BIN)/python -m benchmarks.$$name --quick --json || test $$? -eq 3 ; done

serve: $(VENV)/.run ## Serve the control tower with the example on 127.0.0.1
	$(BIN)/fivefold serve

reference: $(VENV)/.dev ## Write docs/reference from the program
	$(BIN)/python -m docs.reference_pages

docs: $(VENV)/.dev ## Build the docs as a site in build/site, dead links refused
	$(BIN)/python -m docs.reference_pages
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "build/site/index.html"

fuzz: $(VENV)/.dev ## Fuzz the API from its OpenAPI, 6,000 cases, and sweep who may call what
	$(BIN)/pytest -p no:xdist tests/faces/test_api_abuse.py tests/faces/test_api_access.py -k "six_thousand or seeded or every_route"

lock: $(VENV)/.dev ## Make the hashed lock files again
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --all-extras --no-extra cluster --group build pyproject.toml -o requirements/run.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --all-extras --no-extra cluster --group build --group dev -c requirements/run.txt pyproject.toml -o requirements/dev.txt

clean: ## Remove the environment and everything made
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache workspace

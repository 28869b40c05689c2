# Every task of this repository, the same on a laptop and in CI. `make` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Without byte code every command starts two to three times slower.
unexport PYTHONDONTWRITEBYTECODE
PIP := $(BIN)/python -m pip --disable-pip-version-check
# One word for the shell, whatever is in it.
quoted = '$(subst ','\'',$(1))'

.PHONY: help demo test test-all check format messages bench lock clean

help: ## List the tasks
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

demo: $(VENV)/.run ## Set up and start the hub with a lively demo (PORT=8000, DEMO=.demo); Ctrl-C ends it
	@exec $(BIN)/hub demo $(if $(PORT),--port $(call quoted,$(PORT))) $(if $(DEMO),--folder $(call quoted,$(DEMO)))

test: $(VENV)/.dev ## Set up and run the default test suite (tests of the house itself belong to check)
	$(BIN)/pytest -n 2 --dist worksteal --ignore=tests/house -m "not real and not browser and not slow" $(ARGS)

test-all: $(VENV)/.dev $(if $(TESTED),,test) ## Everything: real peers, browser, faults, PostgreSQL (TESTED=1: `make test` has passed)
	$(BIN)/pytest -n 2 --dist loadfile -m "real or browser or slow" $(ARGS)
	HUB_TEST_DATABASE=postgresql $(BIN)/pytest -n 2 --dist worksteal --ignore=tests/house -m "not real and not browser and not slow" $(ARGS)

check: $(VENV)/.dev ## Format, lint, types, import contracts, sizes, templates, dependencies, translations, docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djlint --lint templates
	$(BIN)/deptry .
	$(BIN)/pytest tests/house $(ARGS)

format: $(VENV)/.dev ## Put code and templates into the house's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	

messages: $(VENV)/.dev ## Collect the texts for translators into hub/locale/hub.pot and update the catalogues
	$(BIN)/pybabel --quiet extract -F pyproject.toml -k N_ -k _ -k ngettext:1,2 \
	  --no-location --omit-header --sort-output --no-wrap -o hub/locale/hub.pot .
	for po in hub/locale/*/LC_MESSAGES/hub.po; do [ ! -e $$po ] || \
	  $(BIN)/pybabel --quiet update --no-fuzzy-matching --no-wrap -i hub/locale/hub.pot -d hub/locale -D hub \
	    -l $$(basename $$(dirname $$(dirname $$po))); done

bench: $(VENV)/.dev ## Measure (ONLY=name for one); writes build/bench.json
	$(BIN)/python -m bench $(if $(ONLY),--only $(ONLY))

lock: $(VENV)/.run ## Resolve the dependencies anew into requirements.lock and requirements-dev.lock
	$(PIP) install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --extra postgres --universal --python-version 3.11 \
	  --upgrade --no-header --no-annotate --quiet --output-file requirements.lock
	$(BIN)/uv pip compile pyproject.toml --extra postgres --group dev --universal \
	  --python-version 3.11 --no-header --no-annotate --quiet \
	  --constraint requirements.lock --output-file requirements-dev.lock

clean: ## Remove what the tasks made (the environment, the demo, caches); nothing of yours
	rm -rf $(VENV) .demo build dist .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find hub plugins tests bench -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "The hub needs Python 3.11 or newer: make PYTHON=python3.11 ..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
	  || { rm -rf $(VENV); echo "There is no virtual environment in $(VENV); the reason stands above."; \
	       $(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || echo "On Debian: apt install python3-venv"; exit 1; }

# The stamps are newer than what they were made from, so a second start installs nothing.
$(VENV)/.run: requirements.lock pyproject.toml hatch_build.py | $(BIN)/python
	@echo "Installing the hub into $(VENV) (once, about a minute) ..."
	@$(PIP) install --quiet --requirement requirements.lock
	@$(PIP) install --quiet --no-deps --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.run
	@echo "Installing the tools for tests and checks ..."
	@$(PIP) install --quiet --requirement requirements-dev.lock
	@touch $@

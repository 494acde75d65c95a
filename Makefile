# make run   what the agent would make of this machine's processes
# make test  lint, types and all tests
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
CONFIG ?= sample-configs/typical.yaml

.DEFAULT_GOAL := help
.PHONY: help run test check lint format readme types pytest fuzz completions goldens schemas clean
.NOTPARALLEL: # one venv, and pytest runs in parallel by itself

help:  ## list the chores
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sort | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

run: $(VENV)/.run  ## scan this machine's live processes with a sample configuration
	@$(BIN)/proccli scan --config $(CONFIG)

test: check  ## set up everything, then lint, types and all tests

check: lint types pytest

lint: $(VENV)/.dev  ## ruff: rules and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENV)/.dev  ## mypy --strict
	@$(BIN)/mypy

pytest: $(VENV)/.dev  ## the tests alone
	@$(BIN)/python -m pytest -q -n auto --dist worksteal

fuzz: $(VENV)/.dev  ## all property tests with many more examples (N=20000 for the Rust dialect)
	@RUSTREGEX_FUZZ=$${N:-20000} $(BIN)/python -m pytest -q -n auto tests/rustregex
	@PROCCLI_TESTS=full $(BIN)/python -m pytest -q -n auto -m hypothesis --ignore=tests/rustregex

goldens: $(VENV)/.dev  ## write tests/golden anew: read the diff before you commit it
	@$(BIN)/python -m tests.commands.goldens

completions: $(VENV)/.dev  ## write completions/ anew
	@$(BIN)/python -m tests.cli.completions

schemas: $(VENV)/.dev  ## write proccli/schemas anew from the declared records
	@$(BIN)/python -m tests.schemas

readme: $(VENV)/.dev  ## write what the commands in README.md and docs/ print anew
	@$(BIN)/python -m tests.readme

format: $(VENV)/.dev  ## put the code into ruff's format
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

clean:  ## remove what make built
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis

# An interrupted pip leaves what can't be told from a whole venv by looking at it: so there is no
# stamp while it runs, and without one the venv is made again from nothing.
define venv
@test -e $(VENV)/.run -a -z '$(OTHER)' || { \
  command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) is missing: install Python 3.10 or newer (Debian: apt install python3 python3-venv)" >&2; exit 1; }; \
  $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "make: $(PYTHON) is older than 3.10: name a newer one, as in: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }; \
  $(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "make: $(PYTHON) has no venv module: apt install python3-venv (Debian, Ubuntu), then make again" >&2; exit 1; }; \
  $(PYTHON) -m venv --clear $(VENV); }
@rm -f $(VENV)/.run $(VENV)/.dev
endef
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check --editable

# A PYTHON that is named is the one the venv is made with.
ifneq ($(origin PYTHON),file)
ifneq ($(shell cat $(VENV)/.run 2>/dev/null),$(PYTHON))
OTHER := yes
$(VENV)/.run $(VENV)/.dev: FORCE
endif
endif

$(VENV)/.run: pyproject.toml
	$(venv)
	@$(PIP) .
	@echo $(PYTHON) >$@

$(VENV)/.dev: pyproject.toml
	$(venv)
	@$(PIP) '.[dev]'
	@echo $(PYTHON) >$(VENV)/.run
	@touch $@

FORCE:

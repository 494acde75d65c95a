# make run   scan this machine with a sample configuration
# make test  check style and types, and run all tests
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
CONFIG ?= sample-configs/typical.yaml

.DEFAULT_GOAL := help
.PHONY: help run test check lint format readme types pytest fuzz bench completions goldens schemas clean
.NOTPARALLEL: # one venv, and pytest runs in parallel by itself

help:  ## list all chores
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sort | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

run: $(VENV)/.run  ## scan this machine's live processes with a sample configuration
	@$(BIN)/proccli scan --config $(CONFIG)

test: check  ## check style and types, and run all tests

check: lint types pytest

lint: $(VENV)/.dev  ## check style (ruff)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENV)/.dev  ## check types (mypy --strict)
	@$(BIN)/mypy

pytest: $(VENV)/.dev  ## run only the tests
	@$(BIN)/python -m pytest -q -n auto --dist worksteal

fuzz: $(VENV)/.dev  ## run all property tests with many more examples (N=20000 for the regex dialect)
	@RUSTREGEX_FUZZ=$${N:-20000} $(BIN)/python -m pytest -q -n auto tests/rustregex
	@PROCCLI_TESTS=full $(BIN)/python -m pytest -q -n auto -m hypothesis --ignore=tests/rustregex

bench: $(VENV)/.dev  ## measure against other programs and write docs/performance.md; SIZE=500/2000 prints only
	@$(BIN)/python benchmarks/bench.py $(SIZE)

goldens: $(VENV)/.dev  ## update tests/golden; review the diff before you commit it
	@$(BIN)/python -m tests.commands.goldens

completions: $(VENV)/.dev  ## update completions/
	@$(BIN)/python -m tests.cli.completions

schemas: $(VENV)/.dev  ## update proccli/schemas from the declared records
	@$(BIN)/python -m tests.schemas

readme: $(VENV)/.dev  ## update the output shown in README.md and docs/
	@$(BIN)/python -m tests.readme

format: $(VENV)/.dev  ## format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

clean:  ## remove everything that make created
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis

# A venv after an interrupted pip looks like a complete one. So there is no stamp file while pip runs,
# and without a stamp file the venv is created again.
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

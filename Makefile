# make run   scan this machine with a sample configuration
# make test  check style and types, and run all tests
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
CONFIG ?= sample-configs/typical.yaml

.DEFAULT_GOAL := help
.PHONY: help run test check lint format docs readme man pictures types pytest fuzz bench completions goldens schemas dist clean
.NOTPARALLEL: # one venv, and pytest runs in parallel by itself

help:  ## list all chores
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sort | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

run: $(VENV)/.run  ## scan this machine's live processes with a sample configuration
	@echo '$$ $(BIN)/proccli scan --config $(CONFIG)' >&2
	@$(BIN)/proccli scan --config $(CONFIG)

test: check  ## check style and types, and run all tests

check: lint types pytest

lint: $(VENV)/.dev  ## check style (ruff)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENV)/.dev  ## check types (mypy --strict)
	@$(BIN)/mypy

# With bytecode, whatever the environment says: else every program that a test starts compiles all
# its modules.
pytest: $(VENV)/.dev  ## run only the tests
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -q -n auto --dist worksteal

fuzz: $(VENV)/.dev  ## run all property tests with many more examples (N=20000 for the regex dialect)
	@RUSTREGEX_FUZZ=$${N:-20000} $(BIN)/python -m pytest -q -n auto tests/rustregex
	@PROCCLI_TESTS=full $(BIN)/python -m pytest -q -n auto -m hypothesis --ignore=tests/rustregex

bench: $(VENV)/.dev  ## measure against other programs and write docs/performance.md; SIZE=500/2000 prints only
	@$(BIN)/python benchmarks/bench.py $(SIZE) --rounds $${ROUNDS:-5}

goldens: $(VENV)/.dev  ## update tests/golden; review the diff before you commit it
	@$(BIN)/python -m tests.commands.goldens

completions: $(VENV)/.dev  ## update completions/
	@$(BIN)/python -m tests.cli.completions

schemas: $(VENV)/.dev  ## update proccli/schemas from the declared records
	@$(BIN)/python -m tests.schemas

docs: completions schemas readme man pictures  ## update everything in README and docs/ that is generated

readme: $(VENV)/.dev  ## update the output shown in README.md and docs/
	@$(BIN)/python -m tests.readme

man: $(VENV)/.dev  ## update docs/man from the commands
	@$(BIN)/python -m tests.manpages

pictures: $(VENV)/.dev  ## update docs/images
	@$(BIN)/python -m tests.pictures

dist: $(VENV)/.run  ## build sdist, wheel and proccli.pyz in dist/
	@$(BIN)/python -m pip install -qq --disable-pip-version-check 'build>=1.2'
	@rm -rf dist && mkdir dist
	@echo "Building the sdist and, from it, the wheel ..." >&2
	@$(BIN)/python -m build --outdir dist . >dist/build.log 2>&1 || { cat dist/build.log >&2; exit 1; }
	@rm dist/build.log
	@echo "Building proccli.pyz with its dependencies for $(if $(TARGETS),$(TARGETS),Python 3.10 to 3.14) ..." >&2
	@$(BIN)/python -m tests.bundle.archive dist/proccli-*.whl dist/proccli.pyz $(TARGETS)
	@ls -l dist

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
  echo "Creating the virtual environment $(VENV) with $$($(PYTHON) --version) ..." >&2; \
  $(PYTHON) -m venv --clear $(VENV); }
@rm -f $(VENV)/.run $(VENV)/.dev
endef
# Prints a line for each package; everything if pip fails. Modules are compiled when they are first
# imported: few are of numpy, pandas and the like, and to compile all takes half of pip's time.
define install
@echo "Installing $(1) in $(VENV) (once; about $(2)) ..." >&2
@{ $(BIN)/python -m pip install --no-compile --progress-bar off --disable-pip-version-check --editable $(3) 2>&1; \
  echo "pip exited with $$?"; } | tee $(VENV)/pip.log | \
  awk '/^(Collecting|Processing) /{sub(".*/", "", $$2); sub("-(cp|py)[0-9].*", "", $$2); print "  " $$2 > "/dev/stderr"} END{exit $$0 != "pip exited with 0"}' || \
  { cat $(VENV)/pip.log >&2; exit 1; }
endef

# A PYTHON that is named is the one the venv is made with.
ifneq ($(origin PYTHON),file)
ifneq ($(shell cat $(VENV)/.run 2>/dev/null),$(PYTHON))
OTHER := yes
$(VENV)/.run $(VENV)/.dev: FORCE
endif
endif

$(VENV)/.run: pyproject.toml
	$(venv)
	$(call install,proccli,half a minute,.)
	@echo $(PYTHON) >$@

$(VENV)/.dev: pyproject.toml
	$(venv)
	$(call install,proccli and the tools for its tests,a minute,'.[dev]')
	@echo $(PYTHON) >$(VENV)/.run
	@touch $@

FORCE:

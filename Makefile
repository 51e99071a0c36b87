# One target for each task; CI runs the same ones (.ci/run).

# Function Compute runs CPython 3.10: take it where it is found, or else python3.
PYTHON ?= $(shell \
	for p in python3.10 "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.10.*/bin/python3.10 python3; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1 \
	&& { echo "$$p"; break; }; done)
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

.PHONY: help run demo test mutants soak crash bench conformance scale parity docs check audit format \
	lock clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: $(VENV)/.run ## the function and a local cloud on 127.0.0.1, until Ctrl-C (PLATFORM=3.0)
	@trap '' INT; exec $(BIN)/python -m local run

demo: $(VENV)/.run ## a tour that takes seconds
	@trap '' INT; exec $(BIN)/python -m local demo

test: $(VENV)/.dev tests/pages/node_modules ## every test, one process per core, with coverage of function/
	@$(BIN)/python -m coverage erase
	COVERAGE_PROCESS_START=pyproject.toml $(BIN)/python -m pytest -q -n auto --dist worksteal
	@$(BIN)/python -m coverage combine -q
	$(BIN)/python -m coverage report

# axe-core, which judges the pages; without npm its tests are skipped, with the reason.
tests/pages/node_modules: tests/pages/package-lock.json
	@if command -v npm >/dev/null; then \
		cd tests/pages && npm ci --silent --no-audit --no-fund && touch node_modules; fi

mutants: $(VENV)/.dev ## break function/ in 200 small ways and see which tests fail (OPTIONS=--help)
	$(BIN)/python -m tests.mutants $(OPTIONS)

soak: $(VENV)/.dev ## 10,000 requests under random faults, with an audit (PLATFORM=3.0)
	PYTHONPATH=function:. $(BIN)/python -m tests.faults.soak

crash: $(VENV)/.dev ## kill the parts of the local cloud at random, and check that nothing is lost
	PYTHONPATH=function:. $(BIN)/python -m tests.faults.crash

bench: $(VENV)/.dev ## compare with the usual clients (bench/RESULTS.md); takes five minutes
	$(BIN)/python -m bench

conformance: $(VENV)/.dev ## check thousands of generated requests against the contract
	CONFORMANCE_CASES=3000 $(BIN)/python -m pytest -q --timeout 3600 tests/contract/test_conformance.py

scale: $(VENV)/.dev ## simulate callers, instances and the quota again (docs/scale.md)
	PYTHONPATH=function:. $(BIN)/python bench/scale.py

parity: $(VENV)/.dev ## ask the cloud what is assumed of it (ENDPOINT=…, OPTIONS=--help)
	$(BIN)/python -m parity ask $(if $(ENDPOINT),--endpoint $(ENDPOINT)) $(OPTIONS)

docs: $(VENV)/.dev ## write the files that are generated from the code: contract, problems, tables
	$(BIN)/python -m contract

check: $(VENV)/.dev audit ## check format, lint, types, security and the imports of a cold start
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/bandit -q -ll -r function local deploy contract
	$(BIN)/python -m pytest -q tests/bench/test_budget.py

# Checks the locked hashes. An entry that the advisory service does not know is listed as skipped,
# not as safe.
audit: $(VENV)/.dev ## look for known vulnerabilities in what ships
	$(BIN)/pip-audit --require-hashes --disable-pip -r function/requirements.txt
	$(BIN)/pip-audit --require-hashes --disable-pip -r function/requirements-web.txt

format: $(VENV)/.dev ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# What ships is locked for what Function Compute runs, the rest for every supported Python; the
# comments in the .in files say why each entry is there.
COMPILE = $(BIN)/uv pip compile --generate-hashes --no-emit-index-url --no-emit-find-links \
	--no-header --no-annotate --quiet
LOCK = $(COMPILE) --python-version 3.10
lock: $(VENV)/.dev ## write the locked requirements again
	$(PIP) install uv
	$(LOCK) --python-platform x86_64-manylinux2014 function/requirements.in \
		-o function/requirements.txt
	$(COMPILE) --python-version 3.12 --python-platform x86_64-manylinux2014 function/requirements-web.in \
		-c function/requirements.txt -o function/requirements-web.txt
	$(LOCK) --universal requirements-run.in -c function/requirements.txt -o requirements-run.txt
	$(LOCK) --universal requirements-dev.in -c requirements-run.txt -o requirements-dev.txt
	$(LOCK) --universal bench/requirements.in -c requirements-dev.txt -o bench/requirements.txt

clean: ## delete the environment and the data of the local cloud
	rm -rf $(VENV) .venv-bench .local dist

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { \
		echo "make: no Python 3.10 or newer was found; install one or run make PYTHON=…" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements-run.txt | $(VENV)/bin/python
	@echo "installing what the local cloud needs into $(VENV) …"
	@$(PIP) install --require-hashes -r requirements-run.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.run
	@echo "installing what the tests need into $(VENV) …"
	@$(PIP) install --require-hashes -r requirements-dev.txt
	@touch $@

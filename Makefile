HIGAWARI_HOME ?= var/main
DEMO_HOME ?= var/demo
PORT ?= 8080

VENV := .venv
PY := $(VENV)/bin/python
RUN_READY := $(VENV)/.run-ready
DEV_READY := $(VENV)/.dev-ready
BIGQUERY_READY := $(VENV)/.bigquery-ready
EMULATOR_READY := .emulator/.ready
UV = $(shell command -v uv || echo $(VENV)/bin/uv)
EMBEDDED := $(PY) -m include.embedded
INSIDE := $(EMBEDDED) exec --home $(HIGAWARI_HOME) --
# Files go in the order of tests/conftest.py, the longest first.
SIDE_BY_SIDE = $(PY) -m pytest -q -n auto --dist loadfile --no-loadscope-reorder
COMPILE := pip compile --quiet --universal --python-version 3.11 --custom-compile-command "make lock"

# Each of many processes would compile what it imports; kept out of the source tree, as was asked.
ifdef PYTHONDONTWRITEBYTECODE
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX ?= $(CURDIR)/var/pycache
endif

.DEFAULT_GOAL := help
.PHONY: help setup dev demo up down status ingest freshness test unit test-long test-contract test-production bigquery bigquery-dry-run
.PHONY: emulator lint bench drill compose-env lock

# Show what make can do
help:
	@awk '/^# /{text = substr($$0, 3); next} /^[a-z-]+:/{if (text) {split($$1, name, ":"); printf "  make %-16s %s\n", name[1], text}} {text = ""}' $(MAKEFILE_LIST)
	@echo "  Variables: HIGAWARI_HOME=$(HIGAWARI_HOME) PORT=$(PORT) PYTHON=<3.11, 3.12 or 3.13>"

# Make the environment in .venv from the lock (every other target does so by itself)
setup: $(RUN_READY)

# Simulate a photo service and run the recommender on it from end to end
demo: $(RUN_READY)
	$(PY) -m include.demo --home $(DEMO_HOME) --port $(PORT)

# Add what tests, lint and types need
dev: $(DEV_READY)

# Start Airflow on this machine, with its data in HIGAWARI_HOME and its UI on PORT
up: $(RUN_READY)
	$(EMBEDDED) up --home $(HIGAWARI_HOME) --port $(PORT)

# Stop the Airflow of HIGAWARI_HOME
down: $(RUN_READY)
	$(EMBEDDED) down --home $(HIGAWARI_HOME)

# Say which components run and whether they are healthy
status: $(RUN_READY)
	$(EMBEDDED) status --home $(HIGAWARI_HOME)

# Land your own events and items: make ingest SOURCE=path/to/folder
ingest: $(RUN_READY)
	@test -n "$(SOURCE)" || { echo "Expected: the folder that holds events.* and items.*. Found: no SOURCE. Next step: make ingest SOURCE=path/to/folder"; exit 2; }
	$(INSIDE) python -m include.recommender.history --source "$(SOURCE)"

# Say what readers see and how old it is; fails where it is not fresh
freshness: $(RUN_READY)
	@HIGAWARI_HOME=$(HIGAWARI_HOME) $(PY) -m include.retraining.publication.freshness

# Run every test: units, those which start Airflow, and BigQuery's contract on an emulator
test: unit $(EMULATOR_READY)
	$(SIDE_BY_SIDE) --durations=40 -m "integration or service"

# Hold the BigQuery warehouse against the embedded one, on an emulator (part of make test)
test-contract: $(DEV_READY) $(EMULATOR_READY)
	$(SIDE_BY_SIDE) --durations=15 tests/contract

# Run the tests which take seconds
unit: $(DEV_READY)
	$(SIDE_BY_SIDE) -m "not integration and not service and not long"

# Run what takes a quarter of an hour: seven backfilled days beside a schedule
test-long: $(DEV_READY)
	$(PY) -m pytest -q -m long

# Run docker-compose.yaml's services on the PostgreSQL and Redis of this machine (part of make test)
test-production: $(DEV_READY)
	CI=true $(PY) -m pytest -q --durations=10 tests/production

# Add what warehouse = "bigquery" needs
bigquery: $(BIGQUERY_READY)

# Let your BigQuery project read every statement without running any: free
bigquery-dry-run: $(BIGQUERY_READY)
	$(INSIDE) python -m include.recommender.dry_run

# Make the environment of the BigQuery emulator, for tests
emulator: $(EMULATOR_READY)

# Check style, format and types
lint: $(DEV_READY)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

# Measure speed and memory: make bench SCALE=1M,3M,10M, or any part: make bench BENCH="--help"
bench: $(RUN_READY)
	$(PY) -m benchmarks $(if $(SCALE),--parts scale --scale $(SCALE)) $(BENCH)

# Make the secrets of docker-compose.yaml, once, in .env
compose-env: $(RUN_READY)
	@$(PY) -m include.production.secret_file .env

# Strike every task with faults, which wants the machine for itself: make drill DRILL="--help"
drill: $(RUN_READY)
	$(PY) -m drill $(DRILL)

# Resolve every requirements*.in into exact versions
lock: $(RUN_READY)
	$(UV) $(COMPILE) requirements.in -o requirements.txt
	$(UV) $(COMPILE) requirements-dev.in -o requirements-dev.txt
	$(UV) $(COMPILE) requirements-bigquery.in -o requirements-bigquery.txt
	$(UV) $(subst 3.11,3.13,$(COMPILE)) tests/contract/requirements-emulator.in -o tests/contract/requirements-emulator.txt

# A command that exists may still fail to start (pyenv shims), so each is tried before it is chosen.
$(PY):
	@for python in $(or $(PYTHON),python3.13 python3.12 python3.11 python3); do \
		"$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null || continue; \
		echo "Making $(VENV) with $$("$$python" --version) ($$python)"; \
		if command -v uv >/dev/null; then uv venv --python "$$("$$python" -c 'import sys; print(sys.executable)')" $(VENV); exit; fi; \
		"$$python" -m venv $(VENV); exit; \
	done; \
	echo "Expected: Python 3.11, 3.12 or 3.13. Found: $(if $(PYTHON),$(PYTHON) is none of them or does not start,none among python3.13 python3.12 python3.11 python3). Next step: make setup PYTHON=/path/to/python3.12"; exit 1

$(RUN_READY): requirements.txt | $(PY)
	@command -v uv >/dev/null || test -x $(VENV)/bin/uv || $(PY) -m pip install uv
	$(UV) pip install --python $(PY) -r requirements.txt
	@touch $@

$(DEV_READY): requirements-dev.txt $(RUN_READY)
	$(UV) pip install --python $(PY) -r requirements-dev.txt
	@touch $@

$(BIGQUERY_READY): requirements-bigquery.txt $(RUN_READY)
	$(UV) pip install --python $(PY) -r requirements-bigquery.txt
	@touch $@

$(EMULATOR_READY): tests/contract/requirements-emulator.txt tests/contract/install_emulator.py $(BIGQUERY_READY)
	$(PY) -m tests.contract.install_emulator .emulator
	@touch $@

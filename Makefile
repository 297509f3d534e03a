# The commands of this repository. Each installs what it needs into .workledger/ first.
SHELL := /bin/bash
PYTHON ?= python3
HOME_DIR := .workledger
BIN := $(HOME_DIR)/venv/bin
export PYTHONPYCACHEPREFIX := $(CURDIR)/$(HOME_DIR)/cache/pycache
export RUST_BACKTRACE := 0
export HYPOTHESIS_STORAGE_DIRECTORY := $(CURDIR)/$(HOME_DIR)/cache/hypothesis

.PHONY: help install demo test check format bench soak lock clean

help:  ## Show this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-8s %s\n", $$1, $$2}'

install: $(HOME_DIR)/installed.stamp $(HOME_DIR)/broker/jars.stamp  ## Install the dependencies and the broker's jars

$(HOME_DIR)/installed.stamp: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed. Try: make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; exit 2; }
	@mkdir -p $(HOME_DIR)
	test -x $(BIN)/python || $(PYTHON) -m venv $(HOME_DIR)/venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(HOME_DIR)/broker/jars.stamp: infra/broker/pom.xml
	@command -v mvn >/dev/null || \
	  { echo "Maven is needed for the broker. Install it, for example: apt-get install maven" >&2; exit 2; }
	@mkdir -p $(HOME_DIR)/broker/jars
	mvn --quiet --batch-mode -f infra/broker/pom.xml dependency:copy-dependencies \
	  -DincludeScope=runtime -DoutputDirectory=$(CURDIR)/$(HOME_DIR)/broker/jars
	@touch $@

demo: install  ## Play a small history and show who is owed what (ARGS=--once to end by itself)
	@$(BIN)/workledger demo $(ARGS)

test: install  ## Run the tests, the ones against the real broker and engine included
	$(if $(ARGS),$(BIN)/pytest $(ARGS),$(BIN)/python -m tests.halves)

check: install  ## Format, lint, types, and that every schema reads all its versions
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/workledger schemas check

format: install  ## Format the code and mend what the linter can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: install  ## Measure this machine: the payout worker, stock Faust, and the limit
	$(BIN)/python -m tests.bench $(ARGS)

soak: install  ## Kill workers, broker and ClickHouse at random for ten minutes (ARGS="--minutes 60")
	$(BIN)/python -m tests.faults.soak $(ARGS)

lock: install  ## Write requirements.lock anew, with hashes and without addresses
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
	  --generate-hashes --no-header --no-annotate --no-emit-index-url --quiet -o requirements.lock

clean:  ## Remove everything these commands wrote
	rm -rf $(HOME_DIR)

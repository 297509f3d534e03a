# The commands of this repository. Each installs what it needs into .workledger/ first.
SHELL := /bin/bash
PYTHON ?= python3
HOME_DIR := .workledger
BIN := $(HOME_DIR)/venv/bin
export PYTHONPYCACHEPREFIX := $(CURDIR)/$(HOME_DIR)/cache/pycache
# Where bytecode is not kept, each of many short processes compiles everything anew.
unexport PYTHONDONTWRITEBYTECODE
export RUST_BACKTRACE := 0
export HYPOTHESIS_STORAGE_DIRECTORY := $(CURDIR)/$(HOME_DIR)/cache/hypothesis

# Most tests wait for processes, so files of tests run side by side, each with a stack of its own.
SIDE_BY_SIDE := --numprocesses 3 --dist loadfile --no-loadscope-reorder

# uv takes a tenth of pip's time; where it finds no index (it does not read pip's settings), pip does it.
INSTALL := $(BIN)/uv pip install --quiet --system-certs --require-hashes
# What every process imports is compiled here, once; the rest of the packages when it is first used.
COMPILE := $(BIN)/python -c "import api.app, infra.cli.main, infra.clickhouse.server, streams.worker"

.PHONY: help install demo test check format bench soak lock clean

help:  ## Show this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-8s %s\n", $$1, $$2}'

install: $(HOME_DIR)/installed.stamp $(HOME_DIR)/broker/jars.stamp  ## Install the dependencies and the broker's jars

$(HOME_DIR)/installed.stamp: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed. Try: make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; exit 2; }
	@mkdir -p $(HOME_DIR)
	test -x $(BIN)/python || $(PYTHON) -m venv $(HOME_DIR)/venv
	awk '/^uv==/ {found = 1} found; found && !/\\$$/ {exit}' requirements.lock > $(HOME_DIR)/uv.txt
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r $(HOME_DIR)/uv.txt
	$(INSTALL) --python $(BIN)/python -r requirements.lock || \
	  $(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	$(COMPILE)
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

# What polars gains from threads it loses where more processes run than processors are there.
test: export POLARS_MAX_THREADS := 1
test: install  ## Run the tests, the ones against the real broker and engine included
	$(BIN)/pytest $(or $(ARGS),$(SIDE_BY_SIDE))

check: install  ## Format, lint, types, and that every schema reads all its versions
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/workledger schemas check

format: install  ## Format the code and mend what the linter can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

PEERS := tests/bench/peers
QUIX_STREAMS := $(HOME_DIR)/bench/quix_streams
KAFKA_STREAMS := $(HOME_DIR)/bench/kafka_streams

$(QUIX_STREAMS)/installed.stamp: $(PEERS)/quix_streams/requirements.lock
	test -x $(QUIX_STREAMS)/bin/python || $(PYTHON) -m venv $(QUIX_STREAMS)
	$(INSTALL) --python $(QUIX_STREAMS)/bin/python -r $< || \
	  $(QUIX_STREAMS)/bin/python -m pip install --quiet --require-hashes -r $<
	@touch $@

$(KAFKA_STREAMS)/built.stamp: $(shell find $(PEERS)/kafka_streams -name '*.java') $(PEERS)/kafka_streams/pom.xml
	mvn --quiet --batch-mode -f $(PEERS)/kafka_streams/pom.xml compile dependency:copy-dependencies \
	  -Dout=$(CURDIR)/$(KAFKA_STREAMS) -DoutputDirectory=$(CURDIR)/$(KAFKA_STREAMS)/jars
	@touch $@

bench: install $(QUIX_STREAMS)/installed.stamp $(KAFKA_STREAMS)/built.stamp  ## Measure this machine: the workers, their peers, and the limits
	$(BIN)/python -m tests.bench $(ARGS)

soak: install  ## Kill workers, broker and ClickHouse at random for ten minutes (ARGS="--minutes 60")
	$(BIN)/python -m tests.faults.soak $(ARGS)

LOCK := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header \
  --no-annotate --no-emit-index-url --quiet

lock: install  ## Write the lock files anew, with hashes and without addresses
	$(LOCK) pyproject.toml --extra dev -o requirements.lock
	$(LOCK) $(PEERS)/quix_streams/requirements.in -o $(PEERS)/quix_streams/requirements.lock

clean:  ## Remove everything these commands wrote
	rm -rf $(HOME_DIR)

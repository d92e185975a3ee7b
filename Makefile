# Everything a person does with this checkout. A fresh machine needs Python 3.11 or newer (with venv) and make.

PYTHON ?= python3
# Set on the command line only: HOST and PORT are names that other software puts into the environment.
HOST = 127.0.0.1
PORT = 8000
DATA = data
CONFIG =
ARGS =
UPGRADE =

VENV := .venv
BIN := $(VENV)/bin
RUN := $(VENV)/.installed-run
DEV := $(VENV)/.installed-dev

LOCK = $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	--no-annotate $(if $(UPGRADE),--upgrade)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help install run serve test test-long peers lint format lock schema bench clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(RUN) ## Install into .venv what running needs (the other targets do it by themselves)
	@echo "$(VENV) is ready"

run: $(RUN) ## Start the ledger with a simulated shop floor [HOST=127.0.0.1 PORT=8000 DATA=data]
	@exec $(BIN)/taktledger demo --host "$(HOST)" --port "$(PORT)" --data "$(DATA)"

serve: $(RUN) ## Start the ledger [HOST=127.0.0.1 PORT=8000 DATA=data CONFIG=taktledger.toml]
	@exec $(BIN)/taktledger serve --host "$(HOST)" --port "$(PORT)" --data "$(DATA)" $(if $(CONFIG),--config "$(CONFIG)")

test: $(DEV) ## Run the tests that take seconds [ARGS="-k tools"]
	@$(BIN)/python -m pytest -m "not long" -n auto --maxprocesses 8 $(ARGS)

test-long: $(DEV) ## Run the tests that take minutes [ARGS=...]
	@$(BIN)/python -m pytest -m long --timeout 1800 $(ARGS) || [ $$? -eq 5 ] # 5: there are none

peers: ## Install the servers that the adapters are tested against, which others wrote (needs node and npm)
	@cd tests/peers && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error

lint: $(DEV) ## Check style, types and which room imports which
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(DEV) ## Format the code, and mend what ruff can mend
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

lock: $(DEV) ## Write both lock files anew from pyproject.toml [UPGRADE=1 for the newest versions]
	$(LOCK) pyproject.toml --extra dev -o requirements-dev.lock
	printf 'hatchling\neditables\n' | $(LOCK) -c requirements-dev.lock pyproject.toml - -o requirements.lock

schema: $(RUN) ## Write events.schema.json, the JSON Schema of every event
	$(BIN)/taktledger schema > $(VENV)/events.schema.json
	mv $(VENV)/events.schema.json events.schema.json

bench: $(DEV) ## Measure the figures in the README [ARGS=...]
	@$(BIN)/python -m benchmarks $(ARGS)

clean: ## Remove .venv, caches and builds, never data
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist
	find $(wildcard src projections adapters tests benchmarks) -name __pycache__ -type d -prune -exec rm -rf {} +

# One environment, two stamps; what development needs includes what running needs. The stamps go first and come back
# last, so an install that was interrupted leaves none, and the next one starts from an empty environment.
define install
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Taktledger needs Python 3.11 or newer; name it with: make PYTHON=python3.12 ..." >&2; exit 1; }
	@echo "Installing $(1) into $(VENV)"
	@ls $(VENV)/.installed-* >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@rm -f $(VENV)/.installed-*
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes --no-deps -r $(1)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --no-index -e .
	@touch $(2)
endef

$(RUN): requirements.lock pyproject.toml
	$(call install,requirements.lock,$(RUN))

$(DEV): requirements-dev.lock requirements.lock pyproject.toml
	$(call install,requirements-dev.lock,$(RUN) $(DEV))

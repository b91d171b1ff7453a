# Each target sets up what it needs; `make help` lists them. Wants Python 3.11, Node 20 and make, nothing else.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3.11
ROOT := $(CURDIR)
PY := $(ROOT)/.venv/bin/python
STAMPS := .tools/stamps
PIP := pip==26.3 # reads index pages 2.5 times as fast as the one that comes with Python 3.11
ARGS ?=

export SOLCX_BINARY_PATH := $(ROOT)/.tools/solcx
export PATH := $(ROOT)/.tools/bin:$(ROOT)/.venv/bin:$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

SOURCES := $(shell find contracts interfaces -name '*.sol' 2>/dev/null)

.PHONY: help setup build demo demo-rollback demo-lifelong web screenshots test test-long lint slither bench bench-web bench-learning bench-lifelong lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(firstword $(MAKEFILE_LIST)) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 22

setup: $(STAMPS)/project $(STAMPS)/tools ## install everything inside this folder (.venv, node_modules, .tools)

build: $(STAMPS)/build ## compile the contracts into build/contracts

demo: setup build ## run a whole task on a local chain; ARGS="--scenario 2 --dataset digits --seed 7 --quick"
	@$(PY) -m dapp demo $(ARGS)

demo-rollback: setup build ## a training goes wrong, five nodes vote and take it back; ARGS="--seed 7"
	@$(PY) -m dapp demo-rollback $(ARGS)

demo-lifelong: setup build ## three teach one model classes, 5+5 and 5x2, one cheats; ARGS="--dataset digits --seed 7 --quick"
	@$(PY) -m dapp demo-lifelong $(ARGS)

web: setup build ## serve the web interface on this machine, with a devnet if none runs; ARGS="--port 8700"
	@$(PY) -m dapp web $(ARGS)

screenshots: setup build $(STAMPS)/browser ## take the pictures of the web interface into docs/img
	@$(PY) -m tests.web.screenshots $(ARGS)

test: setup build $(STAMPS)/browser ## run every test but the long ones
	@tools/test.sh "not long"

test-long: setup build $(STAMPS)/browser ## run the long tests
	@tools/test.sh "long"

lint: setup ## check style, types and import directions
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@lint-imports

slither: setup ## look for faults in the contracts: nothing of medium or high severity may be found
	@rm -rf .tools/forge/out/build-info # Slither reads every build it finds, stale ones too
	@forge build --force --build-info --skip test script
	@slither . --compile-force-framework foundry --foundry-ignore-compile --foundry-out-directory .tools/forge/out \
	  --filter-paths 'node_modules|contracts/test' --exclude-low --exclude-informational --exclude-optimization --fail-medium

bench: setup build ## measure speed against naive twins; bytes, restores and recording of a history (5 minutes)
	@$(PY) -m ml.bench $(ARGS)

bench-web: setup build $(STAMPS)/browser ## how fast pages are with 10,000 of everything, in a real browser (2 minutes); ARGS=--quick
	@$(PY) -m tests.web.bench $(ARGS)

bench-learning: setup ## accuracy over ten seeds on the full test images (hours)
	@$(PY) -m ml.bench_learning $(ARGS)

bench-lifelong: setup $(STAMPS)/avalanche ## class-incremental MNIST: our growth rules beside Avalanche's (30 CPU minutes); ARGS=--quick
	@$(PY) -m ml.bench_lifelong $(ARGS)

lock: ## resolve requirements.in and both package.json anew (wants uv)
	@tools/lock.sh
	@npm install --prefix tools/browser --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund
	@npm install --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund

clean: ## remove what was built and measured; keeps .venv, node_modules and .tools
	@rm -rf build reports out .tools/forge .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache $(STAMPS)/build

$(STAMPS)/python: requirements.lock requirements-torch.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null \
	  || { echo "Quorate needs Python 3.11: install it, or say where it is: make $(firstword $(MAKECMDGOALS)) PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "Set-up 1/4: Python packages into .venv (about 1.5 GB, 1 to 5 minutes)"
	@test -x $(PY) || $(PYTHON) -m venv .venv
	@$(PY) -m pip install -qq $(PIP)
	@$(PY) -m pip install -qq --no-compile --no-deps --require-hashes -r requirements.lock
	@$(PY) -m pip install -qq --no-compile -r requirements-torch.txt
	@mkdir -p $(@D) && touch $@

$(STAMPS)/project: $(STAMPS)/python pyproject.toml
	@echo "Set-up 2/4: the project itself, editable"
	@$(PY) -m pip install -qq --no-deps --no-build-isolation -e .
	@touch $@

$(STAMPS)/node: package.json package-lock.json
	@node -e 'process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)' 2>/dev/null \
	  || { echo "Quorate needs Node 20 or newer: install it first" >&2; exit 1; }
	@echo "Set-up 3/4: compiler, devnet and library contracts into node_modules (about 140 MB)"
	@npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@mkdir -p $(@D) && touch $@

$(STAMPS)/tools: $(STAMPS)/python $(STAMPS)/node tools/link_tools.sh tools/install_solc.py tools/solc.js tools/brownie
	@echo "Set-up 4/4: solc, anvil, forge and brownie into .tools"
	@tools/link_tools.sh
	@$(PY) tools/install_solc.py
	@touch $@

$(STAMPS)/browser: $(STAMPS)/python $(STAMPS)/node tools/browser/package.json tools/browser/package-lock.json tools/browser/unpack.mjs
	@echo "For browser tests: Chromium and axe-core into .tools/browser (about 360 MB)"
	@mkdir -p .tools/browser && cp tools/browser/package*.json .tools/browser
	@npm ci --prefix .tools/browser --ignore-scripts --no-audit --no-fund --loglevel=error
	@node tools/browser/unpack.mjs $(ROOT)/.tools/browser/node_modules/@sparticuz/chromium $(ROOT)/.tools/browser/chromium \
	  $$($(PY) -c 'import matplotlib; print(matplotlib.get_data_path())')/fonts/ttf
	@touch $@

$(STAMPS)/build: $(STAMPS)/tools brownie-config.yaml $(SOURCES)
	@brownie compile $(if $(filter brownie-config.yaml,$?),--all) # Brownie does not see a change of viaIR by itself
	@mkdir -p $(@D) && touch $@

$(STAMPS)/avalanche: $(STAMPS)/python requirements-avalanche.lock requirements-torch.txt
	@echo "Avalanche, in an environment of its own: .tools/avalanche (about 2 GB)"
	@test -x .tools/avalanche/bin/python || $(PYTHON) -m venv .tools/avalanche
	@.tools/avalanche/bin/python -m pip install -qq $(PIP)
	@.tools/avalanche/bin/python -m pip install -qq --no-compile -r requirements-torch.txt
	@.tools/avalanche/bin/python -m pip install -qq --no-compile --no-deps --require-hashes -r requirements-avalanche.lock
	@mkdir -p $(@D) && touch $@

# make demo: set up and generate from prompts/demo.txt.  make test: set up and run the tests.
# Needs Python 3.10 or newer and a package index; nothing else. `make help` lists the rest.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# The pins are for Python 3.11 and newer; 3.10 takes the ranges of pyproject.toml.
PINS := $(shell $(PYTHON) -c 'import sys; print("-c constraints.txt" if sys.version_info >= (3, 11) else "")')
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --quiet $(PINS)
OUT ?= runs/demo
SOURCES := intermask_cli evaluators tests benchmarks
export HF_HUB_OFFLINE ?= 1

.PHONY: help demo test test-all test-fast fuzz coverage quality docs test-parity test-gpu gpu-session benchmark benchmark-all ablations duets clean
.DEFAULT_GOAL := help

help:
	@echo "make demo         set up, generate from prompts/demo.txt into $(OUT)"
	@echo "make test         set up with development tools, run the tests on all cores; five minutes"
	@echo "make test-all     also those marked long; fifteen minutes"
	@echo "make fuzz         damaged bundles, recipes, prompts, motion and manifests, for minutes"
	@echo "make test-fast    the tests that are not marked slow (no training, no browser, no complete commands)"
	@echo "make coverage     all tests with a coverage report (htmlcov/index.html)"
	@echo "make quality      ruff, mypy, layers (import-linter), language and docs"
	@echo "make docs         build the documentation into build/site (DOCS=serve shows it on localhost)"
	@echo "make test-parity  compare with golden arrays of the published system (INTERMASK_PARITY=folder)"
	@echo "make test-gpu     tests that need a CUDA device"
	@echo "make gpu-session  all that needs a GPU in eight minutes, into work/gpu-session (ARGS=--help)"
	@echo "make benchmark    speed in six minutes against its goals; writes benchmarks/results and docs/results/benchmarks.md"
	@echo "make benchmark-all  the same and the rest: 1,000 prompts, growth, pictures, GPU"
	@echo "make ablations    test the paper's claims on Duets (BUDGET=small|full); writes docs/results/ablations.md"
	@echo "make duets        rebuild the bundled model and evaluator from the procedural corpus"
	@echo "make clean        remove the virtual environment and caches"

# ---- set-up: one virtual environment; stamp files make the second run instant

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
	  || { echo "error: $(PYTHON) is not Python 3.10 or newer; try: make PYTHON=python3.11 ..." >&2; exit 1; }
	@echo "== making a virtual environment in $(VENV)"
	@if $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null; then \
	  $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }; \
	elif $(PYTHON) -m pip --version >/dev/null 2>&1; then \
	  echo "== $(PYTHON) has no ensurepip; using virtualenv instead"; \
	  $(PYTHON) -m pip install --quiet --target $(VENV)-tool virtualenv \
	    && PYTHONPATH=$(VENV)-tool $(PYTHON) -m virtualenv --quiet $(VENV); \
	  made=$$?; rm -rf $(VENV)-tool; exit $$made; \
	else \
	  echo "error: $(PYTHON) can make no virtual environment: neither ensurepip nor pip is there." >&2; \
	  echo "       On Debian or Ubuntu: apt install python3-venv" >&2; exit 1; \
	fi

$(VENV)/demo.stamp: pyproject.toml constraints.txt | $(BIN)/python
	@echo "== installing intermask into $(VENV) (PyTorch is the large part; a few minutes)"
	@$(INSTALL) -e ".[viz]"
	@touch $@

$(VENV)/dev.stamp: pyproject.toml constraints.txt | $(BIN)/python
	@echo "== installing intermask with development tools into $(VENV) (a few minutes)"
	@$(INSTALL) -e ".[dev]"
	@touch $@ $(VENV)/demo.stamp

# ---- what people run

demo: $(VENV)/demo.stamp
	@echo "== intermask generate prompts/demo.txt --out $(OUT)"
	@$(BIN)/intermask generate prompts/demo.txt --out $(OUT)

# One process per core, each with one thread: faster than one process with all of them.
WORKERS ?= auto
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

test: $(VENV)/dev.stamp
	@echo "== pytest without the long tests (five minutes on two cores)"
	@$(PYTEST) -m "not long" $(ARGS)

test-all: $(VENV)/dev.stamp
	@echo "== pytest (fifteen minutes on two cores)"
	@$(PYTEST) $(ARGS)

test-fast: $(VENV)/dev.stamp
	@echo "== pytest without the slow tests"
	@$(PYTEST) -m "not slow and not long" $(ARGS)

coverage: $(VENV)/dev.stamp
	@echo "== pytest with coverage"
	@$(PYTEST) --cov=intermask_cli --cov=evaluators --cov-report=term:skip-covered --cov-report=html $(ARGS)

quality: $(VENV)/dev.stamp
	@echo "== ruff check, ruff format --check"
	@$(BIN)/ruff check $(SOURCES)
	@$(BIN)/ruff format --check $(SOURCES)
	@echo "== mypy"
	@$(BIN)/mypy
	@echo "== layers"
	@$(BIN)/lint-imports --no-logo
	@echo "== language"
	@$(BIN)/python docs/check_language.py
	@$(MAKE) --no-print-directory docs

DOCS ?= build --strict --quiet
docs: $(VENV)/dev.stamp
	@echo "== docs"
	@$(BIN)/python docs/generate_reference.py --check
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs $(DOCS)

fuzz: $(VENV)/dev.stamp
	@echo "== pytest of damaged files, many rounds"
	@FUZZ_ROUNDS=3000 $(PYTEST) $(ARGS) tests/fuzz

test-parity: $(VENV)/dev.stamp
	@echo "== parity with the published system"
	@$(BIN)/python -m pytest -m parity -ra tests/parity $(ARGS)

test-gpu: $(VENV)/dev.stamp
	@echo "== tests that need a CUDA device"
	@$(BIN)/python -m pytest -m gpu -ra $(ARGS)

benchmark: $(VENV)/dev.stamp
	@echo "== speed (about six minutes on two quiet cores; ARGS=--help lists the sections)"
	@$(BIN)/python -m benchmarks.speed $(ARGS)

benchmark-all: $(VENV)/dev.stamp
	@echo "== speed, all sections (about twenty minutes on two quiet cores)"
	@$(BIN)/python -m benchmarks.speed --all $(ARGS)

gpu-session: $(VENV)/dev.stamp
	@echo "== everything that needs a GPU, eight minutes at most"
	@$(BIN)/python -m benchmarks.speed.gpu_session $(ARGS)

BUDGET ?= small
ablations: $(VENV)/dev.stamp
	@echo "== ablations, budget $(BUDGET): hours; the same command continues (ARGS=--help lists the choices)"
	@$(BIN)/python -m benchmarks.ablations --budget $(BUDGET) --work $(WORK)/ablations $(ARGS)

# ---- the bundled model and evaluator from scratch: hours on two cores. Every stage is kept in $(WORK) and
# resumed if it was interrupted. Tokenizer and two rounds of the transformer (the second with a text condition per
# person) are trained on the core kinds; then tokenizer, transformer, pair decoder and evaluator on all kinds.
# CAPTURES=DIR adds motion captures (docs/guides/train.md). The shipped weights had seven minutes of CMU salsa.

WORK ?= work
CAPTURES ?=
MODEL := intermask_cli/assets/duet-mini
EVALUATOR := evaluators/assets/duet-eval
DATA := Duets, 10,000 clips of the core kinds and 12,000 of the 26 kinds of Duets 1, procedural (seed 2026)$(if $(CAPTURES), and seven \
  minutes of salsa from the CMU motion capture database (mocap.cs.cmu.edu, NSF EIA-0196217))
ON_CORE := --data $(WORK)/core $(CAPTURES:%=--data %)
ON_ALL := --data $(WORK)/all $(CAPTURES:%=--data %)
# Seven minutes are a hundredth of what Duets has: the transformer sees them three times as often.
ON_ALL_AND_DANCES := $(ON_ALL) $(CAPTURES:%=--data %) $(CAPTURES:%=--data %)
resume = $(if $(wildcard $(1)/last),--resume)

duets: $(MODEL)/config.json $(EVALUATOR)/config.json

$(WORK)/core/corpus.json: | $(VENV)/dev.stamp
	@echo "== the procedural corpus, core kinds"
	$(BIN)/intermask data duets --out $(WORK)/core --clips 10000 --kinds core --seed 2026

$(WORK)/all/corpus.json: | $(VENV)/dev.stamp
	@echo "== the procedural corpus, all kinds"
	$(BIN)/intermask data duets --out $(WORK)/all --clips 12000 --kinds duets-1 --seed 2026

$(WORK)/tokenizer.stamp: $(WORK)/core/corpus.json
	@echo "== stage one: the tokenizer"
	$(BIN)/intermask train tokenizer --config duet-mini $(ON_CORE) \
	  --out $(WORK)/tokenizer $(call resume,$(WORK)/tokenizer)
	@touch $@

$(WORK)/tokenizer-all.stamp: $(WORK)/tokenizer.stamp $(WORK)/all/corpus.json
	@echo "== the tokenizer continues with all kinds"
	$(BIN)/intermask train refine --config duet-mini $(ON_ALL) --tokenizer $(WORK)/tokenizer \
	  --out $(WORK)/tokenizer-all $(call resume,$(WORK)/tokenizer-all)
	@touch $@

$(WORK)/transformer-first.stamp: $(WORK)/tokenizer.stamp
	@echo "== stage two: the transformer"
	$(BIN)/intermask train transformer --config duet-mini-first $(ON_CORE) --tokenizer $(WORK)/tokenizer \
	  --out $(WORK)/transformer-first $(call resume,$(WORK)/transformer-first)
	@touch $@

$(WORK)/transformer-second.stamp: $(WORK)/transformer-first.stamp
	@echo "== the transformer continues with a text condition per person"
	$(BIN)/intermask train transformer --config duet-mini-second $(ON_CORE) --tokenizer $(WORK)/tokenizer \
	  --start-from $(WORK)/transformer-first --out $(WORK)/transformer-second \
	  $(call resume,$(WORK)/transformer-second)
	@touch $@

$(WORK)/transformer.stamp: $(WORK)/transformer-second.stamp $(WORK)/tokenizer-all.stamp
	@echo "== the transformer continues with all kinds"
	$(BIN)/intermask train transformer --config duet-mini $(ON_ALL_AND_DANCES) --tokenizer $(WORK)/tokenizer-all \
	  --start-from $(WORK)/transformer-second --out $(WORK)/transformer $(call resume,$(WORK)/transformer)
	@touch $@

$(WORK)/pair-decoder.stamp: $(WORK)/transformer.stamp
	@echo "== stage three: the pair decoder"
	$(BIN)/intermask train pair-decoder --config duet-mini $(ON_ALL) $(CAPTURES:%=--data %) \
	  --tokenizer $(WORK)/tokenizer-all --transformer $(WORK)/transformer --out $(WORK)/pair-decoder \
	  $(call resume,$(WORK)/pair-decoder)
	@touch $@

$(MODEL)/config.json: $(WORK)/pair-decoder.stamp
	$(BIN)/intermask train bundle --tokenizer $(WORK)/tokenizer-all --transformer $(WORK)/transformer \
	  --pair-decoder $(WORK)/pair-decoder --out $(MODEL) --body rigid --licence MIT --training-data "$(DATA)"
	$(BIN)/intermask train reader --model $(MODEL) --kinds duets-1 --work $(WORK)/reader

$(WORK)/evaluator-core.stamp: $(WORK)/core/corpus.json
	@echo "== the evaluator"
	$(BIN)/intermask train evaluator --config duet-eval-core --data $(WORK)/core --out $(WORK)/evaluator-core \
	  $(call resume,$(WORK)/evaluator-core)
	@touch $@

$(EVALUATOR)/config.json: $(WORK)/evaluator-core.stamp $(WORK)/all/corpus.json
	@echo "== the evaluator continues with all kinds"
	$(BIN)/intermask train evaluator --data $(WORK)/all --start-from $(WORK)/evaluator-core \
	  --out $(WORK)/evaluator $(call resume,$(WORK)/evaluator)
	mkdir -p $(EVALUATOR)
	cp -r $(WORK)/evaluator/bundle/. $(EVALUATOR)/

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis

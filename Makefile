# The doors for people: `make demo` and `make test` need only Python 3.11, git and make.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help demo test test-real check check-html lint types imports map model-card format wheel-test parity compat fuzz trials check-serve check-slurm bench-phantom failure-gallery clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(VENV)/installed ## install, read a synthetic exam, say where the report is
	@$(BIN)/mammoscribe demo --out demo

test: $(VENV)/installed-dev ## install and run the whole test suite
	$(BIN)/python -m pytest -n 2 --dist loadfile --durations=10

test-real: $(VENV)/installed-dev ## the tests on real data; fails where the data are absent
	MAMMOSCRIBE_REQUIRE_DATA=1 $(BIN)/python -m pytest -m "real and not html"

check-html: $(VENV)/installed-dev ## the tests in a headless browser; fails where there is none
	MAMMOSCRIBE_REQUIRE_BROWSER=1 $(BIN)/python -m pytest -m html

check: lint imports map types ## format, lint, import floors, map, types

lint: $(VENV)/installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

imports: $(VENV)/installed-dev
	$(BIN)/lint-imports --no-logo

map: $(VENV)/installed-dev
	$(BIN)/python tools/house_map.py --check

model-card: $(VENV)/installed-dev ## write MODEL_CARD.md from the weights' card, benchmarks/figures.json and its template
	$(BIN)/python tools/model_card.py

types: $(VENV)/installed-dev
	$(BIN)/pyright

format: $(VENV)/installed-dev ## write what `make check` would ask for: format, fixes, the map
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/python tools/house_map.py

wheel-test: $(VENV)/installed-dev ## build the wheel and read an exam with it, outside the source tree
	$(BIN)/python -m pytest -m wheel tests/package

parity: .venv-parity/installed ## hold BioViL-T against hi-ml-multimodal 0.2.2, in an environment of its own
	OMP_NUM_THREADS=1 PYTHONPATH=src:. .venv-parity/bin/python tests/parity/compare.py

compat: $(VENV)/installed-dev ## tiny chat models of every family as we write them, loaded by transformers 4.57 and 5.19, too
	OMP_NUM_THREADS=1 PYTHONPATH=src:. $(BIN)/python tools/chat_compat.py

fuzz: $(VENV)/installed-dev ## open COUNT damaged pictures (10,000); fails when one did more than be refused
	$(BIN)/python -m tests.fuzz.run --count $(or $(COUNT),10000)

trials: $(VENV)/installed-dev ## situations of real users, made by the scripts in ../shared/trials: right value or one sentence
	$(BIN)/python -m tests.trials.run

check-serve: $(VENV)/installed-dev ## read with a model behind `transformers serve`, on this machine without a network
	$(BIN)/python -m pytest -q -m slow tests/writers/test_transformers_serve.py

check-slurm: $(VENV)/installed-dev ## trainings on a real SLURM on this machine, interrupted: same losses; needs root and Debian packages
	$(BIN)/python -m tests.slurm.run

BENCH ?= bench_v1
bench-phantom: runs/phantom_bench/$(BENCH)/manifest.csv ## draw BENCH (bench_v1), read it with the starter, print the table of systems; CHAT=DIR adds a chat model
	$(BIN)/python benchmarks/phantom_bench.py --bench $(BENCH) --json runs/phantom_bench/$(BENCH).json $(if $(CHAT),--chat-model $(CHAT))

failure-gallery: runs/phantom_bench/$(BENCH)/prepared/prepared.json ## the starter's worst misses on BENCH, with pictures: runs/failures/card.html
	$(BIN)/mammoscribe evaluate --model starter --data runs/phantom_bench/$(BENCH)/prepared --setting diagnostic --out runs/failures

runs/phantom_bench/%/manifest.csv: | $(VENV)/installed-dev
	$(BIN)/mammoscribe phantom --bench $* --out runs/phantom_bench/$*

runs/phantom_bench/%/prepared/prepared.json: runs/phantom_bench/%/manifest.csv
	$(BIN)/mammoscribe data ingest phantom runs/phantom_bench/$* --out runs/phantom_bench/$*/catalogue
	$(BIN)/mammoscribe data split runs/phantom_bench/$*/catalogue
	$(BIN)/mammoscribe data prepare runs/phantom_bench/$*/catalogue --as reader-lite --out runs/phantom_bench/$*/prepared

clean: ## remove what was built, not the environment
	rm -rf .compat build dist demo src/*.egg-info .pytest_cache .ruff_cache .hypothesis .import_linter_cache

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "No python3 found; install Python 3.11 or newer."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is too old: Python 3.11 or newer is needed (make PYTHON=/path/to/python)."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet -c constraints.txt -e .
	@touch $@

$(VENV)/installed-dev: $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/installed

.venv-parity/installed: tests/parity/requirements.txt constraints.txt
	$(PYTHON) -m venv .venv-parity
	.venv-parity/bin/python -m pip install --quiet "$$(grep -x 'torch==.*' constraints.txt)" "$$(grep -x 'numpy==.*' constraints.txt)"
	.venv-parity/bin/python -m pip install --quiet --no-deps -r tests/parity/requirements.txt
	@touch $@

# Everything a newcomer types. Bare `make` lists the targets.

PYTHON ?= python3
BIN := .venv/bin
# Most of what is installed is never imported: Python compiles a module when it first is.
PIP := PIP_CONSTRAINT=constraints.txt PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install --quiet --no-compile
BENCH_PIP := $(subst $(BIN),.venv-bench/bin,$(PIP))
CROPS := examples/crops.csv -t apples -t oranges
REGION := --set temp=75 --set rainfall=63 --set humidity=44
# Tests that know nothing of the others, whose libraries their environments lack.
ELSEWHERE := PYTHONPATH=tests/elsewhere
ALONE := --noconftest -c /dev/null --rootdir . -p no:cacheprovider
PYTEST := $(BIN)/python -m pytest -n auto --dist worksteal

unexport PYTHONDONTWRITEBYTECODE # or each process would compile them again

.PHONY: help demo test test-spark test-ray test-gpu test-fast test-full test-processors tools check docs pictures setup bench bench-quick bench-loop bench-loader clean
.DEFAULT_GOAL := help

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

demo: .venv/installed ## Train on the tutorial's crops, solve them exactly, predict a new region
	@mkdir -p build
	@echo "# 1. The tutorial's training: 100 epochs of gradient descent at lr 1e-5"
	$(BIN)/gradline fit $(CROPS) --lr 1e-5 --epochs 100 --log-every 10 -o build/crops-100.safetensors
	@echo "\n# 2. The exact answer"
	$(BIN)/gradline fit $(CROPS) -o build/crops.safetensors
	@echo "\n# 3. A new region (75 °F, 63 mm, 44 %): so far, and at the optimum"
	$(BIN)/gradline predict build/crops-100.safetensors $(REGION)
	$(BIN)/gradline predict build/crops.safetensors $(REGION)

test: .venv/tested ## Run all tests whose tools are installed; say at the end what was left out
	$(PYTEST)

test-fast: .venv/tested ## Run the tests that need no browser, no server and no second each
	$(PYTEST) -m "not slow and not needs"

test-full: .venv/tested ## The same, and of each sweep all that others of its kind stand for in `make test`
	$(PYTEST) -m "full or not full"

test-processors: .venv/tested ## Run the numeric tests with the kernels of other processors
	$(BIN)/python tests/processors.py -n auto --dist worksteal -m "not slow or numeric"

test-spark: .venv-spark/ready ## Run the tests of Spark, in an environment of its own; needs Java 17
	$(ELSEWHERE) .venv-spark/bin/python -m pytest $(ALONE) tests/elsewhere/on_spark.py

test-ray: .venv-ray/ready ## Run the tests of the engine ray, in an environment of its own
	$(ELSEWHERE) .venv-ray/bin/python -m pytest $(ALONE) tests/elsewhere/on_ray.py

test-gpu: .venv/tested ## On a machine with a CUDA device: the engine cuda there, and its speed
	$(ELSEWHERE) $(BIN)/python -m pytest $(ALONE) tests/elsewhere/on_gpu.py
	$(BIN)/python benchmarks/gpu.py

tools: .venv/tested ## Install, as root on Debian, the tools that some tests need
	packages=$$($(BIN)/python tests/needs.py) && { test -z "$$packages" || { apt-get update -qq \
		&& DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $$packages; }; }
	npm ci --silent --prefix tests/pages
	$(PIP) ziglang

check: .venv/tested ## Formatting, lint, layers and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/pyright

docs: .venv/tested ## Run the course, build it with its notebooks into build/site
	$(BIN)/python docs/build.py
	$(BIN)/zensical build --strict --clean

pictures: tools ## Take the pictures of the playground in README and docs anew
	$(BIN)/python docs/pictures.py

setup: .venv/tested ## Install everything that tests and checks need

bench: .venv-bench/ready ## Measure gradline against its rivals and renew the tables
	.venv-bench/bin/python benchmarks/run.py
	.venv-bench/bin/python benchmarks/table.py
	.venv-bench/bin/python benchmarks/figures.py

bench-quick: .venv-bench/ready ## The same on small tables, only to be looked at
	.venv-bench/bin/python benchmarks/run.py --quick

bench-loop: .venv/tested ## Time of the checked, certified training loop against the tutorials' own
	$(BIN)/python benchmarks/loop.py

bench-loader: .venv/tested ## Time of PyTorch batches from a file of 2 million rows against plain streaming
	$(BIN)/python benchmarks/loader.py

clean: ## Remove what make made
	rm -rf .venv .venv-bench .venv-spark .venv-ray build .cache docs/notebooks docs/reference

.venv/python: constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "gradline needs Python 3.11 or newer; name one with make PYTHON=…"; exit 1; }
	$(PYTHON) -m venv .venv
	@touch $@

KERNELS := $(wildcard src/gradline/core/kernels/*.[ch]) src/gradline/core/kernels/build.py hatch_build.py

.venv/installed: .venv/python pyproject.toml $(KERNELS)
	$(PIP) --editable .
	@touch $@

# The rivals have a place of their own, so that what they bring cannot hide what gradline lacks.
.venv-bench/ready: constraints.txt benchmarks/requirements.txt pyproject.toml $(KERNELS)
	$(PYTHON) -m venv .venv-bench
	$(BENCH_PIP) torch==2.13.0
	$(BENCH_PIP) --editable . --requirement benchmarks/requirements.txt
	@touch $@

.venv-%/ready: constraints.txt pyproject.toml $(KERNELS)
	$(PYTHON) -m venv .venv-$*
	$(subst $(BIN),.venv-$*/bin,$(PIP)) --editable '.[$*]' pytest $(WITH-$*)
	@touch $@

# PySpark knows no pandas 3.
.venv-spark/ready: PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install --quiet --no-compile
WITH-spark := 'pandas<3'
WITH-ray := pyarrow

.venv/tested: .venv/python pyproject.toml $(KERNELS)
	$(PIP) torch==2.13.0
	$(PIP) --editable '.[test,check]'
	@touch $@ .venv/installed

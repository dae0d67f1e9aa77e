# The commands of this repository. They use .venv, which `make setup` makes.
PYTHON := .venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-model test quick check types tests random golden speed cost paper bench wheel clean

quick check random golden speed cost paper bench wheel: | $(PYTHON)

$(PYTHON):
	@docker/setup.sh tests

help:  ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

setup:  ## install what is missing: Debian packages and .venv
	@docker/setup.sh

demo: setup  ## generate, run and measure one layer of examples/digits
	.venv/bin/convgen --target cortex-m4 --budget 64k examples/digits/conv1/layer.json

demo-model: setup  ## the same of the whole network, a .tflite file
	.venv/bin/convgen --target cortex-m4 --budget 64k examples/digits/digits.tflite

test:  ## set up, then check
	@docker/setup.sh tests
	@$(MAKE) --no-print-directory check

quick:  ## lint, check types, run the tests that need no emulator
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m mypy codegen tests benchmarks
	$(PYTHON) -m pytest -n 2 --dist worksteal -m "not emulator and not slow"

check:  ## lint, then check types beside running the tests
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check
	@$(MAKE) --no-print-directory --jobs=2 types tests

types tests: | $(PYTHON)

types:
	$(PYTHON) -m mypy codegen tests benchmarks

tests:  # whose own makes take no part in this one
	env --unset=MAKEFLAGS $(PYTHON) -m pytest -n 2 --dist worksteal

random:  ## run 300 random layers, dealt out to all targets, by every algorithm
	$(PYTHON) -m pytest tests/test_every_target.py -n 2 --random-layers 300

golden:  ## write the golden files anew; review the diff
	$(PYTHON) -m pytest tests/test_golden.py --update-golden

speed:  ## write the instruction counts of tests/speed anew; review the diff
	$(PYTHON) -m pytest tests/test_speed.py -n 2 --update-speed

cost:  ## fit the cost coefficients again
	PYTHONPATH=codegen $(PYTHON) benchmarks/fit_cost.py
	PYTHONPATH=codegen $(PYTHON) benchmarks/fit_operators.py
	PYTHONPATH=codegen $(PYTHON) benchmarks/fit_accumulating.py

paper:  ## measure the layers of the papers; writes docs/results.md
	PYTHONPATH=codegen $(PYTHON) benchmarks/paper.py

bench:  ## compare with other libraries; writes docs/performance.md
	PYTHONPATH=codegen $(PYTHON) benchmarks/bench.py

wheel:  ## build a wheel and a source archive in dist/, and check what they say of themselves
	$(PYTHON) -m build --no-isolation --outdir dist
	$(PYTHON) -m twine check --strict dist/*

clean:  ## remove what the other commands made, except .venv
	rm -rf build convgen-out dist .hypothesis .mypy_cache .pytest_cache .ruff_cache

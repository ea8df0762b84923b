# Everything sets itself up: a fresh clone needs python3 (3.11 or later) and a package index.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SIZE ?= full
WORKERS ?= 2

.PHONY: demo test test-slow test-nightly lint types format check clean

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $(STAMP)

# The main job on the embedded digits: train under one constraint, to a verdict.
demo: $(STAMP)
ifeq ($(SIZE),small)
	$(BIN)/python -m cspec run examples/quick.cspec --bind data=digits \
	    --bind 'model=mlp(hidden=[16], gates=hard_concrete)'
else
	$(BIN)/python -m cspec explain examples/quick.cspec
	$(BIN)/python -m cspec run examples/quick.cspec --bind data=digits \
	    --bind 'model=mlp(hidden=[300, 100], gates=hard_concrete)'
endif

test: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(WORKERS)

# Minutes: convergence and notebooks.
test-slow: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(WORKERS) -m slow

# Long fuzzing runs.
test-nightly: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(WORKERS) -m nightly

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python tools/house.py

types: $(STAMP)
	$(BIN)/python tools/typecheck.py

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# What continuous integration runs.
check: test lint types
	$(MAKE) demo SIZE=small

clean:
	rm -rf $(VENV) build dist runs .pytest_cache .mypy_cache .ruff_cache *.egg-info

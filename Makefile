# `make demo` and `make test` need only Python 3.11 or newer; everything else is installed into .venv.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DEMO_LIBRARY ?= $(VENV)/demo-library
PORT ?= 7860

.PHONY: demo test check lint install clean

install: $(VENV)/installed

# torch goes first: whatever build of it pip is given here (CPU or CUDA), the packages that need it then keep it.
$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("On the Record needs Python 3.11 or newer, this is " + sys.version.split()[0] + ": set PYTHON=") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[evals,dev]'
	touch $@

demo: install
	$(BIN)/onrecord add corpus/dossier --library $(DEMO_LIBRARY)
	$(BIN)/onrecord ask "How many prisoners were on the third flight?" --library $(DEMO_LIBRARY)
	$(BIN)/onrecord serve --library $(DEMO_LIBRARY) --port $(PORT)

test: install
	$(BIN)/python -m pytest

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

check: lint test

clean:
	rm -rf $(VENV)

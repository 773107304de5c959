# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
OUTPUT ?= demo-output
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif

.PHONY: install demo test lint typecheck wheel bench-demo bench-studies clean
install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[dev]"
	@touch $@

demo: install
	$(BIN)/radiomics demo --output $(OUTPUT)

test: install
	$(BIN)/python -m pytest --numprocesses 2

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

typecheck: install
	$(BIN)/mypy

wheel: install
	$(BIN)/python -m build --wheel

bench-demo: install
	$(BIN)/python -m benchmarks.demo

bench-studies: install
	$(BIN)/python -m benchmarks.studies

clean:
	rm -rf $(VENV) $(OUTPUT) dist build .mypy_cache .ruff_cache .pytest_cache

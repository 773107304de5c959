# Two commands do everything on a fresh machine: `make demo` installs the core and runs a study on
# synthetic patients; `make test` installs the rest and runs the tests.
PYTHON ?= python3
VENV ?= .venv
OUTPUT ?= demo-output
PYTHONS ?= python3.12 python3.13
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
PIP := -m pip install --quiet --disable-pip-version-check

.PHONY: core install demo test fuzz test-oldest test-pythons lint typecheck wheel bench-demo bench-studies clean
core: $(VENV)/.core
install: $(VENV)/.installed

$(VENV)/.core: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python $(PIP) --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.installed: $(VENV)/.core
	$(BIN)/python $(PIP) --constraint constraints.txt --editable ".[all,dev]"
	@touch $@

demo: core
	$(BIN)/radiomics demo --output $(OUTPUT)

test: install
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal

# ten times as many mutated files as the tests take
fuzz: install
	RADIOMICS_FUZZ=100000 $(BIN)/python -m pytest --numprocesses 2 tests/radiomics/io/test_fuzz.py tests/radiomics/io/files/test_fuzz.py

# the oldest versions that pyproject.toml promises, and other Pythons: each in an environment of its own
test-oldest:
	$(PYTHON) -m venv .venvs/oldest
	.venvs/oldest/bin/python $(PIP) --constraint constraints-oldest.txt --editable ".[all,dev]"
	.venvs/oldest/bin/python -m pytest --numprocesses 2 --dist worksteal

test-pythons: $(PYTHONS:%=test-with-%)
test-with-%:
	$* -m venv .venvs/$*
	.venvs/$*/bin/python $(PIP) --editable ".[all,dev]"
	.venvs/$*/bin/python -m pytest --numprocesses 2 --dist worksteal

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

typecheck: install
	$(BIN)/mypy
	$(BIN)/mypy --platform win32

wheel: install
	$(BIN)/python -m build --no-isolation

bench-demo: install
	$(BIN)/python -m benchmarks.demo

bench-studies: install
	$(BIN)/python -m benchmarks.studies

clean:
	rm -rf $(VENV) .venvs $(OUTPUT) dist build .mypy_cache .ruff_cache .pytest_cache

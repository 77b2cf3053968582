.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

help:  ## list what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(VENV)/base: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	@# setuptools warns at every editable install about what a link may shadow
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet -e .
	touch $@

$(VENV)/installed: $(VENV)/base
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet -e '.[models,media,serve,cc,dev]'
	touch $@

install: $(VENV)/installed  ## make .venv and install gflow into it, editable, with everything the tests need

demo: $(VENV)/base  ## paint the picture of examples/poster.gflow; needs the base install alone
	$(BIN)/gflow run examples/poster.gflow --out out
	@echo "The picture is $(CURDIR)/out/poster.png"

lint: install  ## style, types and the import rule
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy
	$(BIN)/pytest -q tests/test_layout.py

test: install lint  ## everything the project promises, but for the slow tests
	$(BIN)/pytest -n auto -m 'not slow'

test-slow: install  ## what takes longer: more random programs, the starter models' figures
	$(BIN)/pytest -n auto -m slow

test-gpu: install  ## what takes a GPU; `make test` skips it where there is none
	$(BIN)/pytest -v tests/test_on_gpu.py

bench: install  ## the figures of the README
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/compiled.py
	$(BIN)/python benchmarks/pixels.py
	$(BIN)/python benchmarks/video.py

bench-gpu: install  ## models and kernels on a GPU, beside diffusers and PyTorch
	$(BIN)/python benchmarks/gpu_kernels.py
	$(BIN)/python benchmarks/gpu.py --json out/gpu.json

clean:  ## remove what these targets made
	rm -rf $(VENV) out build *.egg-info

.PHONY: help install demo lint test test-slow test-gpu bench bench-gpu clean

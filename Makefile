# The ways into the house; `make help` lists them. Works with GNU make 3.81 and later.
PYTHON ?= python3
VENV ?= .venv
CORES ?=
ARGS ?=
# A file at a time, the slowest first: what a file prepares (a run of the workflow) is prepared once.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(min(4, max(2, os.cpu_count() or 2)))' 2> /dev/null || echo 2)

PY := $(VENV)/bin/python
SNAKEMAKE := $(PY) -m snakemake --workflow-profile profiles/default $(if $(CORES),--cores $(CORES))
UV ?= uv
UV_OWN := build/uv/bin/uv
LOCK = --universal --python-version 3.11 --fork-strategy fewest --generate-hashes --no-emit-index-url --quiet \
	--custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)

.PHONY: help demo studies test test-bad-input test-crash test-bytes test-cluster fuzz lint bench lock clean clean-results
.DEFAULT_GOAL := help

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-15s %s\n", $$1, $$2 }' Makefile
	@echo "Variables: PYTHON=python3.12 (with which the environment is made), CORES=4, ARGS='-k cohort' (for pytest)"

demo: $(VENV)/main.installed ## the PBC study from its raw tables to results/pbc/report.html, and what it found
	@$(PY) -m slopewise.cli.app demo $(if $(CORES),--cores $(CORES))

studies: $(VENV)/main.installed ## all studies named in config/config.yaml
	@$(SNAKEMAKE)
	@echo "The reports:"; ls results/*/report.html

test: $(VENV)/test.installed ## the tests; choose some with ARGS
	@$(COMPILE) # nothing, but after a change of the numerical code, which two processes would compile at once
	@$(PY) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

test-long: $(VENV)/test.installed ## simulations and comparisons with other programs at their whole length (make test has a short form)
	@LONG=all $(PY) -m pytest -n $(WORKERS) -m slow $(ARGS)

test-bad-input: $(VENV)/test.installed ## every case of bad input (make test tries every fifth)
	@BAD_INPUT=all $(PY) -m pytest tests/bad_input $(ARGS)

test-crash: $(VENV)/test.installed ## 20 runs killed at random moments, full disks (make test: one kill); KILLS=100
	@KILLS=$(or $(KILLS),20) $(PY) -m pytest tests/workflow/test_crash.py -s $(ARGS)

test-bytes: $(VENV)/test.installed ## a small study with other cores, folders, locales, time zones, chunks, from a wheel
	@BYTES=all $(PY) -m pytest tests/workflow/test_same_bytes.py $(ARGS)

test-cluster: $(VENV)/test.installed ## two studies on a real SLURM (apt: munge slurmctld slurmd slurm-client)
	@CLUSTER=all $(PY) -m pytest tests/cluster $(ARGS)

fuzz: $(VENV)/test.installed ## random study files, tables and formulas for FUZZ=600 seconds (make test: 10)
	@FUZZ=$(or $(FUZZ),600) $(PY) -m pytest tests/bad_input/test_fuzz.py $(ARGS)

lint: $(VENV)/test.installed ## ruff, snakefmt, mypy and snakemake --lint
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(VENV)/bin/snakefmt --check --compact-diff Snakefile workflow
	$(PY) -m mypy
	$(PY) -m snakemake --lint

bench: $(VENV)/test.installed ## every program in benchmarks/
	@set -e; for program in benchmarks/*.py; do test -e "$$program" || { echo "benchmarks/ is empty"; exit 1; }; \
	  echo "== $$program"; $(PY) "$$program" $(ARGS); done

lock: ## both lock files and environment.yml from pyproject.toml; UPGRADE=1 takes the newest versions
	@command -v $(UV) > /dev/null || test -x $(UV_OWN) || { $(PYTHON) -m venv build/uv && build/uv/bin/pip install --quiet uv; }
	@uv=$$(command -v $(UV) || echo $(UV_OWN)); set -e; \
	  $$uv pip compile $(LOCK) --group build pyproject.toml --output-file requirements.lock; \
	  $$uv pip compile $(LOCK) --group test --all-extras --constraint requirements.lock pyproject.toml --output-file requirements-test.lock
	@$(PYTHON) tests/contract/test_environment.py --fix

clean: ## the environment, caches and built files (results stay)
	rm -rf $(VENV) build dist .pytest_cache .hypothesis .ruff_cache .mypy_cache
	find workflow tests -name __pycache__ -prune -exec rm -rf {} +

clean-results: ## results/ and Snakemake's records of them
	rm -rf results .snakemake

# An environment is made from a lock and nothing else: every file's hash is checked, and the two dependencies that
# come as source alone are built with the lock's own setuptools, not with whatever is the newest on that day.
# ecos has no wheel for Python 3.13, would need a compiler, and is used by the SVMs of scikit-survival (in the test lock)
# only: left out there.
# The stamp comes last. An install that was interrupted leaves `unfinished` behind, and the next one starts afresh.
define install
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2> /dev/null || { \
	  echo "slopewise needs Python 3.11, 3.12 or 3.13, and $(PYTHON) is $$($(PYTHON) --version 2> /dev/null || echo not there):" \
	    "name another one, e.g. make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@if test -e $(VENV)/unfinished; then rm -rf $(VENV); fi
	@test -x $(PY) || { echo "Making $(VENV) with $$($(PYTHON) --version)"; $(PYTHON) -m venv --clear $(VENV); } || { \
	  rm -rf $(VENV); echo "$(PYTHON) cannot make a virtual environment; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@rm -f $(VENV)/*.installed; touch $(VENV)/unfinished
	@echo "Installing $(1) (a minute or two, once)"
	@awk '/^[a-z]/ { keep = /^setuptools==/ } keep' $(1) > $(VENV)/setuptools.txt
	@skip=$$($(PY) -c 'import sys; print("ecos" if sys.version_info >= (3, 13) else "none")'); \
	  awk -v skip="^$$skip==" '/^[a-z]/ { keep = $$0 !~ skip } keep' $(1) > $(VENV)/lock.txt
	@awk -v some=" $(NUMERICAL) " '/^[a-z]/ { split($$0, name, "=="); keep = index(some, " " name[1] " ") } keep' \
	  $(VENV)/lock.txt > $(VENV)/numerical.txt
	@$(PIP) --require-hashes -r $(VENV)/setuptools.txt
	@$(PIP) --require-hashes --use-pep517 --no-build-isolation -r $(VENV)/numerical.txt
	@$(PIP) --no-build-isolation -e .
	@$(COMPILE) & compiling=$$!; $(PIP) --require-hashes --use-pep517 --no-build-isolation -r $(VENV)/lock.txt || { \
	  kill $$compiling; exit 1; }; $(PY) -c 'import matplotlib.font_manager'; wait $$compiling || true
	@rm $(VENV)/unfinished
	@touch $@
endef
# The numerical code is compiled while the rest is being installed; these are what that needs, and what builds slopewise.
NUMERICAL = numpy scipy pandas numba llvmlite pyarrow formulaic interface-meta narwhals wrapt typing-extensions pyyaml \
	python-dateutil pytz six tzdata hatchling editables packaging pathspec pluggy trove-classifiers
COMPILE = $(PY) -m slopewise.cli.ahead
PIP = $(PY) -m pip install -qq --disable-pip-version-check --no-deps

$(VENV)/main.installed: requirements.lock pyproject.toml
	$(call install,requirements.lock)

# The test lock holds all of the main lock, so that one environment serves both.
$(VENV)/test.installed: requirements-test.lock pyproject.toml
	$(call install,requirements-test.lock)
	@touch $(VENV)/main.installed

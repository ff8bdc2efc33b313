SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON_CANDIDATES := python3 python3.14 python3.13 python3.12 python3.11
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

# Sets $python to the first that is new enough and can make a venv.
define FIND_PYTHON
python=; \
for name in $(PYTHON_CANDIDATES); do \
    if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
        python=$$name; break; \
    fi; \
done; \
if [ -z "$$python" ]; then \
    echo "make: Python 3.11 or newer is needed, and none of these is it: $(PYTHON_CANDIDATES)" >&2; \
    exit 1; \
fi; \
if ! "$$python" -c 'import venv, ensurepip' 2>/dev/null; then \
    echo "make: $$python has no venv module; on Debian: apt-get install python3-venv" >&2; \
    exit 1; \
fi
endef

# Debian packages whose programs the tests start: one `program:package` per word.
SYSTEM_PROGRAMS := prometheus:prometheus faketime:faketime podman:podman runc:runc \
    mmdebstrap:mmdebstrap systemd-analyze:systemd prometheus-alertmanager:prometheus-alertmanager \
    pg_ctlcluster:postgresql openssl:openssl setpriv:util-linux

# Words for pytest, as in `make test PYTEST_ARGS='-k trigger'`.
PYTEST_ARGS ?=
# How many tests run at once; those of one `xdist_group` stay together.
JOBS ?= $(shell nproc)

SEEDS ?= 100

TYPED := watchdog tests $(wildcard bench)

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: setup
setup: .venv/.installed ## make .venv with everything that work on this project needs

# Two stamps: a change of pyproject.toml alone does not install every dependency again.
.venv/.installed: .venv/.dependencies pyproject.toml
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.dependencies: requirements/dev.txt
	@$(FIND_PYTHON); \
	echo "setup: .venv with $$("$$python" --version)"; \
	"$$python" -m venv --clear .venv
	$(PIP) install --quiet --require-hashes --only-binary :all: --requirement requirements/dev.txt
	@touch $@

.PHONY: system
system: ## install the Debian packages that the tests need, where that is allowed
	@packages=; \
	for entry in $(SYSTEM_PROGRAMS); do \
	    command -v "$${entry%%:*}" >/dev/null || packages+=" $${entry##*:}"; \
	done; \
	if [ -z "$$packages" ]; then exit 0; fi; \
	if ! command -v apt-get >/dev/null; then as_root=none; \
	elif [ "$$(id -u)" = 0 ]; then as_root=env; \
	elif sudo -n true 2>/dev/null; then as_root='sudo -n env'; \
	else as_root=none; fi; \
	if [ "$$as_root" = none ]; then \
	    echo "system: missing, and not to be installed from here:$$packages"; \
	    echo "system: the tests that need them will be skipped"; \
	    exit 0; \
	fi; \
	echo "system: installing$$packages"; \
	$$as_root apt-get update -qq; \
	$$as_root DEBIAN_FRONTEND=noninteractive \
	    apt-get install -qq -y --no-install-recommends $$packages

# Safe where two run at once; with all of it there already it does nothing.
.PHONY: control-plane
control-plane: setup ## build the Kubernetes that tests start, once for all clones
	@$(BIN)/python -m tests.control_plane.programs

.PHONY: demo
demo: setup ## break a small service and watch it being rolled back
	@$(BIN)/rollback-watchdog demo

.PHONY: check
check: setup ## format, lint, types, spelling, layers, sizes
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy $(TYPED)
	$(BIN)/codespell
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m pytest --quiet tests/architecture/test_sizes.py

# Pytest comes last, so that its summary is the last line.
.PHONY: test
test: setup system check control-plane ## everything that a change has to pass
	$(BIN)/python -m pytest --numprocesses=$(JOBS) --dist=loadfile --no-loadscope-reorder --durations=15 $(PYTEST_ARGS)

.PHONY: kills
kills: setup ## the long loop of kill -9 (KILLS=200)
	KILLS=$(or $(KILLS),200) $(BIN)/python -m pytest -m kills --timeout=0 $(PYTEST_ARGS)

.PHONY: sidecars
sidecars: setup control-plane ## kill the sidecar that acts, half-way, one line each (ROUNDS=20)
	SIDECARS=$(or $(ROUNDS),20) $(BIN)/python -m pytest --quiet tests/e2e/test_sidecars.py -k killed $(PYTEST_ARGS)

# Sizes by variables, such as KILLS=1000 SEED=7; see tests/lab/sizes.py for all of them.
export KILLS SEED DAEMON_KILLS VISITS DISKS PAUSES OUTAGE_KILLS TOXICS TOGETHER STORMS SEQUENCES

.PHONY: faults
faults: setup ## inject faults of every kind, and print one table
	$(BIN)/python -m tests.lab

# One row each; the longest takes less than half an hour.
FAULTS := faults-kills faults-daemon faults-failpoints faults-network faults-disk faults-clock \
    faults-notifiers faults-storms faults-model faults-bugs

.PHONY: $(FAULTS)
$(FAULTS): faults-%: setup
	$(BIN)/python -m tests.lab $*

.PHONY: soak
soak: setup ## healthy service, troubled sources: SEEDS=100 days, no plan
	SOAK_SEEDS=$(SEEDS) $(BIN)/python -m pytest tests/simulation/test_soak.py --timeout=0 $(PYTEST_ARGS)

.PHONY: mutants
mutants: setup ## plant bugs in verdicts and triggers, and see each caught
	$(BIN)/python -m tests.mutants

.PHONY: bench
bench: setup ## measure
	$(BIN)/python -m bench

# An address in a requirements file would tie everybody to one registry: hashes pin enough.
.PHONY: lock
lock: ## pin what pyproject.toml asks for, with hashes (UPGRADE=1: the newest there is)
	@$(FIND_PYTHON); \
	work=$$(mktemp -d); trap 'rm -rf "$$work"' EXIT; \
	"$$python" -m venv "$$work"; \
	"$$work/bin/python" -m pip install --quiet --require-hashes --only-binary :all: \
	    --requirement requirements/lock.txt; \
	pin() { \
	    "$$work/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	        --no-annotate --no-header $(if $(UPGRADE),--upgrade) "$$@" >/dev/null; \
	}; \
	pin pyproject.toml --output-file requirements/core.txt; \
	pin pyproject.toml --group dev --all-extras --constraint requirements/core.txt \
	    --output-file requirements/dev.txt; \
	pin pyproject.toml --extra kubernetes --constraint requirements/dev.txt \
	    --output-file requirements/image.txt; \
	pin --group build --constraint requirements/dev.txt --output-file requirements/build.txt; \
	pin --group lock --output-file requirements/lock.txt; \
	if grep -n '://' requirements/*.txt; then \
	    echo "lock: an address in requirements/, see above" >&2; exit 1; \
	fi

.PHONY: clean
clean: ## remove .venv, caches and builds
	rm -rf .venv build dist htmlcov .coverage .hypothesis \
	    .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Needs Python 3.11 or newer, make and a package registry; everything else lands in .venv.

.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
BROKER := $(VENV)/.broker
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input

# Tried in this order; `make install PYTHON=/path/to/python` names one. A distribution's comes first:
# it is built with profile-guided optimisation, and one that was compiled without (pyenv's, most
# often) takes half as long again for everything.
PYTHON ?=
PYTHONS := /usr/bin/python3 python3 python3.13 python3.12 python3.11 python

# Debian packages that `make test` wants beside what the registry has.
SYSTEM_PACKAGES := postgresql chromium prometheus

TESTS ?=
# Processes that run tests side by side; most tests wait for something most of the time.
WORKERS ?= 3
ONCE ?=
UPGRADE ?=
FILE ?=

.PHONY: help install demo test check lint format types layers dependencies yaml architecture \
	bench soak release-schemas announce-schema chart lock audit audit-or-say-why sbom system-packages fix clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(INSTALLED) $(BROKER) ## .venv with everything, and the jars of the embedded broker

demo: install ## everything on this machine, with sample events (ONCE=1 ends by itself)
	$(BIN)/pipeline demo $(if $(filter-out 0 no false,$(ONCE)),--once)

test: install $(if $(strip $(SYSTEM_PACKAGES)),system-packages) ## all tests but soak and those of check (TESTS=tests/domain selects)
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadscope $(or $(TESTS),tests --ignore tests/architecture)

check: lint format types layers dependencies yaml architecture ## everything that needs no broker

lint: $(INSTALLED)
	$(BIN)/ruff check .

format: $(INSTALLED)
	$(BIN)/ruff format --check .

types: $(INSTALLED)
	$(BIN)/pyright

layers: $(INSTALLED)
	$(BIN)/lint-imports

dependencies: $(INSTALLED)
	$(BIN)/deptry .

yaml: $(INSTALLED)
	$(BIN)/yamllint --strict topics.yaml docker-compose.yml pipeline/costs.yaml pipeline/profiles .pre-commit-config.yaml .yamllint \
		deploy/prometheus deploy/grafana deploy/chart/Chart.yaml deploy/chart/values.yaml deploy/chart/ci

architecture: $(INSTALLED)
	$(BIN)/python -m pytest -q tests/architecture

fix: $(INSTALLED) ## what ruff can mend by itself
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: install ## the benchmarks; they print their figures
	$(BIN)/python -m benchmarks

soak: install ## the tests that run for minutes
	$(BIN)/python -m pytest -m soak --timeout=3600 $(TESTS)

# Helm is in no package registry that the rest comes from: the system's, or one that Go builds.
GO ?= $(or $(shell command -v go 2>/dev/null),/usr/local/go/bin/go)
HELM ?= $(or $(shell command -v helm 2>/dev/null),$(abspath $(BIN)/helm))
HELM_VERSION := v3.22.0
CHART_CHECKS := $(VENV)/.chart

chart: $(CHART_CHECKS) ## the Helm chart, rendered and validated (builds Helm with Go where there is none)
	HELM=$(HELM) $(BIN)/python -m pytest -m soak tests/architecture/test_chart_rendered.py

$(CHART_CHECKS): $(INSTALLED) deploy/chart.lock
	$(PIP) install --quiet --require-hashes --requirement deploy/chart.lock
	@[ -x "$(HELM)" ] || GOBIN=$(abspath $(BIN)) $(GO) install helm.sh/helm/v3/cmd/helm@$(HELM_VERSION)
	@touch $@

release-schemas: $(INSTALLED) ## note the schemas of the version in pyproject.toml, for those that come after it
	$(BIN)/python -m pipeline.adapters.kafka.schema_release

announce-schema: $(INSTALLED) ## let this release read what the next one will write (FILE=new/delivery.avsc)
	$(BIN)/python -m pipeline.adapters.kafka.schema_release $(FILE)

LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' $(if $(UPGRADE),--upgrade)

lock: $(INSTALLED) ## requirements.lock anew from pyproject.toml (UPGRADE=1 takes the newest of everything)
	$(LOCK) pyproject.toml --all-extras --group build --output-file requirements.lock
	$(LOCK) pyproject.toml --extra postgres --group build --constraints requirements.lock \
		--output-file deploy/requirements.lock
	$(LOCK) --group chart --constraints requirements.lock --output-file deploy/chart.lock
	$(LOCK) --group sbom --output-file deploy/sbom.lock

audit: $(INSTALLED) ## known vulnerabilities of what is locked (needs the Internet, and fails without)
	$(BIN)/pip-audit --strict --require-hashes --disable-pip --requirement requirements.lock

audit-or-say-why: $(INSTALLED)
	timeout 60 .ci/audit

SBOM_TOOL := $(VENV)/sbom
SBOM := PYTHONWARNINGS=ignore::UserWarning $(SBOM_TOOL)/bin/cyclonedx-py requirements --output-reproducible --of JSON

sbom: $(SBOM_TOOL)/.installed ## what is in it, as CycloneDX: dist/sbom.cdx.json, and dist/sbom-image.cdx.json
	@mkdir -p dist
	$(SBOM) --pyproject pyproject.toml --output-file dist/sbom.cdx.json requirements.lock
	$(SBOM) --pyproject pyproject.toml --output-file dist/sbom-image.cdx.json deploy/requirements.lock

$(SBOM_TOOL)/.installed: $(INSTALLED) deploy/sbom.lock
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(SBOM_TOOL)
	$(BIN)/uv pip install --quiet --python $(SBOM_TOOL) --require-hashes --requirement deploy/sbom.lock
	@touch $@

# Where it can; a test that lacks one says so itself.
system-packages:
	@missing=; for package in $(SYSTEM_PACKAGES); do \
		dpkg-query --show --showformat='$${Status}' "$$package" 2>/dev/null | grep -q 'ok installed' \
			|| missing="$$missing $$package"; \
	done; \
	[ -n "$$missing" ] || exit 0; \
	if [ "$$(id -u)" = 0 ]; then as_root=; \
	elif sudo -n true 2>/dev/null; then as_root='sudo -n'; \
	else as_root=none; fi; \
	if ! command -v apt-get >/dev/null 2>&1 || [ "$$as_root" = none ]; then \
		echo "Not installed (needs apt-get, and root or sudo without a password):$$missing" >&2; exit 0; \
	fi; \
	{ $$as_root apt-get update -qq \
		&& $$as_root env DEBIAN_FRONTEND=noninteractive \
			apt-get install -qq -y --no-install-recommends $$missing; \
	} || echo "apt-get could not install:$$missing" >&2

clean: ## remove what make made; your data in .pipeline stays
	rm -rf $(VENV) dist build .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find pipeline tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment is made anew where its Python is gone or has been replaced.
$(BIN)/python:
	@for python in $(PYTHON) $(PYTHONS); do \
		if "$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
			echo "$$("$$python" --version) -> $(VENV)"; \
			exec "$$python" -m venv --clear $(VENV); \
		fi; \
	done; \
	echo 'No Python 3.11 or newer with venv was found (tried: $(strip $(PYTHON) $(PYTHONS))).' >&2; \
	echo 'Install one (on Debian: apt-get install python3 python3-venv)' >&2; \
	echo 'or name it: make $(or $(MAKECMDGOALS),install) PYTHON=/path/to/python3.11' >&2; \
	exit 1

# Not order-only: a Python made anew or upgraded needs its packages again.
$(INSTALLED): $(BIN)/python requirements.lock pyproject.toml
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null
	$(PIP) install --quiet --require-hashes --requirement requirements.lock
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# The jars go to the user's cache; the stamp spares asking for them each time.
$(BROKER): $(INSTALLED) $(wildcard pipeline/adapters/embedded_kafka/*.py)
	$(BIN)/python -m pipeline.adapters.embedded_kafka.install
	@touch $@

# Every command of this project. `make` alone lists them.
#
# PYTHON=python3.12   another interpreter for .venv
# ARGS="..."          passed on: make site ARGS="--diff", make unit ARGS="-k interval"
# WITHOUT_DOCKER=1    leave out the molecule scenarios that start containers

PYTHON ?= python3
ARGS ?=

VENV := .venv
RUN_READY := $(VENV)/.ready-run
DEV_READY := $(VENV)/.ready-dev
STAGES := lint+sanity+unit integration molecule # joined by a plus: side by side

# Each file of tests has a sandbox of its own. A server that was named is one for all, and so are its roles.
SIDE_BY_SIDE := $(if $(TIMESCALEDB_TEST_DSN)$(TIMESCALEDB_TEST_DSN_APACHE),,--numprocesses auto --dist loadfile)

# One interpreter, one configuration and one scratch folder, whatever the caller's shell and home directory hold.
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
export ANSIBLE_HOME := $(CURDIR)/.cache/ansible
# Ansible refuses to start without a UTF-8 locale.
export LC_ALL := $(if $(filter Darwin,$(shell uname -s)),en_US.UTF-8,C.UTF-8)

# Colours are for terminals.
ifndef MAKE_TERMOUT
export NO_COLOR := 1
endif

PIP_INSTALL := $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-input --require-hashes
PIP_COMPILE := pip-compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links \
	--no-emit-trusted-host --strip-extras --allow-unsafe --no-header

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:

##@ Use

.PHONY: help
help: ## List the commands
	@awk 'BEGIN {FS = ":.*## "} \
		/^##@/ {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

.PHONY: site
site: $(RUN_READY) ## Bring everything to the declared state (ansible-playbook site.yml $ARGS)
	@ansible-playbook site.yml $(ARGS)

.PHONY: check
check: $(RUN_READY) ## Say what `make site` would change, change nothing
	@ansible-playbook site.yml --check --diff $(ARGS)

.PHONY: stop
stop: $(RUN_READY) ## Stop the sandbox, keep its data
	@ansible-playbook playbooks/stop_sandbox.yml $(ARGS)

.PHONY: clean-sandbox
clean-sandbox: $(RUN_READY) ## Stop the sandbox and erase its data
	@ansible-playbook playbooks/erase_sandbox.yml $(ARGS)

.PHONY: revision
revision: $(RUN_READY) ## Begin a database migration: make revision NAME=add_rooms
	@test -n "$(NAME)" || { echo 'Name the revision: make revision NAME=add_rooms' >&2; exit 2; }
	@python scripts/new_revision.py "$(NAME)"

##@ Develop

.PHONY: setup
setup: $(DEV_READY) ## Make .venv with everything the commands below need

.PHONY: test
test: $(DEV_READY) ## Run all of the following, in this order
	@bash scripts/run_stages.sh $(STAGES)

.PHONY: lint
lint: $(DEV_READY) ## Style, types, playbooks, variable tables
	ruff check .
	ruff format --check .
	mypy
	yamllint --strict .
	python scripts/lint_role_variables.py
	python scripts/build_docs.py --check
	python scripts/run_ansible_lint.py

.PHONY: format
format: $(DEV_READY) ## Let ruff correct what it can
	ruff check --fix .
	ruff format .

.PHONY: sanity
sanity: $(DEV_READY) ## Module documentation agrees with module code
	pytest tests/sanity $(ARGS)

.PHONY: unit
unit: $(DEV_READY) ## Tests that need no database
	pytest tests/unit $(ARGS)

.PHONY: integration
integration: $(DEV_READY) ## Tests on a live server: the sandbox, and TIMESCALEDB_TEST_DSN when set
	pytest tests/integration $(SIDE_BY_SIDE) $(ARGS)

.PHONY: molecule
molecule: $(DEV_READY) ## The whole site.yml: check, converge, again, verify, change, verify; with a Docker engine
	@python scripts/run_molecule.py $(ARGS)

.PHONY: bench
bench: $(DEV_READY) ## Measure
	python benchmarks/run.py $(ARGS)

.PHONY: docs
docs: $(DEV_READY) ## Write the generated tables of the role READMEs
	python scripts/build_docs.py

.PHONY: lock
lock: $(DEV_READY) ## Pin the newest versions that requirements*.in allow: make lock ARGS=--upgrade
	$(PIP_COMPILE) $(ARGS) --output-file requirements.txt requirements.in
	$(PIP_COMPILE) $(ARGS) --output-file requirements-dev.txt requirements-dev.in
	$(PIP_COMPILE) $(ARGS) --output-file requirements-node.txt requirements-node.in

.PHONY: clean
clean: ## Remove .venv and caches, leave the sandbox and its data alone
	rm -rf $(VENV) .cache .ansible .hypothesis .pytest_cache
	find . -name __pycache__ -type d -not -path './.sandbox/*' -prune -exec rm -rf {} +

# One virtual environment, filled in two steps: what running needs, then what developing needs on top.

$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Python 3.11 or newer is needed and '$(PYTHON)' is $$($(PYTHON) --version 2>&1 || true)." \
			"Name another one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@echo 'Setting up $(VENV) with $(PYTHON)' >&2
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "'$(PYTHON) -m venv' failed. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }

$(RUN_READY): requirements.txt | $(VENV)/pyvenv.cfg
	@echo 'Installing what the playbooks need (requirements.txt)' >&2
	@$(PIP_INSTALL) --requirement requirements.txt
	@touch $@

$(DEV_READY): requirements-dev.txt $(RUN_READY)
	@echo 'Installing what the checks need (requirements-dev.txt)' >&2
	@$(PIP_INSTALL) --requirement requirements-dev.txt
	@touch $@

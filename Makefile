# Each target does its whole set-up on a machine with git, make and Python 3.11 or newer. Nothing is
# installed outside of this folder: hatch goes into .tools, the project into .venv.

PYTHON ?= python3
HATCH := .tools/bin/hatch
CORO := .venv/bin/coro
INPUTS := pyproject.toml $(wildcard plugins/*/pyproject.toml)

.DEFAULT_GOAL := help
.PHONY: help serve demo test coverage clients fuzz check fmt prose openapi contract screenshots vendor requirements
.PHONY: docs bench overload outage soak clean

help: ## Show what there is.
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 14

serve: .venv/ready ## Serve on PORT (default 8000) with the keys of the environment or .env.
	@exec $(CORO) serve

demo: .venv/ready ## The same without any key: every provider is simulated.
	@exec $(CORO) serve --demo

test: .venv/ready ## Run the tests.
	@exec .venv/bin/pytest -n auto $(ARGS)

fuzz: .venv/ready ## Draw ten thousand new cases for each property: most of an hour.
	@exec env FUZZ=long .venv/bin/pytest tests/promises/fuzz $(ARGS)

clients: .venv/ready .clients/ready ## Generate clients of the API and use them; lint its description.
	@exec .venv/bin/pytest tests/promises/clients $(ARGS)

coverage: .venv/ready ## Run the tests with branch coverage, subprocesses included; report missing lines.
	@rm -f .coverage .coverage.*
	@code=0; .venv/bin/coverage run -m pytest -n auto $(ARGS) || code=$$?; \
		.venv/bin/coverage combine --quiet; .venv/bin/coverage report; exit $$code

check: .venv/ready ## Format, lint, types and tests.
	.venv/bin/ruff format --check
	.venv/bin/ruff check
	.venv/bin/mypy
	.venv/bin/pytest -n auto $(ARGS)

fmt: .venv/ready ## Put the source into shape.
	.venv/bin/ruff format
	.venv/bin/ruff check --fix

prose: ## Find words that the project does not use.
	@$(PYTHON) scripts/prose.py $(ARGS)

docs: $(HATCH) ## Build the documentation as a site, into site/; a broken link fails.
	@$(HATCH) -q run docs:build

openapi: .venv/ready ## Write the published description of the API into openapi.json.
	$(CORO) openapi > openapi.json

requirements: $(HATCH) ## Write deploy/ anew; ARGS=--upgrade takes the newest versions.
	@.tools/bin/python scripts/lock.py $(ARGS)

screenshots: .venv/ready ## Take the pictures of the page at / into docs/images; needs Chromium.
	PYTHONPATH=tests .venv/bin/python scripts/screenshots.py

vendor: ## Fetch the libraries of the page at / anew, as scripts/vendor.py says; needs npm.
	$(PYTHON) scripts/vendor.py

bench: .venv/ready ## Measure against the floor, some twenty minutes, and write docs/performance.md.
	@exec .venv/bin/python -m benchmarks --write

overload outage soak: export PYTHONPATH := tests

overload: .venv/ready ## Ten times what a server can take, on this machine alone; two minutes.
	@exec .venv/bin/python -m promises.load.overload

outage: .venv/ready ## Every provider down: how often is each asked? Two minutes.
	@exec .venv/bin/python -m promises.load.outage

soak: .venv/ready ## Faults for SECONDS (default 600): does the server grow?
	@exec .venv/bin/python -m promises.load.soak

contract: .venv/ready ## Write the list of the contract's checks into docs/contract-checks.md.
	.venv/bin/python -m coro_core.testing.conformance.document > docs/contract-checks.md

clean: ## Remove what was installed and built.
	rm -rf .venv .tools .clients build dist site .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage*

# hatch is slow to start, so the targets above call the programs of its environment themselves.
.venv/ready: $(HATCH) $(INPUTS)
	@$(HATCH) -q env prune
	@$(HATCH) -q env create
	@touch $@

# Generators and a linter that are not ours, in exact versions. --ignore-scripts: none needs its own.
.clients/ready: $(addprefix tests/promises/clients/,package.json package-lock.json requirements.txt) | .venv/ready
	@mkdir -p .clients
	@rm -f $@
	@cp tests/promises/clients/package.json tests/promises/clients/package-lock.json .clients
	@npm ci --prefix .clients --ignore-scripts --no-audit --no-fund --loglevel=error
	@.tools/bin/uv venv --quiet --clear --python .venv/bin/python .clients/venv
	@.tools/bin/uv pip install --quiet --python .clients/venv/bin/python --require-hashes \
		--requirements tests/promises/clients/requirements.txt
	@touch $@

$(HATCH): scripts/bootstrap.py
	@$(PYTHON) scripts/bootstrap.py
	@touch $@

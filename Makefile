# Each target needs only git, make and Python 3.11 or newer. It installs nothing outside this folder:
# hatch goes into .tools, the project into .venv.

PYTHON ?= python3
HATCH := .tools/bin/hatch
CORO := .venv/bin/coro
INPUTS := pyproject.toml $(wildcard plugins/*/pyproject.toml)

.DEFAULT_GOAL := help
.PHONY: help serve demo test coverage clients fuzz check fmt prose openapi contract screenshots vendor requirements
.PHONY: docs bench overload outage soak clean

help: ## List these commands.
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 14

serve: .venv/ready ## Serve on PORT (default 8000) with the keys of the environment or .env.
	@exec $(CORO) serve

demo: .venv/ready ## Serve without any key: every provider is simulated.
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

check: .venv/ready ## Format, lint, words, types and tests.
	.venv/bin/ruff format --check
	.venv/bin/ruff check
	.venv/bin/python scripts/prose.py
	.venv/bin/mypy
	.venv/bin/pytest -n auto $(ARGS)

fmt: .venv/ready ## Format the source and sort its imports.
	.venv/bin/ruff format
	.venv/bin/ruff check --fix

prose: ## Find words that the project does not use.
	@$(PYTHON) scripts/prose.py $(ARGS)

docs: $(HATCH) ## Build the documentation as a site, into site/; a broken link fails.
	@$(HATCH) -q run docs:build

openapi: .venv/ready ## Write the published description of the API into openapi.json.
	$(CORO) openapi > openapi.json

requirements: $(HATCH) ## Write the files in deploy/; ARGS=--upgrade takes the newest versions.
	@.tools/bin/python scripts/lock.py $(ARGS)

screenshots: .venv/ready ## Take the pictures of the compare page into docs/images; needs Chromium.
	PYTHONPATH=tests .venv/bin/python scripts/screenshots.py

vendor: ## Fetch the libraries of the compare page again; needs npm.
	$(PYTHON) scripts/vendor.py

bench: .venv/ready ## Measure against the floor, some twenty minutes, and write docs/performance.md.
	@exec .venv/bin/python -m benchmarks --write

overload outage soak: export PYTHONPATH := tests

overload: .venv/ready ## Load a server with ten times its capacity; two minutes.
	@exec .venv/bin/python -m promises.load.overload

outage: .venv/ready ## Count the calls to providers that are all down; two minutes.
	@exec .venv/bin/python -m promises.load.outage

soak: .venv/ready ## Cause faults for SECONDS (default 600); fail if the server grows.
	@exec .venv/bin/python -m promises.load.soak

contract: .venv/ready ## Write docs/contract-checks.md from the conformance suite.
	.venv/bin/python -m coro_core.testing.conformance.document > docs/contract-checks.md

clean: ## Remove what was installed and built.
	rm -rf .venv .tools .clients build dist site .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage*

# hatch starts slowly, so the targets above call the programs of its environment directly.
.venv/ready: $(HATCH) $(INPUTS)
	@$(HATCH) -q env prune
	@$(HATCH) -q env create
	@touch $@

# Third-party generators and a linter, in exact versions. No package needs its install scripts.
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

# The commands of the house. `make demo` and `make test` set up what they need in .venv, which nothing else touches.
.PHONY: demo test campaign lint pages audit clean help
ONLY ?= tests

help:            ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

demo:            ## set up (no torch) and run the main job: grow, lose half, heal
	@tools/setup run
	@.venv/bin/planaria demo $(DEMO)

test:            ## set up and run everything: lint, types, arrows, unit and system tests
	@tools/setup test
	@tools/check $(ONLY)

lint:            ## ruff, mypy --strict
	@tools/setup test
	@tools/check --lint

campaign:        ## the long runs whose results are kept in docs/results
	@tools/setup test
	@.venv/bin/python -m tools.campaign $(CAMPAIGN)

pages:           ## write the pages of docs that are made from code: commands, faults, errors
	@tools/setup test
	@.venv/bin/python -m coordinator.cli.handbook docs/commands
	@.venv/bin/python -m coordinator.faults.handbook docs
	@.venv/bin/python -m tools.errors
	@.venv/bin/python -m tools.ten_thousand

audit:           ## ask pip-audit about the packages that are installed (needs a vulnerability service)
	@tools/setup run
	@.venv/bin/python -m pip install --quiet pip-audit
	@.venv/bin/pip-audit --skip-editable --strict

clean:           ## remove the virtual environment and caches
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist

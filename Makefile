# Thin names over the real commands. Everything installs into .venv/ and writes to var/.
PYTHON_IN_VENV = .venv/bin/python

.PHONY: demo test run setup lint bench clean

demo: ## set up, make the demo, run web and worker until Ctrl-C (PORT=8000)
	@sh .ci/setup runtime
	@exec $(PYTHON_IN_VENV) -m curation.demo

test: ## set up, run every test
	@sh .ci/setup dev
	@exec bash .ci/run tests

run: ## set up, bring the database up to date, run web and worker until Ctrl-C (PORT=8000)
	@sh .ci/setup runtime
	@$(PYTHON_IN_VENV) manage.py migrate --noinput --verbosity 0
	@exec $(PYTHON_IN_VENV) -m curation.supervisor

setup: ## make .venv/ with what development needs
	@sh .ci/setup dev

lint: ## format, lint, types, contracts
	@sh .ci/setup dev
	@exec bash .ci/run format lint types contracts

bench: ## the measured claims, at a small size
	@sh .ci/setup dev
	@exec $(PYTHON_IN_VENV) benchmarks/line.py --rows 10000

clean: ## remove what was installed and measured; var/ stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache node_modules

# Two commands do all the set-up: `make run` and `make test`. Both are safe to repeat.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
CONFIG = examples/seattle/config.toml
CTL = $(BIN)/partnershipctl --config $(CONFIG)
# Prints where a configuration has its pages and its messages.
WHERE = from pathlib import Path; from workflow.procedure.config import load; c = load(Path("$(CONFIG)"), words=False); \
  pages = c.address("calls"); m = c.procedure.mail; mail = (c.folder / m.maildir).resolve() if m.mailer == "maildir" else "the mail server"; \
  print(f"In a browser: {pages}, and the links in the messages, which go to {mail}.")
# pip compiles what it copies, but not the modules that stay here. Without this, a user who may not write into this
# folder would compile them at each start of a command.
COMPILE = $(BIN)/python -m compileall -q states notifications workflow
# A test that hangs says where, and is a failure after ten minutes; none takes a fifth of that.
PYTEST = $(BIN)/python -m pytest -n auto --dist worksteal -o faulthandler_timeout=600 -o faulthandler_exit_on_timeout=true
# All but what knows no database or only shows what pages of other tests say, and what is done on both databases anyway.
ON_POSTGRESQL = tests $(addprefix --ignore=tests/,states notifications browser fuzz servers test_docs.py test_tables.py \
  year lives/test_model.py workflow/forms workflow/procedure workflow/rehearsal/test_comparison.py \
  workflow/store/test_upgrade.py $(addprefix attacks/test_,searching_for_sealed_text.py reading_sealed_text.py \
  words_into_the_record.py))

.PHONY: run test test-postgresql chaos hostile bench lint docs-tables wheel clean

run: $(VENV)/run  ## the daemon with a sample district, in the place that its configuration names
	@$(CTL) init
	@# Only into an empty database: somebody may have changed the people, the meetings or the schools since.
	@if [ "$$($(CTL) people list --json)" = "[]" ] && [ "$$($(CTL) list --json)" = "[]" ]; \
	  then $(CTL) import examples/seattle/district.toml; fi
	@$(BIN)/python -c '$(WHERE)'
	@echo "Look around with: $(CTL) list"
	@echo "Ctrl-C ends it."
	@exec $(BIN)/partnershipd --config $(CONFIG)

test: $(VENV)/test  ## every test
	$(PYTEST)

test-postgresql: $(VENV)/test  ## every test that has a database, on a real PostgreSQL server instead of SQLite
	TEST_DATABASE=postgresql $(PYTEST) $(ON_POSTGRESQL)

chaos: $(VENV)/test  ## daemons are killed, stopped, starved of disk and given false clocks; says what it counted
	CHAOS=$${CHAOS:-200} $(BIN)/python -m pytest -n 0 tests/faults
	CHAOS=$${CHAOS:-200} TEST_DATABASE=postgresql $(BIN)/python -m pytest -n 0 tests/faults

hostile: $(VENV)/test  ## a running daemon gets thousands of hostile messages and forms; says how long its ticks were
	HOSTILE=$${HOSTILE:-5000} $(BIN)/python -m pytest -n 0 tests/attacks/test_flooding_the_daemon.py
	FUZZ=$${HOSTILE:-5000} $(BIN)/python -m pytest -n 0 tests/workflow/web/test_hostile.py

bench: $(VENV)/test  ## all that is measured in a short form, as ratios; fails where one has become much worse
	$(BIN)/python benchmarks/short.py

lint: $(VENV)/test  ## style, types, and which package may import which
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs-tables: $(VENV)/test  ## the tables of evidence in docs/, from the law and the markers of the tests
	$(BIN)/python -m docs.tables

wheel: $(VENV)/test  ## dist/*.whl
	$(BIN)/python -m build --wheel

clean:
	rm -rf $(VENV) build dist *.egg-info

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or later is needed; found $$($(PYTHON) --version). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/run: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	$(COMPILE)
	@touch $@

$(VENV)/test: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	$(COMPILE)
	@touch $@ $(VENV)/run

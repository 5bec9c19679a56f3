# Each target sets up what it needs by itself; Python 3.11 or newer is enough.
PYTHON ?= python3
ARGS ?=

.PHONY: run test lint bench faults first-day setup requirements messages

# first-day follows docs/operations.md on Debian's own servers, as root.
run test lint bench faults first-day setup:
	@$(PYTHON) platform/embedded/bootstrap.py $@ $(ARGS)

# Pins every package with its hashes; needs uv (pip install uv).
requirements:
	for group in base embedded dev; do uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command "make requirements" requirements/$$group.in -o requirements/$$group.txt; done

# Collects new sentences and compiles the Chinese catalogue; says what lacks a translation.
messages:
	$(PYTHON) tools/messages.py

# Each target sets up what it needs by itself; Python 3.11 or newer is enough.
PYTHON ?= python3
ARGS ?=

.PHONY: run test lint bench faults first-day setup requirements messages

# first-day follows docs/operations.md on Debian's own servers, as root.
run test lint bench faults first-day setup:
	@$(PYTHON) platform/embedded/bootstrap.py $@ $(ARGS)

# Pins every package with its hashes; needs uv (pip install uv). What the emulator needs
# is said by its own project and pinned with the embedded servers.
PINS = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command "make requirements"
requirements:
	$(PINS) requirements/base.in -o requirements/base.txt
	$(PINS) requirements/embedded.in tools/stripe-emulator/pyproject.toml -o requirements/embedded.txt
	$(PINS) requirements/dev.in -o requirements/dev.txt

# Collects new sentences and compiles the Chinese catalogue; says what lacks a translation.
messages:
	$(PYTHON) tools/messages.py

# Each target sets up what it needs by itself; Python 3.11 or newer is enough.
PYTHON ?= python3
ARGS ?=
FILE ?=

.PHONY: run dev test test-one lint format answers bench clients engine-proof faults \
	first-day first-change setup requirements messages drawing branches mutate matrix platforms

# run is the product as it is; dev is the same and shows what is edited (CONTRIBUTING.md).
# format writes what lint would complain about. requirements pins every package anew.
# first-day follows docs/operations.md on Debian's own servers, as root;
# first-change follows CONTRIBUTING.md in a fresh clone.
# branches says what the last test run with --cov left out, by area; mutate whether
# the tests see small faults; matrix runs them on each supported Python and PostgreSQL.
# platforms asks the package index for a wheel of all we run on each platform we name.
# drawing draws ARCHITECTURE.md's rooms from the imports and prints their sizes.
# clients drives other makers' unmodified clients, in environments of their own in var/.
# engine-proof has two processes offer things at 100 000 moments and checks all of it by SQL.
# answers prints how the documentation assistants answer the judged questions.
run dev test lint format answers bench clients engine-proof faults first-day \
first-change setup requirements drawing branches mutate matrix platforms:
	@$(PYTHON) platform/embedded/bootstrap.py $@ $(ARGS)

# make test-one FILE=tests/core/test_values.py, or FILE=…::test_name
test-one:
	@$(if $(FILE),,$(error Say which: make test-one FILE=tests/core/test_values.py))$(PYTHON) platform/embedded/bootstrap.py $@ $(FILE) $(ARGS)

# Collects new sentences and compiles the Chinese catalogue; says what lacks a translation.
messages:
	$(PYTHON) tools/messages.py

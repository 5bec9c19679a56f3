"""How long a plan stays that is not paid."""

from datetime import timedelta

# From the first declined payment; after it the plan is gone until it is paid. A week
# has a weekend and a working day in it, to find another card or to ask the bank.
GRACE = timedelta(days=7)

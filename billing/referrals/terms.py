"""What is promised: how much, for what, and when."""

from datetime import timedelta

from core.money import NANO

# A month of light use: worth an invitation, and less than the first payment brings.
REWARD_NANO = 10 * NANO
# Most refunds come in the first days, and credit that is used cannot be taken back.
SETTLING = timedelta(days=14)
# Long enough to try and decide; who pays later did not come because of the link.
LIFETIME = timedelta(days=365)
# Credit for nothing that lies about for years is a debt nobody remembers.
CREDIT_LASTS = timedelta(days=365)
# Between the first visit and signing up.
VISIT_LASTS = timedelta(days=30)
# As long as a card's payment can be disputed in most cases.
TRACES_LAST = timedelta(days=120)
# In numbers, as pages and programs are told.
PROMISE = {
    "reward_nano": REWARD_NANO,
    "settling_days": SETTLING.days,
    "lifetime_days": LIFETIME.days,
}
# One person brings a few: more payers in a week by one link is looked at.
MOST_A_WEEK, WEEK = 5, timedelta(days=7)

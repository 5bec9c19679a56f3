"""Production settings, driven by the environment alone.

By subject: ``site``, ``apps``, ``stores``, ``security``, ``outside``, ``policy``,
``accounts`` and ``api``; the rest is here.
"""

from pathlib import Path

import django_stubs_ext
from django.utils.translation import gettext_lazy as _

from config import ROOT_DIR, env
from config.logging import build_logging
from config.payments import problems_with_stripe

# isort: off
# In the order in which what is wrong with the environment is told.
from config.settings.site import *  # noqa: F403
from config.settings.apps import *  # noqa: F403
from config.settings.stores import *  # noqa: F403
from config.settings.security import *  # noqa: F403
from config.settings.outside import *  # noqa: F403
from config.settings.policy import *  # noqa: F403
from config.settings.accounts import *  # noqa: F403
from config.settings.api import *  # noqa: F403

# isort: on
from config.settings.accounts import SECOND_FACTOR_REQUIRED
from config.settings.outside import (
    EMAIL_URL,
    STRIPE_API_BASE,
    STRIPE_SECRET_KEY,
    STRIPE_WEBHOOK_SECRETS,
)
from config.settings.site import VAR_DIR

django_stubs_ext.monkeypatch()

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LOCALE_PATHS = [ROOT_DIR / "platform" / "design" / "locale"]
FORMAT_MODULE_PATH = "design.formats"
TIME_ZONE = "UTC"
USE_TZ = True
# How many in a hundred are never offered anything, to compare the others with.
GROWTH_HOLDOUT_PERCENT = env.integer("GROWTH_HOLDOUT_PERCENT", 10)
# The day of every report: conversion windows and charts are cut in this zone.
REPORTING_TIME_ZONE = env.text("REPORTING_TIME_ZONE", "Asia/Shanghai")
# Figures are in one currency; invoices in another stay in the ledger.
REPORTING_CURRENCY = env.text("REPORTING_CURRENCY", "usd").lower()
# Above these one of staff asks and another one decides. In whole units of the money at
# hand: about a month of a large team, so that everyday help needs nobody else.
SECOND_PERSON_CREDIT = env.integer("SECOND_PERSON_CREDIT", 1_000)
SECOND_PERSON_REFUND = env.integer("SECOND_PERSON_REFUND", 1_000)  # as above
# In percent: more than a year's price takes off the month's.
SECOND_PERSON_DISCOUNT = env.integer("SECOND_PERSON_DISCOUNT", 20)
# What a US dollar is worth in it, and since when: models cost dollars.
REPORTING_USD_RATE = env.dated_rate("REPORTING_USD_RATE")

STATIC_URL = "/static/"
STATIC_ROOT = Path(env.text("STATIC_ROOT", str(VAR_DIR / "static")))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
# Django's own, said because the limits of edge.parsers stay below it.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440

if env.text("SENTRY_DSN"):
    from config import sentry

    sentry.start(env.text("SENTRY_DSN"))

# Development conveniences outside development are mistakes, not choices.
IS_DEVELOPMENT = env.boolean("DOORSTONE_DEVELOPMENT")
env.problems.extend(
    problems_with_stripe(
        key=STRIPE_SECRET_KEY,
        api_base=STRIPE_API_BASE,
        webhook_secrets=STRIPE_WEBHOOK_SECRETS,
        is_development=IS_DEVELOPMENT,
    )
)
if not IS_DEVELOPMENT and not EMAIL_URL:
    env.problems.append("EMAIL_URL is not set: smtp+tls://user:password@host:587")
if not IS_DEVELOPMENT and not SECOND_FACTOR_REQUIRED:
    env.problems.append("SECOND_FACTOR_REQUIRED=0 is for development alone.")

LOGGING = build_logging(as_json=not IS_DEVELOPMENT)
LOGGING_CONFIG = "logging.config.dictConfig"

env.report()

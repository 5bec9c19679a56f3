"""Tests: real PostgreSQL and Redis, quick hashing, mail kept in memory."""

import os

os.environ["DOORSTONE_DEVELOPMENT"] = "1"
os.environ.setdefault("DATABASE_URL", "postgresql://postgres@127.0.0.1:5432/doorstone")
os.environ.setdefault("SITE_URL", "http://testserver")
os.environ.setdefault("ALLOWED_HOSTS", "testserver,127.0.0.1,localhost")

from config.settings.base import *  # noqa: F403
from config.settings.base import DATABASES, INSTALLED_APPS, VAR_DIR

INSTALLED_APPS = [*INSTALLED_APPS, "demo", "embedded"]
ALLOWS_DEMO = True
DATABASES["default"]["CONN_MAX_AGE"] = 0
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
# A worker that a test starts speaks to a real server.
MAIL_TRANSPORT = os.environ.get("TEST_MAIL_TRANSPORT", EMAIL_BACKEND)
GITHUB_WEBHOOK_SECRETS = ["test-github-secret"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
# Who a test makes is in no holdout but where the test is about it.
GROWTH_HOLDOUT_PERCENT = 0
# Workers share a folder, but not what is in their logs.
ANALYTICS_DIR = VAR_DIR / f"analytics-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"

"""Development: the bare machine's own servers, readable logs, loose hosts."""

import os
from pathlib import Path

from dotenv import load_dotenv

from config import ROOT_DIR, env
from embedded.environment import read

load_dotenv(ROOT_DIR / ".env")
# Beside a running product every command is part of it.
RUNNING_PRODUCT = read(Path(os.environ.get("VAR_DIR") or ROOT_DIR / "var"))
for name, value in RUNNING_PRODUCT.items():
    os.environ.setdefault(name, value)
os.environ.setdefault("DOORSTONE_DEVELOPMENT", "1")
# The start command brings its own database unless a person named one.
HAS_OWN_DATABASE = bool(os.environ.get("DATABASE_URL"))
# The demo's staff and owner are accounts without a phone to scan a code with.
os.environ.setdefault("SECOND_FACTOR_REQUIRED", "0")
os.environ.setdefault("DATABASE_URL", "postgresql://postgres@127.0.0.1:5432/doorstone")

from config.settings.base import *  # noqa: E402, F403
from config.settings.base import INSTALLED_APPS, LOGGING, TEMPLATES  # noqa: E402

# make dev sets it. Any other word is for another program: many read DEBUG.
DEBUG = os.environ.get("DEBUG") == "1"
if DEBUG:
    DEFAULT_EXCEPTION_REPORTER = "config.reporting.DiscreetReporter"
    DEFAULT_EXCEPTION_REPORTER_FILTER = "config.reporting.DiscreetFilter"
    # Without the loader that keeps what it has read, an edit shows at once.
    TEMPLATES = [
        {
            **TEMPLATES[0],
            "APP_DIRS": False,
            "OPTIONS": {
                **TEMPLATES[0]["OPTIONS"],  # type: ignore[dict-item]
                "loaders": [
                    "django.template.loaders.filesystem.Loader",
                    "django.template.loaders.app_directories.Loader",
                ],
            },
        }
    ]
    if env.boolean("LOG_SQL"):
        LOGGING["loggers"]["django.db.backends"] = {"level": "DEBUG"}
# What the doctor and manage.py advise where servers are away.
START_COMMAND = "make run"
INSTALLED_APPS = [*INSTALLED_APPS, "demo", "embedded"]
ALLOWS_DEMO = True
# Edited styles and scripts show at once; nothing has to be collected first.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

"""Development: the bare machine's own servers, readable logs, loose hosts."""

import os
from pathlib import Path

from dotenv import load_dotenv

from config import ROOT_DIR
from embedded.environment import read

load_dotenv(ROOT_DIR / ".env")
# Beside a running product every command is part of it.
RUNNING_PRODUCT = read(Path(os.environ.get("VAR_DIR") or ROOT_DIR / "var"))
for name, value in RUNNING_PRODUCT.items():
    os.environ.setdefault(name, value)
os.environ.setdefault("DOORSTONE_DEVELOPMENT", "1")
# The start command brings its own database unless a person named one.
HAS_OWN_DATABASE = bool(os.environ.get("DATABASE_URL"))
# Whoever tries the demo as its staff or its owner has no phone to scan a code with.
os.environ.setdefault("SECOND_FACTOR_REQUIRED", "0")
os.environ.setdefault("DATABASE_URL", "postgresql://postgres@127.0.0.1:5432/doorstone")

from config.settings.base import *  # noqa: E402, F403
from config.settings.base import INSTALLED_APPS  # noqa: E402

DEBUG = False
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

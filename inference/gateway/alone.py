"""The gateway without the pages, for machines that do nothing else."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")
django.setup(set_prefix=False)

from core.collector import freeze_loaded  # noqa: E402
from inference.gateway.asgi import gateway  # noqa: E402

application = gateway(None)
freeze_loaded()

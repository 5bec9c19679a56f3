"""The ASGI entry point: ``/v1`` goes to the gateway, everything else to Django."""

import importlib
import os
import warnings

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")

# Files and CSV exports are read to their end in a thread, which is what they are for.
warnings.filterwarnings(
    "ignore", message="StreamingHttpResponse must consume synchronous iterators"
)

django_application = get_asgi_application()

from core.collector import freeze_loaded  # noqa: E402
from edge.shedding import BoundedApplication  # noqa: E402
from inference.gateway.asgi import gateway  # noqa: E402

application = gateway(BoundedApplication(django_application))

# Django loads the views with the first request: too late to be frozen, and at the
# expense of who sent it.
importlib.import_module("config.urls")
freeze_loaded()

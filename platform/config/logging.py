"""One logging set-up: JSON lines in production, short lines in development."""

from typing import Any


def build_logging(*, as_json: bool) -> dict[str, Any]:
    """Return the ``dictConfig`` of every process."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {
            "request_id": {"()": "core.logs.RequestIdFilter"},
            "one_line": {"()": "core.logs.OneLineFilter"},
        },
        "formatters": {
            "json": {
                "()": "pythonjsonlogger.json.JsonFormatter",
                "format": "%(asctime)s %(levelname)s %(name)s %(message)s %(request_id)s",
            },
            "plain": {
                "format": "%(levelname)-7s %(name)s: %(message)s [%(request_id)s]"
            },
        },
        "handlers": {
            "console": {
                "class": "logging.StreamHandler",
                "formatter": "json" if as_json else "plain",
                "filters": ["request_id"],
            }
        },
        "root": {"handlers": ["console"], "level": "INFO"},
        "loggers": {
            # Every 4xx page is normal traffic.
            "django.request": {"level": "ERROR"},
            "celery.app.trace": {"level": "WARNING"},
            "celery.beat": {"level": "WARNING", "filters": ["one_line"]},
        },
    }

"""The Celery application: workers, beat and every task's settings."""

import gc
import os
from contextlib import suppress
from functools import cached_property
from typing import Any

import kombu
from celery import Celery
from celery.app.amqp import AMQP
from celery.signals import beat_init, worker_before_create_process
from kombu.exceptions import OperationalError

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")

from config.schedule import SCHEDULE


class PersistentConnection(kombu.Connection):
    """Looks for a broker that went away every second or two, for as long as it takes.

    The library waits up to 30 seconds between two looks after a longer outage.
    """

    def ensure_connection(self, *args: Any, **options: Any) -> Any:
        """Connect, however often that takes."""
        options |= {"interval_start": 1, "interval_step": 1, "interval_max": 2}
        return super().ensure_connection(*args, **options)


class PersistentAMQP(AMQP):
    """Everything of ours connects like that."""

    Connection = PersistentConnection


class Product(Celery):
    """Celery with a clock that is ours, ``celery beat``."""

    @cached_property
    def Beat(self) -> Any:  # noqa: N802 - the library's name
        """Return the class that runs it; nobody else loads it."""
        from config.beat import LeanBeat

        return self.subclass_with_self(LeanBeat)


app = Product("doorstone", amqp=PersistentAMQP)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.beat_schedule = SCHEDULE
app.autodiscover_tasks()


@worker_before_create_process.connect
def share_what_is_loaded(**_: object) -> None:
    """Leave it out of collections, which write to all they look at.

    A page of memory that is written to stops being shared with the children.
    """
    gc.collect()
    gc.freeze()


@beat_init.connect
def ask_for_a_pulse(**_: object) -> None:
    """Have the doctor see at once that beat runs, not half a minute later."""
    with suppress(OperationalError):
        app.send_task("operations.tasks.pulse", retry=False)

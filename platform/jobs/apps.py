from django.apps import AppConfig


class JobsConfig(AppConfig):
    """The one durable queue: work that waits in a row until it is done."""

    name = "jobs"
    label = "jobs"

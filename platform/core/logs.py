"""Log records carry the id of the request they belong to."""

import logging

from core.context import request_id


class RequestIdFilter(logging.Filter):
    """Adds ``request_id`` to every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        if not hasattr(record, "request_id"):
            record.request_id = request_id.get()
        return True


class OneLineFilter(logging.Filter):
    """Tells in one line what a library tells with two traces for every try.

    For beat, which asks for a job again every few seconds while the broker is away.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info:
            lines = record.getMessage().strip().splitlines() or [record.msg]
            record.msg, record.args = lines[0], ()
            record.exc_info = record.exc_text = None
        return True

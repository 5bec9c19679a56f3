"""What a log line says, and how many lines it takes."""

import io
import logging
import socket
import traceback

from config.logging import build_logging
from tests.fakes.servers import free_port


def test_beat_says_in_one_line_that_the_broker_is_away() -> None:
    written = io.StringIO()
    logger = logging.getLogger("celery.beat")
    handler = logging.StreamHandler(written)
    configured = build_logging(as_json=False)["loggers"]["celery.beat"]["filters"]
    assert configured == ["one_line"]
    logger.addHandler(handler)
    try:
        socket.create_connection(("127.0.0.1", free_port()))
    except OSError as error:
        # Word for word what celery.beat does.
        logger.exception("Message Error: %s\n%s", error, traceback.format_stack())  # noqa: TRY401
    finally:
        logger.removeHandler(handler)

    assert written.getvalue().count("\n") == 1
    assert written.getvalue().startswith("Message Error: [Errno 111]")

import asyncio
import socket
from collections.abc import Iterator
from email.message import Message
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as MessageHandler


class MailServer(MessageHandler):
    """A real mail server: keeps what it takes, refuses what it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[Message] = []
        self.refusals: dict[str, str] = {}
        self.refuses_data = ""
        # While it is stuck nobody hears an answer; so many have asked.
        self.is_stuck = False
        self.stuck = 0

    async def handle_RCPT(  # noqa: N802 - the name aiosmtpd calls
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        self.stuck += self.is_stuck
        while self.is_stuck:  # noqa: ASYNC110 - a test in another thread ends it
            await asyncio.sleep(0.05)
        if address in self.refusals:
            return self.refusals[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: Any, session: Any, envelope: Any
    ) -> str:
        if self.refuses_data:
            return self.refuses_data
        return str(await super().handle_DATA(server, session, envelope))

    def handle_message(self, message: Message) -> None:
        self.taken.append(message)


@pytest.fixture
def mail_server(settings: Any) -> Iterator[MailServer]:
    """Start a mail server and have mail sent there."""
    server = MailServer()
    # The controller knocks at its own port when it has started, so it has to know it.
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(server, hostname="127.0.0.1", port=port)
    controller.start()
    settings.MAIL_TRANSPORT = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST = "127.0.0.1"
    settings.EMAIL_PORT = port
    yield server
    controller.stop()

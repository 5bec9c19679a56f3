"""The mails that were caught, in memory and on disk."""

import email
import email.policy
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

# More than a day of trying things out; the list shows all of them on one page.
KEEP = 500


@dataclass(frozen=True)
class Mail:
    """One caught message."""

    number: int
    received_at: datetime
    sender: str
    recipients: list[str]
    message: EmailMessage

    @property
    def subject(self) -> str:
        return str(self.message["Subject"] or "")

    def body(self, kind: str) -> str:
        """Return the ``plain`` or ``html`` text, or nothing."""
        part = self.message.get_body(preferencelist=(kind,))
        return str(part.get_content()) if part is not None else ""

    def to_dict(self) -> dict[str, Any]:
        return {
            "id": self.number,
            "received_at": self.received_at.isoformat(),
            "from": self.sender,
            "to": self.recipients,
            "subject": self.subject,
            "text": self.body("plain"),
            "html": self.body("html"),
            "headers": {name: str(value) for name, value in self.message.items()},
        }


class Store:
    """The newest mails, in memory and as ``.eml`` files that survive a restart."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.lock = threading.Lock()
        self.mails: dict[int, Mail] = {}
        for path in sorted(self.folder.glob("*.eml")):
            number = int(path.stem)
            received = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            self.mails[number] = _parse(number, received, path.read_bytes())

    def add(self, sender: str, recipients: list[str], content: bytes) -> Mail:
        """Keep a mail; the oldest beyond ``KEEP`` are forgotten."""
        with self.lock:
            number = max(self.mails, default=0) + 1
            (self.folder / f"{number:06}.eml").write_bytes(content)
            mail = _parse(number, datetime.now(UTC), content, sender, recipients)
            self.mails[number] = mail
            for old in sorted(self.mails)[:-KEEP]:
                del self.mails[old]
                (self.folder / f"{old:06}.eml").unlink(missing_ok=True)
            return mail

    def newest(self, *, to: str = "") -> Iterator[Mail]:
        """Yield mails newest first, those to ``to`` only when it is given."""
        with self.lock:
            numbers = sorted(self.mails, reverse=True)
        for number in numbers:
            mail = self.mails.get(number)
            if mail and (not to or to.lower() in map(str.lower, mail.recipients)):
                yield mail


def _parse(
    number: int,
    received_at: datetime,
    content: bytes,
    sender: str = "",
    recipients: list[str] | None = None,
) -> Mail:
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)  # noqa: S101 - the policy makes it one
    return Mail(
        number,
        received_at,
        sender or str(message["From"] or ""),
        recipients or [part.strip() for part in str(message["To"] or "").split(",")],
        message,
    )

"""The promise behind an ``Idempotency-Key``, in whatever store it is kept.

For a day the same key with the same request does nothing again and is answered as the
first one was. Only answers that did something are kept: a request that was refused, or
failed, frees its key. Answers are encrypted, since they may hold a secret or a
conversation. Who keeps them where is said in decision 22.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import timedelta

from cryptography.fernet import InvalidToken
from django.utils.functional import Promise as Lazy
from django.utils.translation import gettext_lazy as _

from core.crypto import decrypt
from core.errors import DomainError

HEADER = "Idempotency-Key"
LIFETIME = timedelta(days=1)
REPLAYED = "Idempotency-Replayed"


class InvalidKey(DomainError):
    """A key that is none; the message says what one looks like."""

    code = "invalid_idempotency_key"
    status = 400


class KeyReused(DomainError):
    """The key stands for another request."""

    code = "idempotency_key_reused"
    status = 422
    message = _("This Idempotency-Key was used for another request.")


class StillRunning(DomainError):
    """The first request has not ended."""

    code = "idempotency_in_progress"
    message = _("The first request with this Idempotency-Key is still running.")
    retry_after = 1


class OutcomeUnknown(DomainError):
    """The first request's process was lost, and what it did may have been done."""

    code = "idempotency_outcome_unknown"
    message = _(
        "The first request with this Idempotency-Key did not end. "
        "Look whether it took effect, then use a new key."
    )


class AnswerGone(DomainError):
    """The first request was answered, and the answer cannot be given again."""

    code = "idempotency_answer_gone"
    message = _("That request succeeded, but its answer can no longer be read.")


@dataclass(frozen=True, slots=True)
class KeyRule:
    """What a key looks like, and how that is said."""

    pattern: re.Pattern[str]
    words: str | Lazy

    def check(self, key: str) -> None:
        """Raise ``InvalidKey`` for what is none."""
        if not self.pattern.fullmatch(key):
            raise InvalidKey(self.words)


# Where a key is kept as it was sent, in a column that people look at …
LEGIBLE = KeyRule(
    re.compile(r"[\x21-\x7e]{1,128}"),
    _("An Idempotency-Key has 1 to 128 visible characters."),
)
# … and where only its digest is.
DIGESTED = KeyRule(
    re.compile(r".{1,255}", re.DOTALL),
    _("An Idempotency-Key has at most 255 characters."),
)


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of the first request. ``answer`` is encrypted, None before it."""

    fingerprint: str
    answer: str | None
    is_lost: bool = False


def fingerprint_of(*parts: bytes) -> str:
    """Return what tells a request from others that are sent under the same key."""
    return hashlib.sha256(b"".join(parts)).hexdigest()


def replay(kept: Kept, fingerprint: str) -> str:
    """Return the first answer for a request that is sent again.

    Raises ``KeyReused``, ``StillRunning``, ``OutcomeUnknown`` or ``AnswerGone``.
    """
    if kept.fingerprint != fingerprint:
        raise KeyReused
    if kept.answer is None:
        raise OutcomeUnknown if kept.is_lost else StillRunning
    try:
        return decrypt(kept.answer)
    except InvalidToken as error:
        raise AnswerGone from error

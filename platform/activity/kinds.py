"""What an event of the log is, said by the app that writes it."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class EventKind:
    """One name of the log: who owns it, what it means, which properties it has.

    ``schema`` says of each property whether its values are ``integer``, ``number``,
    ``text``, ``boolean`` or ``any``; ``meaning`` is a sentence for those who develop.
    """

    name: str
    owner: str
    meaning: str
    schema: Mapping[str, str] = field(default_factory=dict)
    is_fact: bool = False

"""What a decision on each kind of case does, and how that is put back.

The app that knows a kind brings what happens; cases of votes are another app's.
"""

from collections.abc import Callable
from dataclasses import dataclass

from accounts.models import User
from community.moderation.models import Case


@dataclass(frozen=True, slots=True)
class Consequence:
    """What is done when a kind of case is decided.

    ``apply`` does what the outcome asks for and returns whether anything changed;
    ``take_back`` is its opposite, asked only where something did. ``lock`` takes the
    locks of both before the case's own, in the order that is used everywhere.
    """

    lock: Callable[[Case], None]
    apply: Callable[[Case, User], bool]
    take_back: Callable[[Case, User], None]
    notify: Callable[[Case, User], None]


_consequences: dict[str, Consequence] = {}


def register(kind: str, consequence: Consequence) -> None:
    """Have ``consequence`` follow decisions on cases of ``kind``."""
    _consequences[kind] = consequence


def consequence_of(case: Case) -> Consequence:
    """Return what follows a decision on ``case``."""
    return _consequences[case.kind]

"""The kinds of job there are: each app registers what it has the queue do."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.functional import Promise

from core.backoff import LONGEST, MAX_ATTEMPTS
from jobs.models import Job


def is_staff(user: Any) -> bool:
    """Tell whether a user belongs to the staff."""
    return bool(user.is_staff)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobKind:
    """One kind of job: what is done, how patiently, and what staff see of it.

    ``handle`` gets a row of ``rows`` and the job. It may raise ``Ignored``,
    ``Hopeless`` or ``NotNow``; any other exception is tried again, up to
    ``max_attempts`` times, with pauses of at most ``ceiling`` seconds.

    Where ``is_local``, it touches nothing but the database: what it writes commits
    together with the end of the job, once. Elsewhere no transaction is open, and what
    it does may happen again when a worker dies in the middle.

    ``lease`` is how long a worker has a job to itself before it is taken for dead; of
    a local job, only until it begins. ``batch`` jobs are claimed at once. ``admit``
    is asked before each claim, and raises ``NotNow``.
    """

    name: str
    queue: str
    rows: Callable[[], QuerySet[Any]]
    handle: Callable[[Any, Job], None]
    lease: timedelta
    is_local: bool = False
    batch: int = 1
    max_attempts: int = MAX_ATTEMPTS
    ceiling: int = LONGEST
    admit: Callable[[], None] | None = None
    # How long a due job may wait before an operator should look.
    late_after: timedelta
    # How long what is over is kept, rows and jobs, by this column; None for ever.
    kept: timedelta | None = None
    dated_by: str = ""
    # May be done again after it was done; other kinds only while it was not.
    is_repeatable: bool = False
    # For staff: its name, who sees it, a row in one line with what tells it from
    # others, a row in many lines, its payload, the condition for rows that a text
    # finds, and the columns too large for a list.
    label: str | Promise
    meaning: str | Promise
    permission: Callable[[Any], bool] = is_staff
    title: Callable[[Any], str]
    hint: Callable[[Any], str]
    details: Callable[[Any], Sequence[tuple[str | Promise, object]]]
    payload: Callable[[Any], str] | None = None
    find: Callable[[str], Q]
    heavy: Sequence[str] = ()

    def load(self, subjects: Collection[str], *, light: bool = False) -> dict[str, Any]:
        """Return the rows there are, by subject; ``light`` without large columns."""
        rows = self.rows().filter(pk__in=subjects)
        if light:
            rows = rows.defer(*self.heavy)
        return {str(row.pk): row for row in rows}


_kinds: dict[str, JobKind] = {}


def register(kind: JobKind) -> None:
    """Have the queue know ``kind``."""
    _kinds[kind.name] = kind


def kinds() -> tuple[JobKind, ...]:
    """Return every kind, in the order of their names."""
    return tuple(_kinds[name] for name in sorted(_kinds))


def kind_named(name: str) -> JobKind:
    """Return one kind. Raises ``LookupError`` when nobody registered it."""
    return _kinds[name]

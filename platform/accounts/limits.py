"""What signing in, guessing and writing to strangers costs, so that nobody overdoes it.

Every limit is by place (the network a request comes from) before it is by account:
a stranger can spend their own attempts, never another person's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from allauth.usersessions.models import UserSession
from django.http import HttpRequest, HttpResponseBase

from accounts.allauth_private import user_signing_in
from accounts.models import Organisation, User
from core.errors import RateLimited
from edge.callers import address_of, network_of, place_of
from stores import limiter

MINUTE, HOUR, DAY = 60, 3_600, 86_400
View = Callable[..., HttpResponseBase]


@dataclass(frozen=True, slots=True)
class Rate:
    """``limit`` requests per ``period`` seconds of what ``of`` returns."""

    limit: int
    period: int
    of: Callable[[HttpRequest], object]


def person(request: HttpRequest) -> object:
    """Return who is signed in; their place, when nobody is."""
    return request.user.pk or place_of(request)


def limited(name: str, view: View, *rates: Rate, reads: bool = False) -> View:
    """Return ``view`` with ``rates`` on what is sent to it, and on ``reads`` too.

    It raises ``RateLimited``, which becomes 429 with ``Retry-After``.
    """

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if reads or request.method not in {"GET", "HEAD", "OPTIONS"}:
            for rate in rates:
                scope = f"entrance:{name}:{rate.period}"
                _count(scope, rate.of(request), limit=rate.limit, period=rate.period)
        return view(request, *args, **kwargs)

    # For those who ask what a route costs.
    wrapped.rates = rates  # type: ignore[attr-defined]
    return wrapped


def count_guess(kind: str, who: object, request: HttpRequest) -> None:
    """Count one try at a password or a code of ``who``. Raises ``RateLimited``.

    From one network five come at once and then one a minute, twenty a day: enough for
    bad memory, useless for a search. Over all networks a hundred a day are answered;
    beyond that only where ``who`` is signed in already, so that many strangers
    together cannot lock anybody out of their own desk.
    """
    place = network_of(address_of(request))
    here = f"{who}@{place}"
    # As allauth: five in five minutes of one account.
    _count(f"guess:{kind}:minutes", here, limit=5, period=5 * MINUTE)
    # A code has a million values: of 137 accounts a year of this opens one.
    _count(f"guess:{kind}:day", here, limit=20, period=DAY)
    try:
        # Five networks that use up their day; a botnet has more.
        _count(f"guess:{kind}:account", who, limit=100, period=DAY)
    except RateLimited:
        if not _is_at_home(who, place):
            raise


def forget_guesses(kind: str, who: object, request: HttpRequest) -> None:
    """Start anew where ``who`` has proved who they are."""
    here = f"{who}@{network_of(address_of(request))}"
    for period in ("minutes", "day"):
        limiter.forget(f"guess:{kind}:{period}", here)


def count_code(view: View) -> View:
    """Count what is sent to ``view`` as a guess at a second factor."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        user = _who_comes(request)
        if user is not None and request.method == "POST":
            count_guess("code", user.email.lower(), request)
        return view(request, *args, **kwargs)

    return wrapped


def count_mail(to: str, request: HttpRequest) -> None:
    """Count a mail to an address that the caller chose. Raises ``RateLimited``.

    Five a day to one mailbox from one network, thirty from everywhere: a mailbox is
    not flooded, and a stranger cannot use up the mails that its owner asks for.
    """
    mailbox = to.strip().lower()
    here = f"{mailbox}@{network_of(address_of(request))}"
    # Who has not found the fifth mail does not need a sixth today.
    _count("mail:place", here, limit=5, period=DAY)
    # Six networks that use up their day: home, work, a phone and three strangers.
    _count("mail:mailbox", mailbox, limit=30, period=DAY)


def count_invitation(organisation: Organisation, *, to: str, by: User) -> None:
    """Count an invitation, which is a mail to a stranger. Raises ``RateLimited``.

    Ten at once, then one every six minutes of one person: a team is invited in an
    afternoon, a list of addresses is not. Fifty a day of one organisation, and three
    a day to one mailbox: a person who has not answered three is not asked again.
    """
    mailbox = f"{organisation.pk}:{to.strip().lower()}"
    # Two reminders.
    _count("invitation:mailbox", mailbox, limit=3, period=DAY)
    # Most teams have fewer people, and wait for the rest over lunch.
    _count("invitation:person", by.pk, limit=10, period=HOUR)
    # A department in four days; a bought list takes years.
    _count("invitation:organisation", organisation.pk, limit=50, period=DAY)


def _count(scope: str, key: object, *, limit: int, period: int) -> None:
    limiter.check(scope, key, limit=limit, period=period, is_guard=True)


def _who_comes(request: HttpRequest) -> User | None:
    if isinstance(request.user, User):
        return request.user
    return user_signing_in(request)


def _is_at_home(who: object, place: str) -> bool:
    """Tell whether ``who``, a mail address, has a session in this network."""
    sessions = UserSession.objects.filter(user__email__iexact=str(who))
    return any(
        network_of(ip) == place for ip in sessions.values_list("ip", flat=True)[:50]
    )

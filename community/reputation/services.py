"""Giving points and taking them back."""

from datetime import UTC, datetime, time

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Sum
from django.utils import timezone

from accounts.models import User
from community.reputation.models import Balance, Entry, Reach

# Stack Overflow's: 15, 10 and −2. A contribution is more work than an answer.
RULES: dict[str, int] = {
    "answer_accepted": 15,
    "answer_upvoted": 10,
    "question_upvoted": 10,
    "post_downvoted": -2,
    "contribution_merged": 25,
}
# What everybody can do to everybody is worth at most this much in a UTC day.
DAILY_CAP = 200
UNCAPPED = {"answer_accepted", "contribution_merged"}


@transaction.atomic
def award(
    user_id: int,
    reason: str,
    *,
    source_kind: str,
    source_id: int,
    idem_key: str,
    actor_id: int | None = None,
) -> Entry | None:
    """Give or take what ``reason`` is worth, once per ``idem_key``.

    The balance row is locked, so that the daily cap holds for votes that come at
    once. Returns ``None`` when the cap leaves nothing.
    """
    balance = _locked_balance(user_id)
    present = Entry.objects.filter(idem_key=idem_key).first()
    if present is not None:
        return present
    delta = RULES[reason]
    if delta > 0 and reason not in UNCAPPED:
        delta = min(delta, DAILY_CAP - _capped_today(user_id))
        if delta <= 0:
            return None
    return _write(
        balance,
        delta,
        reason,
        source_kind=source_kind,
        source_id=source_id,
        idem_key=idem_key,
        actor_id=actor_id,
    )


@transaction.atomic
def reverse(idem_key: str) -> Entry | None:
    """Take back what was given under ``idem_key``, once; the entries stay."""
    entry = Entry.objects.filter(idem_key=idem_key).first()
    if entry is None:
        return None
    balance = _locked_balance(entry.user_id)
    if Entry.objects.filter(reverses=entry).exists():
        return None
    return _write(
        balance,
        -entry.delta,
        entry.reason,
        source_kind=entry.source_kind,
        source_id=entry.source_id,
        idem_key=f"{idem_key}:reversed",
        actor_id=entry.actor_id,
        reverses=entry,
    )


def rounds_under(base: str) -> int:
    """Return how many awards were made under ``base:1``, ``base:2`` and so on."""
    return Entry.objects.filter(idem_key__startswith=f"{base}:", reverses=None).count()


def is_standing(idem_key: str) -> bool:
    """Tell whether an award was made and not taken back."""
    entry = Entry.objects.filter(idem_key=idem_key).first()
    return entry is not None and not Entry.objects.filter(reverses=entry).exists()


@transaction.atomic
def record_reach(
    kind: str, object_id: int, *, user_id: int | None, organisations: int, at: datetime
) -> None:
    """Keep how many paying organisations met a person's work; 0 are none to tell of.

    Of two counts heard of in the wrong order the later one stays.
    """
    known = Reach.objects.select_for_update().filter(kind=kind, object_id=object_id)
    before = known.first()
    if before is not None and before.counted_at > at:
        return
    author = User.objects.filter(pk=user_id or 0).first()
    if not organisations or author is None:
        known.delete()
        return
    Reach.objects.update_or_create(
        kind=kind,
        object_id=object_id,
        defaults={
            "user": author,
            "organisations": organisations,
            "counted_at": at,
        },
    )


def _locked_balance(user_id: int) -> Balance:
    Balance.objects.get_or_create(user_id=user_id)
    return Balance.objects.select_for_update().get(pk=user_id)


def _capped_today(user_id: int) -> int:
    """Return what counts to today's cap; what was taken back does not."""
    today = datetime.combine(timezone.now().astimezone(UTC).date(), time.min, UTC)
    given = Entry.objects.filter(
        ~Exists(Entry.objects.filter(reverses=OuterRef("pk"))),
        user_id=user_id,
        created_at__gte=today,
        delta__gt=0,
        reverses=None,
    )
    total: int | None = given.exclude(reason__in=UNCAPPED).aggregate(sum=Sum("delta"))[
        "sum"
    ]
    return total or 0


def _write(balance: Balance, delta: int, reason: str, **fields: object) -> Entry:
    entry = Entry.objects.create(
        user_id=balance.pk, delta=delta, reason=reason, **fields
    )
    Balance.objects.filter(pk=balance.pk).update(points=F("points") + delta)
    return entry

"""Writing offers and policies; every change is audited and met by the next decision."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from accounts.models import User
from audit import services as audit
from billing.growth import hints
from billing.growth.catalogue import renew_revision
from billing.growth.exceptions import (
    BudgetTooSmall,
    ChangedMeanwhile,
    ExperimentInTheWay,
    KeyTaken,
)
from billing.growth.models import (
    Experiment,
    Offer,
    Policy,
    PolicyOffer,
    Variant,
)


def check_version(read: int | None, current: int) -> None:
    """Raise ``ChangedMeanwhile`` when another version was saved than was read."""
    if read is not None and read != current:
        raise ChangedMeanwhile(current)


@contextmanager
def free_name(named: QuerySet[Any], *, is_new: bool) -> Iterator[None]:
    """Write something new, or raise ``KeyTaken`` when ``named`` is there meanwhile.

    A form has looked before; two that look at once both find the name free.
    """
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        if is_new and named.exists():
            raise KeyTaken from error
        raise


@transaction.atomic
def save_offer(
    offer: Offer, *, by: User, amounts: dict[str, Any], version: int | None = None
) -> Offer:
    """Write an offer as a form filled it in; what decisions and switches say stays.

    ``version`` is the one that was read; None replaces any. Its row is locked, so that
    a budget is never below what decisions reserve meanwhile, and what was retired since
    the form was read stays so. Raises ``BudgetTooSmall``, ``ChangedMeanwhile`` and
    ``KeyTaken``.
    """
    is_new = offer.pk is None
    if not is_new:
        current = Offer.objects.select_for_update().get(pk=offer.pk)
        check_version(version, current.version)
        offer.reserved_nano = current.reserved_nano
        offer.state = current.state
        offer.version = current.version + 1
    for name, value in amounts.items():
        setattr(offer, name, value)
    if offer.budget_nano is not None and offer.budget_nano < offer.reserved_nano:
        raise BudgetTooSmall
    with free_name(Offer.objects.filter(key=offer.key), is_new=is_new):
        offer.save()
    renew_revision()
    audit.record(
        "offer.created" if is_new else "offer.changed",
        actor=by,
        target=offer.key,
        after={"version": offer.version, **amounts},
    )
    return offer


@transaction.atomic
def set_offer_state(offer: Offer, state: Offer.State, *, by: User) -> None:
    """Activate or retire an offer; what was offered already can still be accepted."""
    locked = Offer.objects.select_for_update().get(pk=offer.pk)
    locked.state = state
    locked.save(update_fields=["state"])
    if state == Offer.State.RETIRED:
        hints.withdraw_hints_of(locked)
    renew_revision()
    audit.record(
        f"offer.{state}", actor=by, target=locked.key, after={"state": str(state)}
    )


@transaction.atomic
def replace_policy(
    moment: str,
    *,
    by: User,
    mode: str,
    floor: float,
    least_margin_nano: int | None,
    offers: list[Offer],
) -> Policy:
    """Put a new version of a moment's policy in force; the old one is kept for replays.

    The catalogue's row is locked, so that versions are without gaps: of a moment's own
    rows none says that a newer one is being written.
    """
    renew_revision()
    current = Policy.objects.filter(moment=moment).order_by("-version").first()
    Policy.objects.filter(moment=moment, retired_at=None).update(
        retired_at=timezone.now()
    )
    policy = Policy.objects.create(
        moment=moment,
        version=current.version + 1 if current else 1,
        mode=mode,
        floor=floor,
        least_margin_nano=least_margin_nano,
        # What was learnt of an offer is as true under the new version.
        shares=current.shares if current else {},
    )
    PolicyOffer.objects.bulk_create(
        PolicyOffer(policy=policy, offer=offer, rank=rank)
        for rank, offer in enumerate(offers)
    )
    audit.record(
        "policy.replaced",
        actor=by,
        target=str(policy),
        after={"mode": mode, "offers": [offer.key for offer in offers]},
    )
    return policy


@transaction.atomic
def create_experiment(
    experiment: Experiment, *, by: User, variants: list[tuple[str, Offer | None]]
) -> Experiment:
    """Write an experiment down; nobody is in it before it is started.

    Raises ``KeyTaken``.
    """
    with free_name(Experiment.objects.filter(key=experiment.key), is_new=True):
        experiment.save()
    Variant.objects.bulk_create(
        Variant(experiment=experiment, name=name, offer=offer)
        for name, offer in variants
    )
    audit.record(
        "experiment.created",
        actor=by,
        target=experiment.key,
        after={"variants": [name for name, _offer in variants]},
    )
    return experiment


@transaction.atomic
def start_experiment(experiment: Experiment, *, by: User) -> None:
    """Have its moment's decisions assign units to it.

    Raises ``ExperimentInTheWay`` where another one runs, or it was started before.
    """
    try:
        with transaction.atomic():
            started = Experiment.objects.filter(
                pk=experiment.pk, state=Experiment.State.DRAFT
            ).update(state=Experiment.State.RUNNING, started_at=timezone.now())
    except IntegrityError as error:
        raise ExperimentInTheWay from error
    if not started:
        raise ExperimentInTheWay
    renew_revision()
    audit.record("experiment.started", actor=by, target=experiment.key, after={})


def entries_of(moment: str) -> tuple[Policy | None, list[Offer]]:
    """Return a moment's policy in force and its offers, in their order."""
    policy = Policy.objects.filter(moment=moment, retired_at=None).first()
    if policy is None:
        return None, []
    entries = policy.entries.select_related("offer").order_by(F("rank"))
    return policy, [entry.offer for entry in entries]

"""Making and ending price lists: agreed once, in force by themselves at their time."""

from collections.abc import Mapping
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import Organisation, User
from audit import services as audit
from billing.approvals.exceptions import OwnOrganisation
from billing.approvals.limits import discount_needs_second_person
from billing.approvals.permissions import belongs_to
from billing.pricelists import notices
from billing.pricelists.exceptions import (
    ImpossibleList,
    ListIsOver,
    ListsOverlap,
    TooMuchForOne,
)
from billing.pricelists.models import PriceList
from contracts.billing import PriceListBegun, PriceListEnded
from entitlements.own_prices import WHOLE
from entitlements.services import set_own_prices
from outbox import publish


@transaction.atomic
def create_list(
    organisation: Organisation,
    *,
    discount_bps: int,
    models: Mapping[str, int],
    reason: str,
    by: User,
    begins_at: datetime | None = None,
    ends_at: datetime | None = None,
) -> PriceList:
    """Let an organisation pay less for models, by a decision of staff.

    Discounts in hundredths of a percent. The organisation's row is locked. Raises
    ``ImpossibleList``, ``ListsOverlap``, ``OwnOrganisation`` for one's own, and
    ``TooMuchForOne`` above what one person may take off.
    """
    if belongs_to(by, organisation):
        raise OwnOrganisation
    if discount_needs_second_person(max([discount_bps, *models.values()])):
        raise TooMuchForOne
    return _create(
        PriceList(
            organisation=organisation,
            discount_bps=discount_bps,
            by_model=dict(models),
            begins_at=begins_at or timezone.now(),
            ends_at=ends_at,
            reason=reason,
            made_by=by,
        ),
        by=by,
    )


@transaction.atomic
def create_list_of_contract(
    organisation: Organisation, *, discount_bps: int, contract: str, reason: str
) -> PriceList:
    """Let what a signed quote takes off usage hold from now on; once for a contract.

    What was signed goes before what staff gave: a list that holds, or is to, ends now.
    """
    _locked(organisation)
    known = PriceList.objects.filter(contract=contract).first()
    if known is not None:
        return known
    moment = timezone.now()
    others = PriceList.objects.filter(organisation=organisation).unended(moment)
    for other in others:
        _revoke(other, at=moment, reason=contract, by=None)
    return _create(
        PriceList(
            organisation=organisation,
            discount_bps=discount_bps,
            begins_at=moment,
            contract=contract,
            reason=reason,
        ),
        by=None,
    )


@transaction.atomic
def revoke_list(row: PriceList, *, reason: str, by: User) -> PriceList:
    """End a list now, or before it began. Raises ``ListIsOver``."""
    _locked(row.organisation)
    locked = PriceList.objects.select_related("organisation").get(pk=row.pk)
    if locked.state == "ended":
        raise ListIsOver
    _revoke(locked, at=timezone.now(), reason=reason, by=by)
    _write_prices(locked.organisation_id)
    return locked


@transaction.atomic
def revoke_list_of_contract(contract: str) -> None:
    """End the list that was signed with a contract, if it has one that holds."""
    row = PriceList.objects.filter(contract=contract).first()
    if row is None:
        return
    _locked(row.organisation)
    row.refresh_from_db()
    if row.state != "ended":
        _revoke(row, at=timezone.now(), reason=contract, by=None)
        _write_prices(row.organisation_id)


def _create(row: PriceList, *, by: User | None) -> PriceList:
    _locked(row.organisation)
    discounts = [row.discount_bps, *row.by_model.values()]
    is_sane = all(0 <= each <= WHOLE for each in discounts) and any(discounts)
    if not is_sane or (row.ends_at is not None and row.ends_at <= row.begins_at):
        raise ImpossibleList
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        raise ListsOverlap from error
    audit.record(
        "price_list.begun",
        actor=by,
        organisation=row.organisation,
        target=row.public_id,
        after={**row.prices.to_dict(), "reason": row.reason, "contract": row.contract},
    )
    publish(
        PriceListBegun(
            list_id=row.pk,
            organisation_id=row.organisation_id,
            discount_bps=row.discount_bps,
            begins_at=row.begins_at.isoformat(),
            ends_at=row.ends_at.isoformat() if row.ends_at else "",
            user_id=by.pk if by else None,
        )
    )
    notices.notify_begun(row)
    _write_prices(row.organisation_id)
    return row


def _revoke(row: PriceList, *, at: datetime, reason: str, by: User | None) -> None:
    before = row.ends_at
    row.ends_at, row.end_reason = max(at, row.begins_at), reason
    row.save(update_fields=["ends_at", "end_reason"])
    audit.record(
        "price_list.ended",
        actor=by,
        organisation=row.organisation,
        target=row.public_id,
        before={"ends_at": before.isoformat() if before else None},
        after={"ends_at": row.ends_at.isoformat(), "reason": reason},
    )
    publish(
        PriceListEnded(
            list_id=row.pk,
            organisation_id=row.organisation_id,
            ends_at=row.ends_at.isoformat(),
            user_id=by.pk if by else None,
        )
    )
    notices.notify_ended(row)


def _write_prices(organisation_id: int) -> None:
    """Write the lists that hold now or later where gateways read them."""
    rows = PriceList.objects.filter(organisation_id=organisation_id)
    left = rows.unended(timezone.now()).order_by("begins_at")
    set_own_prices(organisation_id, [row.prices for row in left])


def _locked(organisation: Organisation) -> None:
    """Hold the organisation: of two that change its lists at once one waits."""
    Organisation.objects.select_for_update(no_key=True).get(pk=organisation.pk)

"""Keeping each developer's way and each account's money up to date."""

from collections.abc import Collection
from datetime import datetime

from django.conf import settings
from django.db.models import F, Min, Q
from django.db.models.functions import Coalesce, Greatest, Least

from accounts.models import User
from activity.models import FirstTouch
from activity.queries import first_visit_of
from billing.conversion.locks import beside_rebuilds
from billing.conversion.models import Account, Developer


@beside_rebuilds
def record_sign_up(user_id: int) -> Developer:
    """Begin to follow a person; safe to call again."""
    user = User.objects.get(pk=user_id)
    developer, _ = Developer.objects.get_or_create(
        user_id=user_id, defaults={"signed_up_at": user.date_joined}
    )
    if not developer.source:
        _record_origin(developer)
    return developer


@beside_rebuilds
def record_milestone(user_id: int, milestone: str, *, at: datetime) -> None:
    """Note when ``user_id`` first reached ``milestone``; later times change nothing.

    Nor does what a person did who is gone.
    """
    known = Developer.objects.filter(pk=user_id, **{f"{milestone}__lte": at})
    if known.exists() or not User.objects.filter(pk=user_id).exists():
        return
    record_sign_up(user_id)
    reached = Least(Coalesce(F(milestone), at), at)
    Developer.objects.filter(pk=user_id).update(**{milestone: reached})
    if _derive_activation(user_id):
        concerned = Q(founder_id=user_id) | Q(payer_id=user_id)
        accounts = Account.objects.select_for_update().filter(concerned)
        for account in accounts.order_by("pk"):
            _derive_holder(account)


@beside_rebuilds
def record_founder(organisation_id: int, *, user_id: int) -> None:
    """Note who founded an organisation."""
    record_sign_up(user_id)
    Account.objects.get_or_create(
        organisation_id=organisation_id, defaults={"developer_id": user_id}
    )
    account = Account.objects.select_for_update().get(pk=organisation_id)
    if account.founder_id is None:
        account.founder_id = user_id
        account.save(update_fields=["founder"])
        _derive_holder(account)


@beside_rebuilds
def add_revenue(
    organisation_id: int,
    *,
    amount: int,
    currency: str,
    at: datetime,
    user_id: int | None = None,
) -> None:
    """Add a paid amount (negative: refunded) in minor units.

    ``user_id`` is who started the checkout, if anybody did. Of payments heard of in
    any order the earliest is the first. Money in another currency than the
    reporting one is left to the ledger: adding it up would be wrong.
    """
    account = _locked_account(organisation_id, user_id)
    if account is None:
        return
    if amount > 0:
        _record_payment(account, at=at, user_id=user_id)
    _add(account, amount=amount, currency=currency)


@beside_rebuilds
def restore_revenue(organisation_id: int, *, amount: int, currency: str) -> None:
    """Add again what had been taken off, in minor units; it is no new payment."""
    account = _locked_account(organisation_id, None)
    if account is not None:
        _add(account, amount=amount, currency=currency)


@beside_rebuilds
def add_cost(organisation_id: int, *, cost_nano: int) -> None:
    """Add what serving an organisation cost, in billionths."""
    account = _locked_account(organisation_id, None)
    if account is None:
        return
    Account.objects.filter(pk=account.pk).update(cost_nano=F("cost_nano") + cost_nano)
    Developer.objects.filter(pk=account.developer_id).update(
        cost_nano=F("cost_nano") + cost_nano
    )


def _add(account: Account, *, amount: int, currency: str) -> None:
    if currency.lower() != settings.REPORTING_CURRENCY:
        return
    Account.objects.filter(pk=account.pk).update(revenue=F("revenue") + amount)
    Developer.objects.filter(pk=account.developer_id).update(
        revenue=F("revenue") + amount
    )


def _locked_account(organisation_id: int, user_id: int | None) -> Account | None:
    accounts = Account.objects.select_for_update()
    account = accounts.filter(pk=organisation_id).first()
    if account is None and user_id is not None:
        record_sign_up(user_id)
        Account.objects.get_or_create(
            organisation_id=organisation_id, defaults={"developer_id": user_id}
        )
        account = accounts.get(pk=organisation_id)
    return account


def _record_payment(account: Account, *, at: datetime, user_id: int | None) -> None:
    if account.first_paid_at is None or at < account.first_paid_at:
        account.first_paid_at = at
        account.save(update_fields=["first_paid_at"])
        _derive_payment(account.developer_id)
    if user_id is not None and _pays_first(account, at, user_id):
        record_sign_up(user_id)
        account.payer_id = user_id
        account.payer_since = at
        account.save(update_fields=["payer", "payer_since"])
        _derive_holder(account)


def _pays_first(account: Account, at: datetime, user_id: int) -> bool:
    """Tell whether a payer comes before the one that is known.

    Stripe's seconds are long: of two in one the smaller number is the first, so that
    the order they are heard in decides nothing.
    """
    if account.payer_since is None or account.payer_id is None:
        return True
    return (at, user_id) < (account.payer_since, account.payer_id)


def holder_of(
    founder_id: int | None, payer_id: int | None, in_n: Collection[int]
) -> int | None:
    """Return whom an organisation is put down to; see ``Account``."""
    for candidate in (founder_id, payer_id):
        if candidate in in_n:
            return candidate
    return payer_id or founder_id


def _derive_holder(account: Account) -> None:
    candidates = {account.founder_id, account.payer_id}
    counted = Developer.objects.in_n().filter(pk__in=candidates - {None})
    holder = holder_of(
        account.founder_id, account.payer_id, set(counted.values_list("pk", flat=True))
    )
    before = account.developer_id
    if holder is None or holder == before:
        return
    for developer_id, sign in sorted(((before, -1), (holder, 1))):
        Developer.objects.filter(pk=developer_id).update(
            revenue=F("revenue") + sign * account.revenue,
            cost_nano=F("cost_nano") + sign * account.cost_nano,
        )
    account.developer_id = holder
    account.save(update_fields=["developer"])
    for developer_id in sorted({before, holder}):
        _derive_payment(developer_id)


def _derive_payment(developer_id: int) -> None:
    """Let a developer have paid when the first of their accounts has."""
    accounts = Account.objects.filter(developer=developer_id)
    first = accounts.aggregate(at=Min("first_paid_at"))["at"]
    Developer.objects.filter(pk=developer_id).update(paid_at=first)


def _derive_activation(user_id: int) -> bool:
    """Note since when a developer is active; tell whether they had not been.

    A step that is heard of late may have been the earlier one.
    """
    since = Greatest("verified_at", "first_activity_at")
    active = Developer.objects.filter(pk=user_id).exclude(
        Q(verified_at=None) | Q(first_activity_at=None)
    )
    became = active.filter(activated_at=None).update(activated_at=since)
    if not became:
        active.filter(activated_at__gt=since).update(activated_at=since)
    return became == 1


def _record_origin(developer: Developer) -> None:
    touch = FirstTouch.objects.filter(user_id=developer.pk).first()
    if touch is None:
        # Known later, or never: who asks not to be tracked has no first touch.
        return
    developer.source = touch.source
    developer.first_visit_at = first_visit_of(developer.pk)
    developer.save(update_fields=["source", "first_visit_at"])

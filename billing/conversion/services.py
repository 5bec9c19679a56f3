"""Keeping each developer's way and each account's money up to date."""

from datetime import datetime

from django.conf import settings
from django.db.models import F, Min, Q
from django.db.models.functions import Coalesce, Greatest, Least

from accounts.models import User
from activity.models import FirstTouch
from activity.queries import first_visit_of
from billing.conversion.holders import holder_of
from billing.conversion.locks import beside_rebuilds
from billing.conversion.models import Account, Developer, GroupMember, counts
from billing.conversion.rates import count_foreign

Role = GroupMember.Role


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
def record_origin(user_id: int) -> None:
    """Read again how a person first came: an earlier browser of theirs was found."""
    if User.objects.filter(pk=user_id).exists():
        _record_origin(record_sign_up(user_id))


@beside_rebuilds
def record_milestone(user_id: int, milestone: str, *, at: datetime) -> None:
    """Note when ``user_id`` first reached ``milestone``; later times change nothing.

    Nor does what a person did who is gone. Their accounts are locked before their own
    row, as everybody does who adds money.
    """
    known = Developer.objects.filter(pk=user_id, **{f"{milestone}__lte": at})
    if known.exists() or not User.objects.filter(pk=user_id).exists():
        return
    record_sign_up(user_id)
    _locked_accounts_of(user_id)
    reached = Least(Coalesce(F(milestone), at), at)
    Developer.objects.filter(pk=user_id).update(**{milestone: reached})
    if _derive_activation(user_id):
        derive_holders_of(user_id)


@beside_rebuilds
def record_founder(organisation_id: int, *, user_id: int, at: datetime) -> None:
    """Note who founded an organisation."""
    if not User.objects.filter(pk=user_id).exists():
        return
    account = _locked_account(organisation_id)
    if account.founder_id is None:
        _take_part(account, user_id, role=Role.FOUNDER, at=at)
        account.founder_id = user_id
        account.save(update_fields=["founder"])
        derive_holder(account)


@beside_rebuilds
def record_part(
    organisation_id: int, *, user_id: int, role: GroupMember.Role, at: datetime
) -> None:
    """Note that a person takes part in an organisation's buying group, since ``at``.

    A first call and a checkout are steps of the organisation as well, and stay so when
    the person is gone.
    """
    account = _locked_account(organisation_id)
    if role == Role.CALLER:
        _reach(account, first_call_at=at)
    if role == Role.PAYER:
        _reach(account, checkout_at=at)
    if not User.objects.filter(pk=user_id).exists():
        return
    _take_part(account, user_id, role=role, at=at)
    if not derive_holder(account) and role == Role.PAYER:
        _derive_payment(account.developer_id)


@beside_rebuilds
def add_revenue(
    organisation_id: int,
    *,
    amount: int,
    currency: str,
    at: datetime,
    invoice_id: int,
    user_id: int | None = None,
) -> None:
    """Add a paid amount (negative: refunded) in minor units.

    ``user_id`` is who started the checkout, if anybody did. Of payments heard of in
    any order the earliest is the first. Money in another currency counts at the rate
    of the day it was paid on, and not at all while there is none.
    """
    account = _locked_account(organisation_id)
    if amount > 0:
        _record_payment(account, at=at, user_id=user_id)
    paid_at = at if amount > 0 else None
    _add(account, amount, currency, invoice_id=invoice_id, paid_at=paid_at)


@beside_rebuilds
def restore_revenue(
    organisation_id: int, *, amount: int, currency: str, invoice_id: int
) -> None:
    """Add again what had been taken off, in minor units; it is no new payment."""
    account = _locked_account(organisation_id)
    _add(account, amount, currency, invoice_id=invoice_id)


@beside_rebuilds
def add_cost(organisation_id: int, *, cost_nano: int) -> None:
    """Add what serving an organisation cost, in billionths."""
    account = _locked_account(organisation_id)
    Account.objects.filter(pk=account.pk).update(cost_nano=F("cost_nano") + cost_nano)
    Developer.objects.filter(pk=account.developer_id).update(
        cost_nano=F("cost_nano") + cost_nano
    )


def _add(
    account: Account,
    amount: int,
    currency: str,
    *,
    invoice_id: int,
    paid_at: datetime | None = None,
) -> None:
    added, foreign = amount, 0
    if currency.lower() != settings.REPORTING_CURRENCY:
        added = foreign = count_foreign(
            account, amount, currency.lower(), invoice_id=invoice_id, paid_at=paid_at
        )
    add_money(account, revenue=added, foreign=foreign)


def add_money(account: Account, *, revenue: int, foreign: int) -> None:
    """Add to an account, which the caller has locked, and to whom it is put down to."""
    Account.objects.filter(pk=account.pk).update(
        revenue=F("revenue") + revenue, foreign=F("foreign") + foreign
    )
    Developer.objects.filter(pk=account.developer_id).update(
        revenue=F("revenue") + revenue
    )


def _locked_account(organisation_id: int) -> Account:
    accounts = Account.objects.select_for_update()
    account = accounts.filter(pk=organisation_id).first()
    if account is None:
        Account.objects.get_or_create(organisation_id=organisation_id)
        account = accounts.get(pk=organisation_id)
    return account


def _take_part(
    account: Account, user_id: int, *, role: GroupMember.Role, at: datetime
) -> None:
    """Write a person's part down; their row is locked after the account's.

    Who becomes active meanwhile waits, and then finds the account among theirs.
    """
    record_sign_up(user_id)
    Developer.objects.select_for_update().get(pk=user_id)
    part, is_new = GroupMember.objects.get_or_create(
        account=account, developer_id=user_id, role=role, defaults={"since": at}
    )
    if not is_new and at < part.since:
        part.since = at
        part.save(update_fields=["since"])


def _reach(account: Account, **steps: datetime) -> None:
    """Note an organisation's own steps, where they were earlier than known."""
    earlier = {
        name: at
        for name, at in steps.items()
        if (known := getattr(account, name)) is None or at < known
    }
    for name, at in earlier.items():
        setattr(account, name, at)
    if earlier:
        account.save(update_fields=list(earlier))


def _record_payment(account: Account, *, at: datetime, user_id: int | None) -> None:
    _reach(account, first_paid_at=at, checkout_at=at)
    if user_id is not None and User.objects.filter(pk=user_id).exists():
        _take_part(account, user_id, role=Role.PAYER, at=at)
        if _pays_first(account, at, user_id):
            account.payer_id = user_id
            account.payer_since = at
            account.save(update_fields=["payer", "payer_since"])
    if not derive_holder(account):
        _derive_payment(account.developer_id)


def _pays_first(account: Account, at: datetime, user_id: int) -> bool:
    """Tell whether a payer comes before the one that is known.

    Stripe's seconds are long: of two in one the smaller number is the first, so that
    the order they are heard in decides nothing.
    """
    if account.payer_since is None or account.payer_id is None:
        return True
    return (at, user_id) < (account.payer_since, account.payer_id)


def _locked_accounts_of(user_id: int) -> list[Account]:
    mine = GroupMember.objects.filter(developer=user_id).values("account")
    concerned = Q(pk__in=mine) | Q(developer=user_id)
    accounts = Account.objects.select_for_update().filter(concerned)
    return list(accounts.order_by("pk"))


def derive_holders_of(user_id: int) -> None:
    """Choose again for every organisation in whose buying group a person is."""
    for account in _locked_accounts_of(user_id):
        derive_holder(account)


def derive_holder(account: Account) -> bool:
    """Choose whom a locked account is put down to; tell whether that changed."""
    parts = GroupMember.objects.filter(account=account).filter(counts("developer__"))
    active = parts.filter(developer__activated_at__isnull=False)
    rows = list(
        active.values_list("developer_id", "developer__activated_at")
        .annotate(Min("since"))
        .order_by()
    )
    holder = holder_of(
        account.founder_id,
        account.payer_id,
        is_excluded=account.excluded_at is not None,
        since={pk: since for pk, _activated, since in rows},
        activated={pk: activated for pk, activated, _since in rows},
    )
    before = account.developer_id
    has_moved = holder.developer_id != before
    if has_moved:
        _put_down_to(account, holder.developer_id)
    if has_moved or holder.engaged_at != account.engaged_at:
        account.developer_id = holder.developer_id
        account.engaged_at = holder.engaged_at
        account.save(update_fields=["developer", "engaged_at"])
    if has_moved:
        concerned = {pk for pk in (before, holder.developer_id) if pk is not None}
        for developer_id in sorted(concerned):
            _derive_payment(developer_id)
    return has_moved


def _put_down_to(account: Account, developer_id: int | None) -> None:
    account.refresh_from_db(fields=["revenue", "cost_nano"])
    signs = {account.developer_id: -1, developer_id: 1}
    for pk in sorted(pk for pk in signs if pk is not None):
        Developer.objects.filter(pk=pk).update(
            revenue=F("revenue") + signs[pk] * account.revenue,
            cost_nano=F("cost_nano") + signs[pk] * account.cost_nano,
        )


def _derive_payment(developer_id: int | None) -> None:
    """Let a developer be as far as the first of their accounts is."""
    accounts = Account.objects.filter(developer=developer_id)
    first = accounts.aggregate(paid=Min("first_paid_at"), checkout=Min("checkout_at"))
    Developer.objects.filter(pk=developer_id).update(
        paid_at=first["paid"], checkout_at=first["checkout"]
    )


def _derive_activation(user_id: int) -> bool:
    """Note since when a developer is active; tell whether that is news.

    A step that is heard of late may have been the earlier one.
    """
    since = Greatest("verified_at", "first_activity_at")
    active = Developer.objects.filter(pk=user_id).exclude(
        Q(verified_at=None) | Q(first_activity_at=None)
    )
    later = Q(activated_at=None) | Q(activated_at__gt=since)
    return active.filter(later).update(activated_at=since) == 1


def _record_origin(developer: Developer) -> None:
    touch = FirstTouch.objects.filter(user_id=developer.pk).first()
    if touch is None:
        # Known later, or never: who asks not to be tracked has no first touch.
        return
    developer.source = touch.source
    developer.first_visit_at = first_visit_of(developer.pk)
    developer.save(update_fields=["source", "first_visit_at"])

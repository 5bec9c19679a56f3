"""Deriving every developer's way again, from the activity log and the ledger."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Sum

from accounts.models import Organisation, User
from activity.models import FirstTouch
from billing.conversion import deriving
from billing.conversion.holders import holder_of
from billing.conversion.locks import alone
from billing.conversion.models import Account, Developer, ForeignInvoice, GroupMember
from billing.conversion.rates import Factor, factor_on, fix, paid_on
from billing.conversion.unheard import Unheard, unheard_facts
from billing.ledger.models import UsageCost

COMPARED = (
    "source",
    "first_visit_at",
    "signed_up_at",
    "verified_at",
    "first_activity_at",
    "activated_at",
    "first_call_at",
    "checkout_at",
    "paid_at",
    "revenue",
    "cost_nano",
)
ACCOUNT_COMPARED = (
    "developer_id",
    "founder_id",
    "payer_id",
    "payer_since",
    "engaged_at",
    "first_call_at",
    "checkout_at",
    "first_paid_at",
    "revenue",
    "foreign",
    "cost_nano",
)
FOREIGN_COMPARED = (
    "account_id",
    "currency",
    "paid_on",
    "amount",
    "factor_nano",
    "rate_on",
    "converted",
)
# A thousand rows keep a statement below a megabyte.
BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Difference:
    """A value that was not what the log and the ledger say.

    ``subject`` is ``user 7``, ``organisation 7`` or ``invoice 7``.
    """

    subject: str
    field: str
    was: Any
    should_be: Any


def rebuild() -> list[Difference]:
    """Derive all rows again, replace those that differ and say where they did.

    Facts that arrive meanwhile wait. What was published and not heard here yet is
    left out, since it is added when it is heard.
    """
    with alone():
        return _rebuild()


def _rebuild() -> list[Difference]:
    unheard = unheard_facts()
    developers = _derive_developers(unheard)
    groups = {
        pk: {part: at for part, at in group.items() if part[0] in developers}
        for pk, group in deriving.groups(unheard).items()
    }
    foreign = _derive_foreign(unheard)
    accounts = _derive_accounts(unheard, developers, groups, foreign)
    _add_up(developers, accounts)

    present = {each.pk: each for each in ForeignInvoice.objects.all()}
    differences = [
        *_compare("user", Developer.objects.in_bulk(), developers, COMPARED),
        *_compare(
            "organisation", Account.objects.in_bulk(), accounts, ACCOUNT_COMPARED
        ),
        *_compare("invoice", present, foreign, FOREIGN_COMPARED),
        *_compare_groups(groups),
    ]
    _replace(developers, accounts, foreign, groups)
    return differences


def _add_up(
    developers: Mapping[int, Developer], accounts: Mapping[int, Account]
) -> None:
    for account in accounts.values():
        if account.developer_id is None:
            continue
        developer = developers[account.developer_id]
        developer.revenue += account.revenue
        developer.cost_nano += account.cost_nano
        developer.paid_at = _earlier(developer.paid_at, account.first_paid_at)
        developer.checkout_at = _earlier(developer.checkout_at, account.checkout_at)


def _earlier(first: Any, second: Any) -> Any:
    return min(filter(None, (first, second)), default=None)


def _replace(
    developers: Mapping[int, Developer],
    accounts: Mapping[int, Account],
    foreign: Mapping[int, ForeignInvoice],
    groups: deriving.Groups,
) -> None:
    Developer.objects.bulk_create(
        developers.values(),
        update_conflicts=True,
        unique_fields=["user"],
        update_fields=COMPARED,
        batch_size=BATCH,
    )
    Account.objects.exclude(pk__in=list(accounts)).delete()
    Account.objects.bulk_create(
        accounts.values(),
        update_conflicts=True,
        unique_fields=["organisation"],
        update_fields=[name.removesuffix("_id") for name in ACCOUNT_COMPARED],
        batch_size=BATCH,
    )
    ForeignInvoice.objects.exclude(pk__in=list(foreign)).delete()
    ForeignInvoice.objects.bulk_create(
        foreign.values(),
        update_conflicts=True,
        unique_fields=["invoice"],
        update_fields=[name.removesuffix("_id") for name in FOREIGN_COMPARED],
        batch_size=BATCH,
    )
    GroupMember.objects.all().delete()
    GroupMember.objects.bulk_create(
        (
            GroupMember(account_id=pk, developer_id=user_id, role=role, since=at)
            for pk, group in groups.items()
            if pk in accounts
            for (user_id, role), at in group.items()
        ),
        batch_size=BATCH,
    )


def _compare(
    kind: str,
    present: Mapping[int, Any],
    expected: Mapping[int, Any],
    names: Sequence[str],
) -> Iterator[Difference]:
    for pk in sorted({*present, *expected}):
        was, should_be = present.get(pk), expected.get(pk)
        for name in names:
            before, after = getattr(was, name, None), getattr(should_be, name, None)
            if before != after:
                yield Difference(f"{kind} {pk}", name, before, after)


def _compare_groups(groups: deriving.Groups) -> Iterator[Difference]:
    present = {
        (pk, user_id, role): since
        for pk, user_id, role, since in GroupMember.objects.values_list(
            "account_id", "developer_id", "role", "since"
        )
    }
    expected = {
        (pk, user_id, role): at
        for pk, group in groups.items()
        for (user_id, role), at in group.items()
    }
    for part in sorted({*present, *expected}):
        was, should_be = present.get(part), expected.get(part)
        if was != should_be:
            pk, user_id, role = part
            yield Difference(f"organisation {pk}", f"{role} {user_id}", was, should_be)


def _derive_developers(unheard: Unheard) -> dict[int, Developer]:
    touches = {touch.user_id: touch for touch in FirstTouch.objects.all()}
    visits = deriving.first_visits()
    milestones = deriving.first_milestones(unheard)
    developers = {}
    # Who only wrote in a forum that moved here has never come.
    people = User.objects.filter(is_placeholder=False)
    for pk, joined in people.values_list("pk", "date_joined"):
        reached = milestones.get(pk, {})
        touch = touches.get(pk)
        verified, active = reached.get("verified_at"), reached.get("first_activity_at")
        developers[pk] = Developer(
            user_id=pk,
            signed_up_at=joined,
            source=touch.source if touch else "",
            first_visit_at=visits.get(pk) if touch else None,
            activated_at=max(verified, active) if verified and active else None,
            **reached,
        )
    return developers


def _derive_foreign(unheard: Unheard) -> dict[int, ForeignInvoice]:
    """Return what each foreign invoice counts as; a rate once fixed stays."""
    known = ForeignInvoice.objects.in_bulk()
    rows = {}
    for pk, (organisation_id, currency, net, at) in deriving.foreign_invoices().items():
        row = ForeignInvoice(
            invoice_id=pk, account_id=organisation_id, currency=currency
        )
        row.amount = net - unheard.foreign[pk]
        if pk not in unheard.unpaid:
            row.paid_on = paid_on(at)
            before = known.get(pk)
            if before and before.factor_nano and before.rate_on:
                fix(row, Factor(before.factor_nano, before.rate_on))
            else:
                fix(row, factor_on(currency, row.paid_on))
        if row.amount or row.paid_on:
            rows[pk] = row
    return rows


def _derive_accounts(
    unheard: Unheard,
    developers: Mapping[int, Developer],
    groups: deriving.Groups,
    foreign: Mapping[int, ForeignInvoice],
) -> dict[int, Account]:
    """Put each organisation down to one developer, with its money."""
    payers = deriving.first_payers(unheard)
    calls = deriving.first_of(unheard, "first_call_succeeded")
    checkouts = deriving.first_of(unheard, "checkout_started", deriving.PAID)
    payments = deriving.first_of(unheard, deriving.PAID)
    revenue = deriving.revenue_by_organisation()
    costs = dict(
        UsageCost.objects.values_list("organisation_id").annotate(Sum("cost_nano"))
    )
    converted: dict[int, int] = {}
    for row in foreign.values():
        converted[row.account_id] = converted.get(row.account_id, 0) + row.converted
    activated = _activated(developers)
    excluded = set(
        Account.objects.exclude(excluded_at=None).values_list("pk", flat=True)
    )

    known = {*revenue, *costs, *payments, *converted, *unheard.cost_nano}
    accounts = {}
    for pk in Organisation.objects.values_list("pk", flat=True):
        group = groups.get(pk, {})
        founded = [(at, who) for (who, role), at in group.items() if role == "founder"]
        founder_id = min(founded)[1] if founded else None
        payer_since, payer_id = payers.get(pk, (None, None))
        # The log remembers who is gone; the rows let go of them.
        if payer_id not in developers:
            payer_id = payer_since = None
        since: dict[int, Any] = {}
        for (user_id, _role), at in group.items():
            since[user_id] = min(since.get(user_id, at), at)
        holder = holder_of(
            founder_id,
            payer_id,
            since=since,
            activated=activated,
            is_excluded=pk in excluded,
        )
        abroad = converted.get(pk, 0)
        if not group and pk not in known:
            continue
        accounts[pk] = Account(
            organisation_id=pk,
            developer_id=holder.developer_id,
            engaged_at=holder.engaged_at,
            founder_id=founder_id,
            payer_id=payer_id,
            payer_since=payer_since,
            revenue=revenue.get(pk, 0) - unheard.revenue.get(pk, 0) + abroad,
            foreign=abroad,
            cost_nano=int(costs.get(pk, 0)) - unheard.cost_nano.get(pk, 0),
            first_call_at=calls.get(pk),
            checkout_at=checkouts.get(pk),
            first_paid_at=payments.get(pk),
        )
    return accounts


def _activated(developers: Mapping[int, Developer]) -> dict[int, Any]:
    """Return since when those in N are active."""
    counted = Developer.objects.counted().values_list("pk", flat=True)
    # Who has no row yet is excluded by nobody.
    plain = User.objects.filter(is_staff=False, is_internal=False, is_active=True)
    fresh = plain.exclude(pk__in=Developer.objects.values("pk"))
    in_figures = {*counted, *fresh.values_list("pk", flat=True)}
    return {
        pk: each.activated_at
        for pk, each in developers.items()
        if each.activated_at and pk in in_figures
    }

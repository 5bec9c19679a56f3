from dataclasses import dataclass

from django.db.models import Q
from django.utils import timezone

from accounts.models import Membership, Organisation, User
from billing.ledger.models import Invoice
from billing.plans.models import PlanVersion
from billing.plans.queries import in_words, plan_name
from billing.subscriptions.models import (
    BillingAccount,
    CheckoutIntent,
    StaffGrant,
    Subscription,
)
from entitlements.features import FREE, Features
from entitlements.queries import entitlements_for

# Statuses in which an open invoice is what stands in the way.
OWING = {
    Subscription.Status.PAST_DUE,
    Subscription.Status.UNPAID,
    Subscription.Status.INCOMPLETE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingState:
    """Everything the billing page says about an organisation's plan."""

    features: Features
    subscription: Subscription | None
    version: PlanVersion | None
    account: BillingAccount | None
    unpaid: Invoice | None
    grant: StaffGrant | None

    @property
    def plan_name(self) -> str:
        """What the plan is called, in the reader's language; one query if unpaid."""
        if self.version is not None:
            return in_words(self.version.plan.name)
        return plan_name(self.features.plan)

    @property
    def is_paying(self) -> bool:
        return self.subscription is not None

    @property
    def period_amount(self) -> int | None:
        """What the next period costs at Stripe, before tax."""
        return self.subscription.period_amount if self.subscription else None


def billing_state(organisation: Organisation) -> BillingState:
    """Return the plan, its subscription and how it is paid. At most five queries."""
    subscription = live_subscription(organisation)
    features = entitlements_for(organisation.pk)
    # Who has the free plan was given none.
    is_given = subscription is None and features.plan != FREE.plan
    grant = _given_to(organisation) if is_given else None
    bearer = subscription or grant
    return BillingState(
        features=features,
        subscription=subscription,
        version=bearer.plan_version if bearer else None,
        account=BillingAccount.objects.filter(pk=organisation.pk).first(),
        unpaid=_unpaid(organisation, subscription),
        grant=grant,
    )


def _given_to(organisation: Organisation) -> StaffGrant | None:
    """Return the best plan that is in force without payment."""
    given = StaffGrant.objects.in_force().filter(organisation=organisation)
    ranked = given.order_by("-plan_version__plan__tier_rank", "pk")
    return ranked.select_related("plan_version__plan").first()


def _unpaid(
    organisation: Organisation, subscription: Subscription | None
) -> Invoice | None:
    """Return the open invoice that stands in the way, or is owed for what has ended.

    Another one, of usage for example, would not bring the plan back. One that is due
    later is in the table of invoices.
    """
    invoices = Invoice.objects.filter(
        organisation=organisation, status=Invoice.Status.OPEN
    ).order_by("-issued_at")
    if subscription is None:
        is_owed = (
            Q(due_at=None) | Q(due_at__lte=timezone.now()) | Q(attempt_count__gt=0)
        )
        return invoices.filter(is_owed).defer("raw").first()
    if subscription.status not in OWING:
        return None
    own = invoices.filter(subscription_stripe_id=subscription.stripe_id)
    return own.defer("raw").first()


def live_subscription(organisation: Organisation) -> Subscription | None:
    """Return the subscription that bears the organisation's plan."""
    return (
        Subscription.objects.live()
        .with_plan()
        .filter(organisation=organisation)
        .select_related("price__plan_version__plan", "next_price__plan_version__plan")
        .order_by("is_duplicate", "pk")
        .first()
    )


def awaits_subscription(organisation: Organisation) -> bool:
    """Tell whether an order by contract was made whose subscription is not there yet.

    No hosted page is paid for such an order: Stripe is asked for it by a job.
    """
    orders = CheckoutIntent.objects.filter(
        organisation=organisation,
        state=CheckoutIntent.State.COMPLETE,
        stripe_session_id=None,
    )
    ordered = {str(uuid) for uuid in orders.values_list("uuid", flat=True)}
    if not ordered:
        return False
    made = Subscription.objects.filter(
        organisation=organisation, raw__metadata__intent__in=ordered
    )
    return bool(ordered - set(made.values_list("raw__metadata__intent", flat=True)))


def last_subscription(organisation: Organisation) -> Subscription | None:
    """Return the newest subscription, ended ones included."""
    return (
        Subscription.objects.filter(organisation=organisation)
        .select_related("price__plan_version__plan")
        .order_by("-started_at", "-pk")
        .first()
    )


def payable_organisations(user: User) -> list[Organisation]:
    """Return the organisations ``user`` may buy for, the personal one first."""
    return list(
        Organisation.objects.filter(
            memberships__user=user,
            memberships__role__in=[Membership.Role.OWNER, Membership.Role.BILLING],
        ).order_by("kind", "name")
    )


def checkout_of(user: User, session_id: str) -> CheckoutIntent | None:
    """Return the checkout of a session, when ``user`` may see whose it is."""
    if not session_id:
        return None
    return (
        CheckoutIntent.objects.select_related(
            "organisation", "price__plan_version__plan"
        )
        .filter(
            stripe_session_id=session_id,
            organisation__in=Organisation.objects.visible_to(user),
        )
        .first()
    )

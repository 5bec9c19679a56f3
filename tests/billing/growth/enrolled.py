"""People put into a campaign, time that goes by for them, and what came of it."""

from datetime import timedelta

from django.utils import timezone

from accounts.models import User
from accounts.queries import personal_organisation
from billing.growth.campaigns.enrolling import enrol
from billing.growth.models import Campaign, Decision, Enrolment


def org_of(user: User) -> int:
    return personal_organisation(user).pk


def put_in(campaign: Campaign, *users: User) -> None:
    units: dict[int, int | None] = {org_of(user): user.pk for user in users}
    enrol(campaign, units, at=timezone.now())


def go_by(**span: float) -> None:
    """Let time go by for everything that campaigns look at."""
    ago = timedelta(**span)
    for enrolment in Enrolment.objects.all():
        enrolment.entered_at -= ago
        enrolment.next_at -= ago
        enrolment.save()
    # The earlier first: two offers of one day are none.
    for decision in Decision.objects.order_by("offered_on", "pk"):
        decision.decided_at -= ago
        if decision.offered_on is not None:
            decision.offered_on -= timedelta(days=ago.days)
        decision.save()


def ends() -> dict[str, int]:
    found: dict[str, int] = {}
    for each in Enrolment.objects.values_list("ended_as", flat=True):
        found[each] = found.get(each, 0) + 1
    return found


def reasons(campaign: Campaign) -> list[tuple[int, str]]:
    made = Decision.objects.filter(step__campaign=campaign).order_by("pk")
    return list(made.values_list("step__rank", "reason"))

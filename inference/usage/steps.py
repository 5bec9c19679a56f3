"""The first steps of an organisation, each true of itself."""

from dataclasses import dataclass

from allauth.account.models import EmailAddress
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import Organisation, User
from accounts.permissions import role_in
from entitlements.features import FREE
from entitlements.queries import entitlements_for
from inference.keys.models import ApiKey
from inference.usage.models import FirstCall


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstStep:
    """One thing to do, and the page where it is done.

    ``is_awaited`` is true of what happens outside the browser, so that nobody comes
    back to a page for it.
    """

    label: str
    url: str
    is_done: bool
    is_awaited: bool = False


def first_steps(user: User, organisation: Organisation) -> list[FirstStep]:
    """Return the steps ``user`` may take or has to know of, in their order."""
    role = role_in(user, organisation)
    steps = [
        FirstStep(
            label=_("Confirm your e-mail address"),
            url=reverse("account_email"),
            is_done=EmailAddress.objects.filter(user=user, verified=True).exists(),
        )
    ]
    # Who only pays the bills may not open the page of the keys.
    if role != "billing":
        steps.append(
            FirstStep(
                label=_("Create an API key"),
                url=reverse("keys:key-list", args=[organisation.slug]),
                is_done=ApiKey.objects.managed()
                .filter(organisation=organisation)
                .exists(),
            )
        )
    steps.append(
        FirstStep(
            label=_("Make the first call, by the quickstart"),
            url="/docs/",
            is_done=FirstCall.objects.filter(organisation=organisation).exists(),
            is_awaited=True,
        )
    )
    features = entitlements_for(organisation.pk)
    if organisation.kind == Organisation.Kind.TEAM:
        is_invited = (
            organisation.invitations.exists() or organisation.memberships.count() > 1
        )
        # Where the plan has one seat, an invitation would be refused.
        if is_invited or features.seats > 1:
            steps.append(
                FirstStep(
                    label=_("Invite a member"),
                    url=reverse("accounts:member-list", args=[organisation.slug]),
                    is_done=is_invited,
                )
            )
    steps.append(
        FirstStep(
            label=_("Choose a plan"),
            url="/pricing/",
            is_done=features.plan != FREE.plan,
        )
    )
    return steps

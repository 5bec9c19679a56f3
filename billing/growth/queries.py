"""What a surface may show to a person."""

from accounts.models import Membership, Organisation, User
from billing.growth.holdout import is_held_out
from billing.growth.models import Decision
from notifications.models import Kind, Preference


def may_be_treated(user: User) -> bool:
    """Tell whether anything may be shown to ``user`` at all.

    Not to whom is held out by any organisation of theirs, nor to whom refused offers.
    An offer to an organisation is decided without them; they are asked after here.
    """
    rows = Membership.objects.filter(user=user).values_list(
        "organisation_id", "organisation__kind"
    )
    teams = [pk for pk, kind in rows if kind == Organisation.Kind.TEAM]
    own = [pk for pk, kind in rows if kind == Organisation.Kind.PERSONAL]
    if is_held_out(teams or own):
        return False
    return not Preference.objects.filter(
        user=user, kind=Kind.OFFERS, by_email=False
    ).exists()


def offer_for_surface(
    user: User, surface: str, *, organisation_id: int | None
) -> Decision | None:
    """Return the newest offer to show ``user`` on a surface, if there is one.

    With an organisation only what concerns it, so a page speaks of one thing.
    """
    standing = (
        Decision.objects.visible_to(user)
        .standing()
        .shown_on(surface)
        .select_related("offer", "organisation")
    )
    if organisation_id is not None:
        standing = standing.filter(organisation_id=organisation_id)
    decision = standing.order_by("-decided_at", "-pk").first()
    if decision is None or not may_be_treated(user):
        return None
    return decision

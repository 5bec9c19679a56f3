from accounts.models import Membership, Organisation, User


def personal_organisation(user: User) -> Organisation:
    """Return the organisation that is ``user`` alone."""
    return Organisation.objects.get(owner=user, kind=Organisation.Kind.PERSONAL)


def membership_of(user: User, organisation: Organisation) -> Membership | None:
    """Return ``user``'s place in ``organisation``, if any."""
    return Membership.objects.filter(user=user, organisation=organisation).first()

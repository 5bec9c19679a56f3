"""What proves that a person here is who wrote there."""

from allauth.account.models import EmailAddress
from django.db.models import Q, QuerySet

from accounts.models import User
from community.imports.models import ImportedPerson
from core.crypto import keyed_digest

_GITHUB = "github"


def digest_of(email: str) -> str:
    """Return what an address is compared by; from it nobody learns the address."""
    return keyed_digest(email.strip().lower(), purpose="imported person")


def claimable_by(user: User) -> QuerySet[ImportedPerson]:
    """Return who ``user`` proves to be, of those nobody has claimed.

    An address proves it once it was confirmed here; GitHub's number once the account
    is linked. Names prove nothing.
    """
    confirmed = EmailAddress.objects.filter(user=user, verified=True)
    digests = [digest_of(email) for email in confirmed.values_list("email", flat=True)]
    linked = user.identities.filter(provider=_GITHUB)
    numbers = list(linked.values_list("external_id", flat=True))
    proved = Q(email_digest__in=digests, email_digest__gt="") | Q(
        github_id__in=numbers, github_id__gt=""
    )
    return ImportedPerson.objects.unclaimed().filter(proved)

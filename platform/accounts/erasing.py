"""Making a person's row stand for nobody: what they wrote keeps an author.

The row stays, since texts, points and bills name it; everything in it that names a
person goes, and every way in. The database holds both.
"""

import secrets

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.adapter import get_adapter
from allauth.usersessions.models import UserSession
from django.db import transaction
from django.utils import timezone

from accounts.models import (
    IdempotentCall,
    Identity,
    Invitation,
    Membership,
    Organisation,
    PersonalAccessToken,
    User,
)
from accounts.queries import own_organisations
from accounts.services import remove_member
from accounts.tokens import revoke_token

# No sign-up may choose a name with a dot, and no mail can leave for this domain
# (RFC 2606).
_NAME = "deleted."
_NOWHERE = "erased.invalid"


@transaction.atomic
def end_access(user: User) -> None:
    """End every session and every access token of ``user``, now."""
    get_adapter().end_sessions(list(UserSession.objects.filter(user=user)))
    tokens = PersonalAccessToken.objects.filter(user=user, revoked_at=None)
    for token in tokens.order_by("pk"):
        revoke_token(token)


@transaction.atomic
def clear_user(user: User) -> None:
    """Take from ``user`` their names, addresses, ways in and places in teams.

    The caller holds the lock of the row. An organisation that is theirs alone keeps
    them as its owner, and loses its name: its bills name it. Raises ``LastOwner``.
    """
    end_access(user)
    theirs = list(own_organisations(user).order_by("pk"))
    places = Membership.objects.filter(user=user).exclude(organisation__in=theirs)
    for place in places.order_by("pk"):
        remove_member(place)
    for organisation in theirs:
        _clear_organisation(organisation)
    Invitation.objects.filter(email__iexact=user.email).delete()
    tokens = PersonalAccessToken.objects.filter(user=user)
    callers = [f"token:{pk}" for pk in tokens.values_list("pk", flat=True)]
    IdempotentCall.objects.filter(caller__in=[f"user:{user.pk}", *callers]).delete()
    tokens.delete()
    for model in (EmailAddress, SocialAccount, Authenticator, Identity):
        model.objects.filter(user=user).delete()
    token = secrets.token_hex(8)
    user.username = f"{_NAME}{token}"
    user.email = f"{token}@{_NOWHERE}"
    user.display_name = user.bio = user.website = ""
    user.locale = user.time_zone = user.theme = user.wish = ""
    user.is_active = user.is_staff = user.is_moderator = user.is_superuser = False
    user.second_factor_since = user.closes_at = user.last_login = None
    user.current_organisation = None
    user.erased_at = timezone.now()
    user.set_unusable_password()
    user.save()


def _clear_organisation(organisation: Organisation) -> None:
    token = secrets.token_hex(8)
    organisation.slug = f"deleted-{token}"
    organisation.name = f"{_NAME}{token}"
    organisation.billing_email = ""
    organisation.save(update_fields=["slug", "name", "billing_email"])
    organisation.invitations.filter(accepted_at=None).delete()

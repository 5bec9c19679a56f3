"""What allauth reports becomes facts of ours."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.account.signals import email_confirmed, user_signed_up
from allauth.account.signals import user_logged_in as user_came_in
from allauth.socialaccount.models import SocialAccount, SocialLogin
from allauth.socialaccount.signals import (
    social_account_added,
    social_account_removed,
)
from django.contrib.auth.signals import user_logged_in
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest

from accounts import services
from accounts.allauth_private import record_sign_in
from accounts.decorators import has_signed_in_recently
from accounts.exceptions import IdentityTaken
from accounts.models import Identity, User
from accounts.preferences import browser_settings
from accounts.wishes import wish_of
from contracts.accounts import EmailVerified
from outbox import publish


@receiver(user_signed_up)
def register(
    request: HttpRequest,
    user: User,
    sociallogin: SocialLogin | None = None,
    **_: Any,
) -> None:
    """Create a new user's organisation and publish the sign-up."""
    services.set_first_preferences(
        user, **browser_settings(request), wish=wish_of(request)
    )
    services.register_user(user, visitor_id=getattr(request, "visitor_id", ""))
    if sociallogin is not None:
        _link(user, sociallogin.account)
    verified = EmailAddress.objects.filter(user=user, email=user.email, verified=True)
    if verified.exists():
        _publish_verified(user)


@receiver(user_logged_in)
def complete(user: User, **_: Any) -> None:
    """Create the organisation of a user whom a command or a provider created."""
    services.register_user(user)


@receiver(user_came_in)
def record_confirmation(request: HttpRequest, user: User, **_: Any) -> None:
    """Take the confirmation of an address after a sign-up for a sign-in.

    allauth records passwords, codes and providers, not this one; without it a user
    who chose a password a minute ago would be asked for it again. A password that was
    right before the mail was found may be long ago.
    """
    if not has_signed_in_recently(request):
        record_sign_in(request, user, method="email_confirmation")
    # By now the way leads there.
    services.clear_wish(user)


@receiver(email_confirmed)
def verify(email_address: EmailAddress, **_: Any) -> None:
    """Publish an address that a user has confirmed."""
    _publish_verified(email_address.user)


@receiver(social_account_added)
def link(sociallogin: SocialLogin, **_: Any) -> None:
    """Keep the provider's own id of an account that was connected."""
    _link(sociallogin.user, sociallogin.account)


@receiver(social_account_removed)
def unlink(socialaccount: SocialAccount, **_: Any) -> None:
    """Forget an account that was disconnected; credit given stays."""
    Identity.objects.filter(
        provider=socialaccount.provider, external_id=socialaccount.uid
    ).delete()


def _link(user: User, account: SocialAccount) -> None:
    try:
        services.link_identity(
            user,
            provider=account.provider,
            external_id=str(account.uid),
            login=str(account.extra_data.get("login", "")),
        )
    except IdentityTaken:
        # Signing in works through allauth's own row; only credit needs ours.
        return


@transaction.atomic
def _publish_verified(user: User) -> None:
    publish(EmailVerified(user_id=user.pk))

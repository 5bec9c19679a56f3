"""What people change about their own security, as allauth reports it."""

from typing import Any

from allauth.account import signals as account
from allauth.mfa import signals as mfa
from allauth.socialaccount import signals as social
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver

from accounts.models import Organisation, User
from audit.services import record


@receiver(mfa.authenticator_added)
def second_factor_added(user: User, authenticator: Any, **_: Any) -> None:
    _record("second_factor.added", user, target=str(authenticator.type))


@receiver(mfa.authenticator_removed)
def second_factor_removed(user: User, authenticator: Any, **_: Any) -> None:
    _record("second_factor.removed", user, target=str(authenticator.type))


@receiver(mfa.authenticator_reset)
def recovery_codes_renewed(user: User, authenticator: Any, **_: Any) -> None:
    _record("second_factor.renewed", user, target=str(authenticator.type))


@receiver(account.password_changed)
def password_changed(user: User, **_: Any) -> None:
    _record("password.changed", user)


@receiver(account.password_set)
def password_set(user: User, **_: Any) -> None:
    _record("password.set", user)


@receiver(account.password_reset)
def password_reset(user: User, **_: Any) -> None:
    _record("password.reset", user)


@receiver(account.email_added)
def email_added(user: User, **_: Any) -> None:
    # The address itself is not kept: a record is for ever, an address is not.
    _record("email.added", user)


@receiver(account.email_removed)
def email_removed(user: User, **_: Any) -> None:
    _record("email.removed", user)


@receiver(account.email_changed)
def email_changed(user: User, **_: Any) -> None:
    _record("email.changed", user)


@receiver(social.social_account_added)
def account_connected(sociallogin: Any, **_: Any) -> None:
    _record("account.connected", sociallogin.user, target=sociallogin.account.provider)


@receiver(social.social_account_removed)
def account_disconnected(socialaccount: Any, **_: Any) -> None:
    _record("account.disconnected", socialaccount.user, target=socialaccount.provider)


@receiver(user_logged_in)
def staff_signed_in(user: User, **_: Any) -> None:
    """Note sign-ins of those who see everything; others have their session list."""
    if user.is_staff:
        _record("staff.signed_in", user)


def _record(action: str, user: User, *, target: str = "") -> None:
    own = Organisation.objects.personal().filter(owner=user).first()
    record(action, actor=user, organisation=own, target=target)

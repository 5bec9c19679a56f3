"""Allauth's forms, where ours say more: on mails, passwords and a second factor.

Mails to a typed address: a known and an unknown one are counted alike, so a refusal
tells nobody who has an account here. And tries at a password.
"""

from typing import Any

from allauth.account.forms import AddEmailForm as AllauthAddEmailForm
from allauth.account.forms import ChangePasswordForm as AllauthChangePasswordForm
from allauth.account.forms import ResetPasswordForm as AllauthResetPasswordForm
from allauth.account.forms import SignupForm as AllauthSignupForm
from allauth.core import context
from allauth.mfa.totp.forms import ActivateTOTPForm as AllauthActivateTOTPForm
from allauth.socialaccount.forms import SignupForm as AllauthSocialSignupForm
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest

from accounts.allauth_private import offer_seed, offered_seed
from accounts.limits import count_guess, count_mail, forget_guesses


class _WritesToStrangers:
    """Counts the mail once everything else about the form is right."""

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean()  # type: ignore[misc]
        if not self.errors:  # type: ignore[attr-defined]
            count_mail(cleaned["email"], context.request)
        return cleaned


class SignupForm(_WritesToStrangers, AllauthSignupForm):  # type: ignore[misc]
    """Signing up takes as long for an address that is known as for one that is not."""

    def try_save(self, request: HttpRequest) -> tuple[Any, Any]:
        """Save the new person, or tell the known address by mail alone."""
        if self.account_already_exists:
            # Hashing is what a new account spends its time on.
            make_password(self.cleaned_data.get("password1"))
        saved: tuple[Any, Any] = super().try_save(request)
        return saved


class ResetPasswordForm(_WritesToStrangers, AllauthResetPasswordForm):  # type: ignore[misc]
    """Sends the way to a new password."""


class AddEmailForm(_WritesToStrangers, AllauthAddEmailForm):  # type: ignore[misc]
    """Asks another address whether it is this person's."""


class SocialSignupForm(_WritesToStrangers, AllauthSocialSignupForm):  # type: ignore[misc]
    """Signs up who comes from a provider that told no address: they type one."""


class ChangePasswordForm(AllauthChangePasswordForm):  # type: ignore[misc]
    """Counts a try at the old password as one at the sign-in.

    A session left open must not become a place to find the password out.
    """

    def clean_oldpassword(self) -> str:
        """Return the right password. Raises ``RateLimited``."""
        who = self.user.email.lower()
        count_guess("password", who, context.request)
        right: str = super().clean_oldpassword()
        forget_guesses("password", who, context.request)
        return right


class ActivateTOTPForm(AllauthActivateTOTPForm):  # type: ignore[misc]
    """Keeps the seed until it is confirmed.

    allauth makes another one with each GET: who had scanned the first and changed the
    language would have been told that the code is wrong.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        seed = offered_seed(context.request)
        super().__init__(*args, **kwargs)
        if seed:
            self.secret = seed
            offer_seed(context.request, seed)

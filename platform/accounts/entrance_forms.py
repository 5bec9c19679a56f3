"""Allauth's forms that write to a typed address: each mail is counted.

A known and an unknown address are counted alike, so a refusal tells nobody who has
an account here.
"""

from typing import Any

from allauth.account.forms import AddEmailForm as AllauthAddEmailForm
from allauth.account.forms import ResetPasswordForm as AllauthResetPasswordForm
from allauth.account.forms import SignupForm as AllauthSignupForm
from allauth.core import context
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest

from accounts.limits import count_mail


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

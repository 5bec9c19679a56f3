"""Signing up takes as long for an address that is known as for one that is not."""

from typing import Any

from allauth.account.forms import SignupForm as AllauthSignupForm
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest


class SignupForm(AllauthSignupForm):  # type: ignore[misc]
    """Allauth's form, without the tell-tale quickness of a refused sign-up."""

    def try_save(self, request: HttpRequest) -> tuple[Any, Any]:
        """Save the new person, or tell the known address by mail alone."""
        if self.account_already_exists:
            # Hashing is what a new account spends its time on.
            make_password(self.cleaned_data.get("password1"))
        saved: tuple[Any, Any] = super().try_save(request)
        return saved

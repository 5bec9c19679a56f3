"""How allauth is bent to this product."""

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.http import HttpRequest
from django.shortcuts import resolve_url

from accounts.wishes import with_wish
from core.crypto import decrypt, encrypt


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Sign-up by e-mail and password; it ends where it was to lead."""

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Lead to what was wanted before the sign-up, else to the console."""
        wish = getattr(request.user, "wish", "")
        return wish or resolve_url(settings.LOGIN_REDIRECT_URL)

    def get_signup_redirect_url(self, request: HttpRequest) -> str:
        return self.get_login_redirect_url(request)

    def get_email_verification_redirect_url(self, email_address: EmailAddress) -> str:
        """Lead on, by the sign-in page where the mail was opened elsewhere."""
        if self.request.user.is_authenticated:
            return self.get_login_redirect_url(self.request)
        return with_wish(resolve_url(settings.LOGIN_URL), email_address.user.wish)


class SocialAccountAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Sign-in through GitHub or OpenID Connect."""


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Second factors; seeds are encrypted at rest."""

    def encrypt(self, text: str) -> str:
        return encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        return decrypt(encrypted_text)

"""How allauth is bent to this product."""

from typing import Any, cast

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.http import Http404, HttpRequest
from django.shortcuts import resolve_url

from accounts import letters
from accounts.decorators import has_signed_in_recently
from accounts.limits import count_guess, count_mail, forget_guesses
from accounts.models import User
from accounts.wishes import with_wish
from core.crypto import decrypt, encrypt
from core.errors import RateLimited
from stores import limiter


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

    def is_safe_url(self, url: str | None) -> bool:
        """Tell whether ``next`` leads to us; what is no address does not."""
        try:
            return bool(super().is_safe_url(url))
        except ValueError:
            return False

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Ask for the password again, unless it has just been used.

        allauth counts only what was confirmed after the sign-in, never that itself.
        """
        return not has_signed_in_recently(self.request)

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count a try at a password. Raises ``RateLimited``."""
        count_guess("password", _login_of(credentials), request)

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """Return whose password this is; the right one starts the count anew."""
        user = cast(User | None, super().authenticate(request, **credentials))
        if user is not None:
            forget_guesses("password", _login_of(credentials), request)
        return user

    def _delete_login_attempts_cached_email(
        self, request: HttpRequest, **credentials: Any
    ) -> None:
        forget_guesses("password", _login_of(credentials), request)

    def should_send_confirmation_mail(
        self, request: HttpRequest, email_address: EmailAddress, signup: bool
    ) -> bool:
        """Write again at a sign-in, unless a mail was sent just before.

        The link of the last mail is still valid, so nobody has to be refused.
        """
        mailbox = email_address.email.lower()
        try:
            limiter.check("mail:confirmation", mailbox, limit=1, period=180)
            if not signup:
                count_mail(mailbox, request)
        except RateLimited:
            # The form of a sign-up has counted its mail already.
            return signup
        return True

    def render_mail(
        self,
        template_prefix: str,
        email: str | list[str],
        context: dict[str, Any],
        headers: dict[str, str] | None = None,
    ) -> EmailMessage:
        """Write one of allauth's mails in our words."""
        to = [email] if isinstance(email, str) else email
        subject, text, html = letters.write(template_prefix, context)
        message = EmailMultiAlternatives(
            subject, text, self.get_from_email(), to, headers=headers
        )
        message.attach_alternative(html, "text/html")
        return message


class SocialAccountAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Sign-in through GitHub or OpenID Connect."""

    def get_app(
        self, request: HttpRequest, provider: str, client_id: str | None = None
    ) -> SocialApp:
        """Return the settings of a provider; one nobody has set up is not there."""
        try:
            return super().get_app(request, provider, client_id)
        except SocialApp.DoesNotExist as error:
            raise Http404 from error

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Believe that an address was confirmed only where the provider says so.

        Some say it in words: “false” is not true.
        """
        for address in sociallogin.email_addresses:
            address.verified = address.verified in {True, "true"}


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Second factors; seeds are encrypted at rest."""

    def encrypt(self, text: str) -> str:
        return encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        return decrypt(encrypted_text)

    def get_totp_issuer(self) -> str:
        return settings.SITE_NAME

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        return {
            **super().get_public_key_credential_rp_entity(),
            "name": settings.SITE_NAME,
        }


def _login_of(credentials: dict[str, Any]) -> str:
    return str(credentials.get("email") or credentials.get("username", "")).lower()

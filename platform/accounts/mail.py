from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.utils import translation

from accounts.models import Invitation, User


def send_invitation(invitation: Invitation, path: str) -> None:
    """Send an invitation, in the language of whom it is for if we know them."""
    guest = User.objects.filter(email__iexact=invitation.email).first()
    context = {
        "invitation": invitation,
        "organisation": invitation.organisation,
        "address": f"{settings.SITE_URL}{path}",
        "site_name": settings.SITE_NAME,
    }
    with translation.override((guest and guest.locale) or translation.get_language()):
        subject = render_to_string("accounts/email/invitation_subject.txt", context)
        message = render_to_string("accounts/email/invitation.txt", context)
    send_mail(subject.strip(), message, None, [invitation.email])

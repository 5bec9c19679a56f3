from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string

from accounts.models import Invitation


def send_invitation(invitation: Invitation, path: str) -> None:
    """Send an invitation to whoever it is for."""
    context = {
        "invitation": invitation,
        "organisation": invitation.organisation,
        "address": f"{settings.SITE_URL}{path}",
        "site_name": settings.SITE_NAME,
    }
    send_mail(
        subject=render_to_string(
            "accounts/email/invitation_subject.txt", context
        ).strip(),
        message=render_to_string("accounts/email/invitation.txt", context),
        from_email=None,
        recipient_list=[invitation.email],
    )

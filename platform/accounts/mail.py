from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.utils import translation
from django.utils.translation import gettext

from accounts import letters
from accounts.models import Invitation, User
from core.addresses import on_site


def send_invitation(invitation: Invitation, path: str) -> None:
    """Send an invitation, in the language of whom it is for if we know them.

    It says who invites, into which team and as what: the reader may know neither
    the product nor, perhaps, the team.
    """
    guest = User.objects.filter(email__iexact=invitation.email).first()
    with translation.override((guest and guest.locale) or translation.get_language()):
        values = {
            "inviter": invitation.invited_by.name,
            "team": invitation.organisation.name,
            "role": invitation.get_role_display(),
            "site_name": settings.SITE_NAME,
        }
        subject, text, html = letters.compose(
            gettext("%(inviter)s invites you to %(team)s on %(site_name)s") % values,
            [
                gettext("%(inviter)s invites you to join %(team)s on %(site_name)s.")
                % values,
                gettext("Your role there: %(role)s.") % values,
                gettext(
                    "The invitation is for this address and valid for seven days. If "
                    "you do not know who this is, ignore it."
                ),
            ],
            link=on_site(path),
            button=gettext("See the invitation"),
        )
    message = EmailMultiAlternatives(subject, text, None, [invitation.email])
    message.attach_alternative(html, "text/html")
    message.send()

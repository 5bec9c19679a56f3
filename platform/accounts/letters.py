"""What allauth's mails say, in our words.

Each is named by the prefix of the template the library would render. A mail it may
send and that is not here is an error, which ``tests/accounts/test_letters.py`` finds
before anybody is written to in a stranger's words.
"""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class MailTemplate:
    """A mail: its subject, what it says, and where its button leads.

    The sentences may hold ``%(name)s`` of the library's context; ``link`` names the
    value of it that is an address. ``is_notice`` adds from where a change was made.
    """

    subject: str | Promise
    lines: tuple[str | Promise, ...]
    link: str = ""
    button: str | Promise = ""
    is_notice: bool = False


_IGNORE = _("If this was not you, ignore this mail: nothing will change.")
_CONFIRM = MailTemplate(
    _("Confirm your e-mail address for %(site_name)s"),
    (
        _(
            "Somebody, hopefully you, uses this address for an account on %(site_name)s."
        ),
        _("The link is valid for three days."),
        _IGNORE,
    ),
    link="activate_url",
    button=_("Confirm the address"),
)


def _notice(subject: str | Promise, line: str | Promise) -> MailTemplate:
    return MailTemplate(subject, (line,), is_notice=True)


LETTERS = {
    "account/email/email_confirmation": _CONFIRM,
    "account/email/email_confirmation_signup": _CONFIRM,
    "account/email/account_already_exists": MailTemplate(
        _("You already have an account on %(site_name)s"),
        (
            _("Somebody, hopefully you, tried to sign up with this address."),
            _(
                "It has an account already. If you forgot the password, choose a new one."
            ),
            _IGNORE,
        ),
        link="password_reset_url",
        button=_("Choose a new password"),
    ),
    "account/email/unknown_account": MailTemplate(
        _("No account on %(site_name)s has this address"),
        (
            _("Somebody, hopefully you, asked for a new password for this address."),
            _("There is no account with it. You may have used another one."),
            _IGNORE,
        ),
        link="signup_url",
        button=_("Create an account"),
    ),
    "account/email/password_reset_key": MailTemplate(
        _("Choose a new password for %(site_name)s"),
        (
            _("Somebody, hopefully you, asked for a new password for your account."),
            _("The link is valid for one hour and works once."),
            _IGNORE,
        ),
        link="password_reset_url",
        button=_("Choose a new password"),
    ),
    "account/email/password_reset": _notice(
        _("Your password for %(site_name)s was reset"),
        _("The password of your account was reset."),
    ),
    "account/email/password_changed": _notice(
        _("Your password for %(site_name)s was changed"),
        _("The password of your account was changed."),
    ),
    "account/email/password_set": _notice(
        _("Your account on %(site_name)s has a password now"),
        _("A password was set for your account."),
    ),
    "account/email/email_changed": _notice(
        _("Your e-mail address on %(site_name)s was changed"),
        _(
            "The address of your account was changed from %(from_email)s to %(to_email)s."
        ),
    ),
    "account/email/email_confirm": _notice(
        _("Your e-mail address on %(site_name)s is confirmed"),
        _("An e-mail address of your account was confirmed."),
    ),
    "account/email/email_deleted": _notice(
        _("An e-mail address on %(site_name)s was removed"),
        _("The address %(deleted_email)s was removed from your account."),
    ),
    "mfa/email/totp_activated": _notice(
        _("Your second factor on %(site_name)s is on"),
        _("An authenticator app was activated for your account."),
    ),
    "mfa/email/totp_deactivated": _notice(
        _("Your second factor on %(site_name)s is off"),
        _("The authenticator app of your account was deactivated."),
    ),
    "mfa/email/webauthn_added": _notice(
        _("Your account on %(site_name)s has a new passkey"),
        _("A passkey or security key was added to your account."),
    ),
    "mfa/email/webauthn_removed": _notice(
        _("A passkey of your account on %(site_name)s was removed"),
        _("A passkey or security key was removed from your account."),
    ),
    "mfa/email/recovery_codes_generated": _notice(
        _("Your account on %(site_name)s has new recovery codes"),
        _("New recovery codes were made; the old ones are not valid any more."),
    ),
    "socialaccount/email/account_connected": _notice(
        _("An outside account was connected on %(site_name)s"),
        _("An account at %(provider)s was connected to yours and may sign you in."),
    ),
    "socialaccount/email/account_disconnected": _notice(
        _("An outside account was disconnected on %(site_name)s"),
        _("An account at %(provider)s was disconnected from yours."),
    ),
}


def write(prefix: str, context: dict[str, Any]) -> tuple[str, str, str]:
    """Return subject, text and HTML of one of allauth's mails.

    Raises ``KeyError`` for a mail that is not in ``LETTERS``.
    """
    letter = LETTERS[prefix]
    values = {**context, "site_name": settings.SITE_NAME}
    lines = [str(line) % values for line in letter.lines]
    if letter.is_notice:
        lines += [_place(values), _advice()]
    return compose(
        str(letter.subject) % values,
        lines,
        link=str(values[letter.link]) if letter.link else "",
        button=str(letter.button),
    )


def compose(
    subject: str, lines: list[str], *, link: str = "", button: str = ""
) -> tuple[str, str, str]:
    """Return ``subject`` with the text and the HTML of a mail that says ``lines``."""
    context = {
        "lines": lines,
        "link": link,
        "button": button,
        "site_name": settings.SITE_NAME,
        "site_url": settings.SITE_URL,
    }
    text = render_to_string("accounts/email/letter.txt", context)
    html = render_to_string("accounts/email/letter.html", context)
    return subject, text.strip() + "\n", html


def _place(values: dict[str, Any]) -> str:
    moment = values.get("timestamp") or timezone.now()
    return gettext(
        "It was done on %(at)s UTC from the address %(ip)s (%(browser)s)."
    ) % {
        "at": moment.strftime("%Y-%m-%d %H:%M"),
        "ip": values.get("ip", ""),
        "browser": values.get("user_agent", ""),
    }


def _advice() -> str:
    return gettext(
        "If this was not you, choose a new password at once and look at your sessions."
    )

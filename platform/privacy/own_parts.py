"""What the foundation itself keeps of a person."""

from collections.abc import Iterator, Mapping
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession

from accounts.models import Identity, Membership, PersonalAccessToken, User
from audit.models import Record
from drafts.models import Draft
from notifications.models import Notification, Preference
from privacy.models import Closing
from privacy.registry import register_part

Rows = Iterator[Mapping[str, Any]]
# Rows fetched at once.
CHUNK = 2_000
PROFILE = (
    *("public_id", "username", "email", "display_name", "bio", "website"),
    *("locale", "time_zone", "theme", "date_joined", "last_login", "is_staff"),
    *("is_moderator", "second_factor_since", "closes_at"),
)


def account(user: User) -> Rows:
    """The profile, addresses, ways in and places in organisations."""
    for row in User.objects.filter(pk=user.pk).values(*PROFILE):
        yield {"kind": "profile", **row}
    addresses = EmailAddress.objects.filter(user=user).order_by("pk")
    for row in addresses.values("email", "verified", "primary"):
        yield {"kind": "email_address", **row}
    identities = Identity.objects.filter(user=user).order_by("pk")
    for row in identities.values("provider", "external_id", "login", "linked_at"):
        yield {"kind": "connected_account", **row}
    factors = Authenticator.objects.filter(user=user).order_by("pk")
    for row in factors.values("type", "created_at", "last_used_at"):
        yield {"kind": "second_factor", **row}
    tokens = PersonalAccessToken.objects.filter(user=user).order_by("pk")
    for row in tokens.values(
        "name", "prefix", "scopes", "created_at", "expires_at", "revoked_at"
    ):
        yield {"kind": "access_token", **row}
    sessions = UserSession.objects.filter(user=user).order_by("pk")
    for row in sessions.values("ip", "user_agent", "created_at", "last_seen_at"):
        yield {"kind": "session", **row}
    places = Membership.objects.filter(user=user).order_by("pk")
    for row in places.values(
        "organisation__slug", "organisation__name", "role", "created_at"
    ):
        yield {"kind": "membership", **row}
    closings = Closing.objects.filter(user=user).order_by("pk")
    for row in closings.values("closed_at", "reopened_at"):
        yield {"kind": "closing", **row}


def messages(user: User) -> Rows:
    """What the product told the person, as it may still be read, and by which way."""
    for row in Preference.objects.filter(user=user).values("kind", "by_email"):
        yield {"kind": "preference", "about": row["kind"], "by_email": row["by_email"]}
    told = Notification.objects.visible_to(user).order_by("pk")
    for message in told.iterator(chunk_size=CHUNK):
        yield {
            "kind": "message",
            "about": message.kind,
            "title": message.title_now,
            "url": message.url,
            "created_at": message.created_at,
            "read_at": message.read_at,
        }


def drafts(user: User) -> Rows:
    """Where something was begun; the texts are on the page of the drafts."""
    kept = Draft.objects.filter(user=user, accepted_at=None).order_by("pk")
    yield from kept.values("place", "saved_at")


def log(user: User) -> Rows:
    """What the person did that the audit log holds."""
    records = Record.objects.filter(actor=user).order_by("pk")
    yield from records.values("at", "action", "target", "address").iterator(
        chunk_size=CHUNK
    )


def register() -> None:
    """Bring these parts."""
    register_part("account", account)
    register_part("notifications", messages)
    register_part("drafts", drafts)
    register_part("audit_log", log)

"""The signed address that stops mail of one kind, without signing in."""

from django.core import signing

from accounts.models import User
from notifications.exceptions import BadUnsubscribeLink
from notifications.models import Kind

UNSUBSCRIBE_SALT = "notifications.unsubscribe"


def unsubscribe_token(user: User, kind: str) -> str:
    """Return a token that stops mail of one kind for one person.

    It does not expire: a mail may be read years later.
    """
    return signing.dumps([user.pk, kind], salt=UNSUBSCRIBE_SALT)


def read_unsubscribe_token(token: str) -> tuple[int, Kind]:
    """Return whom a token is for and what it stops. Raises ``BadUnsubscribeLink``."""
    try:
        user_id, kind = signing.loads(token, salt=UNSUBSCRIBE_SALT)
        return int(user_id), Kind(kind)
    except (signing.BadSignature, TypeError, ValueError) as error:
        raise BadUnsubscribeLink from error

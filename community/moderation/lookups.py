"""Finding what an address is about, for those who look after the community."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext as _

from accounts.models import User
from community.forum.permissions import can_moderate
from core.reading import UnreadableValue, whole_number


def require_moderator(request: HttpRequest) -> User:
    """Return who asks. Raises ``PermissionDenied`` unless they moderate."""
    if not isinstance(request.user, User) or not can_moderate(request.user):
        raise PermissionDenied
    return request.user


def ticked(sent: QueryDict, name: str = "pk") -> list[int]:
    """Return the keys that were ticked. Raises ``UnreadableValue``."""
    keys = [whole_number(value) for value in sent.getlist(name)]
    if any(key is None or key < 1 for key in keys):
        raise UnreadableValue(name, _("“%(field)s” has to be a list of whole numbers."))
    return [key for key in keys if key is not None]

from django.utils.translation import gettext_lazy as _

from core.errors import DomainError


class NotTaken(DomainError):
    """One of the people takes no messages of this person.

    Whether that is a block or a choice that holds for everybody is not said: it would
    be the only way to find out who blocks one.
    """

    code = "messages_not_taken"
    status = 403
    message = _("One of these people takes no messages from you.")

    def __init__(self, name: str = "") -> None:
        said = _("%(name)s takes no messages from you.")
        super().__init__(said % {"name": name} if name else None)


class WrongPeople(DomainError):
    """A conversation is of two to ten people."""

    code = "wrong_people"
    status = 400
    message = _("Write to one person at least and to nine at most, not to yourself.")


class NobodyLeft(DomainError):
    """Everybody else has left."""

    code = "nobody_left"
    message = _("Everybody else has left this conversation.")

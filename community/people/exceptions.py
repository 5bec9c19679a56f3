from django.utils.translation import gettext_lazy as _

from core.errors import DomainError


class OwnPerson(DomainError):
    """Nobody follows themselves."""

    code = "own_person"
    message = _("That is you.")


class TooManyStances(DomainError):
    """A list nobody reads any more, or a program that follows everybody."""

    code = "too_many_people"
    message = _(
        "You follow, mute and block 2,000 people already. Let go of some first."
    )

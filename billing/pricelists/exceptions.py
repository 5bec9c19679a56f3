from django.utils.translation import gettext_lazy as _

from core.errors import DomainError


class ListsOverlap(DomainError):
    """Two lists of an organisation would hold at the same time."""

    code = "price_lists_overlap"
    message = _("Another price list of this organisation holds then. End it first.")


class ListIsOver(DomainError):
    """The list does not hold any more."""

    code = "price_list_is_over"
    message = _("This price list has ended already.")


class ImpossibleList(DomainError):
    """A list that takes nothing off, or more than everything, or ends too early."""

    code = "impossible_price_list"
    status = 422
    message = _("A price list takes off more than 0 and at most 100 per cent.")


class TooMuchForOne(DomainError):
    """So much is for two people: a quote is approved by a second one."""

    code = "price_list_takes_two"
    status = 422
    message = _("So much takes a second person: write it into a quote.")

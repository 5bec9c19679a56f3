"""Giving a credit: the one place that knows how an organisation gets one."""

from billing.growth.exceptions import OfferNotReady


def can_give_credit() -> bool:
    """Tell whether the ledger keeps credits: without, none is offered."""
    return False


def give_credit(organisation_id: int, *, amount_nano: int, reference: str) -> None:
    """Give an organisation a credit, in billionths of a US dollar, once per reference.

    Raises ``OfferNotReady`` while the ledger keeps no credits.
    """
    raise OfferNotReady

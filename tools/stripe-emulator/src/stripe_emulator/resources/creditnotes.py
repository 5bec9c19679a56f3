"""Credit notes: issuing, reading, voiding."""

from typing import Any

from stripe_emulator.account import Account, merge_metadata
from stripe_emulator.engine import crediting
from stripe_emulator.errors import ApiError
from stripe_emulator.resources.paging import page, slice_of
from stripe_emulator.resources.subscriptions import refuse_uncovered
from stripe_emulator.store import Document

Params = dict[str, Any]
UNCOVERED = ("effective_at", "lines", "refunds", "shipping_cost")


def create(account: Account, params: Params) -> Document:
    """Issue a note over an amount; lines are not covered."""
    refuse_uncovered(params, UNCOVERED)
    # No mail leaves here, so asking for one would be ignored.
    if params.get("email_type", "none") != "none":
        raise ApiError("This emulator does not cover email_type.", param="email_type")
    if "amount" not in params:
        raise ApiError(
            "One of `amount`, `lines`, or `shipping_cost` must be provided.",
            code="parameter_missing",
            param="amount",
        )
    return crediting.issue(
        account,
        account.refer("invoice", params["invoice"], "invoice"),
        amount=params["amount"],
        shares=crediting.Shares(
            refund=params.get("refund_amount", 0),
            credit=params.get("credit_amount", 0),
            out_of_band=params.get("out_of_band_amount", 0),
        ),
        reason=params.get("reason"),
        memo=params.get("memo"),
        metadata=params.get("metadata") or {},
    )


def retrieve(account: Account, params: Params, note: str) -> Document:
    """The credit note."""
    return account.get("credit_note", note)


def update(account: Account, params: Params, note: str) -> Document:
    """Change memo and metadata."""
    found = account.get("credit_note", note)
    before = account.snapshot(found)
    if "memo" in params:
        found["memo"] = params["memo"]
    merge_metadata(found, params.get("metadata"))
    account.put(found)
    account.emit_update("credit_note.updated", found, before)
    return found


def index(account: Account, params: Params) -> Document:
    """Credit notes, by customer or invoice."""
    wanted = params.get("invoice")
    return page(
        account,
        "credit_note",
        params,
        url="/v1/credit_notes",
        customer=params.get("customer"),
        match=lambda note: wanted in {None, note["invoice"]},
    )


def lines(account: Account, params: Params, note: str) -> Document:
    """The lines of a note."""
    found = account.get("credit_note", note)
    return slice_of(found["lines"]["data"], params, f"/v1/credit_notes/{note}/lines")


def void(account: Account, params: Params, note: str) -> Document:
    """Take a note back."""
    return crediting.void(account, account.get("credit_note", note))

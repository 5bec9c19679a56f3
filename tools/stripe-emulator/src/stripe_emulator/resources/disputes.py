"""Disputes: reading, answering, giving in."""

from typing import Any

from stripe_emulator.account import Account, merge_metadata
from stripe_emulator.engine import disputing
from stripe_emulator.errors import ApiError
from stripe_emulator.resources.paging import page
from stripe_emulator.resources.subscriptions import refuse_uncovered
from stripe_emulator.store import Document

Params = dict[str, Any]


def retrieve(account: Account, params: Params, dispute: str) -> Document:
    """The dispute."""
    return account.get("dispute", dispute)


def index(account: Account, params: Params) -> Document:
    """Disputes, by charge or payment intent."""
    return page(
        account,
        "dispute",
        params,
        url="/v1/disputes",
        match=lambda dispute: all(
            dispute[name] == params[name]
            for name in ("charge", "payment_intent")
            if name in params
        ),
    )


def update(account: Account, params: Params, dispute: str) -> Document:
    """Hand in evidence (``winning_evidence`` and ``losing_evidence`` decide)."""
    refuse_uncovered(params, ("intended_submission_method",))
    found = account.get("dispute", dispute)
    evidence = params.get("evidence") or {}
    for name, value in evidence.items():
        if not isinstance(value, str):
            raise ApiError(
                f"This emulator does not cover evidence[{name}].",
                param=f"evidence[{name}]",
            )
    if "metadata" in params:
        before = account.snapshot(found)
        merge_metadata(found, params["metadata"])
        account.put(found)
        account.emit_update("charge.dispute.updated", found, before)
    if not evidence and not params.get("submit"):
        return found
    return disputing.answer(account, found, evidence, submit=params.get("submit", True))


def close(account: Account, params: Params, dispute: str) -> Document:
    """Give in: the dispute is lost."""
    return disputing.decide(account, account.get("dispute", dispute), "lost")

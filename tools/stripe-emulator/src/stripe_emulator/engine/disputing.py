"""Money a bank takes back: disputes from the complaint to the decision."""

from stripe_emulator.account import Account, new_id
from stripe_emulator.errors import ApiError
from stripe_emulator.store import Document

# How long a shop has to answer; real ones are told between one and three weeks.
ANSWER_SECONDS = 7 * 86400
CLOSED = {"won", "lost"}
# What Stripe's test mode reads in ``uncategorized_text``.
DECISIONS = {"winning_evidence": "won", "losing_evidence": "lost"}


def open_dispute(account: Account, charge: Document) -> Document:
    """Let the bank take a charge back until somebody has decided."""
    now = account.time_of(charge)
    card = charge["payment_method_details"]["card"]
    dispute: Document = {
        "id": new_id("du"),
        "object": "dispute",
        "amount": charge["amount"] - charge["amount_refunded"],
        # Balance transactions are not emulated; a real dispute lists them here.
        "balance_transactions": [],
        "charge": charge["id"],
        "created": now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {"enhanced_evidence": {}},
        "evidence_details": {
            "due_by": now + ANSWER_SECONDS,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "intended_submission_method": None,
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "network_reason_code": "10.4",
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "type": "card",
            "card": {
                "brand": card["brand"],
                "case_type": "chargeback",
                "network": card["brand"],
                "network_reason_code": "10.4",
            },
        },
        "reason": "fraudulent",
        "status": "needs_response",
        "_customer": charge["customer"],
    }
    charge["disputed"] = True
    account.put(dispute)
    account.put(charge)
    account.emit("charge.dispute.created", dispute)
    account.emit("charge.dispute.funds_withdrawn", dispute)
    return dispute


def answer(
    account: Account, dispute: Document, evidence: dict[str, str], *, submit: bool
) -> Document:
    """Keep evidence; once it is handed in, the word in it decides."""
    _require_open(dispute)
    before = account.snapshot(dispute)
    dispute["evidence"].update(evidence)
    details = dispute["evidence_details"]
    details["has_evidence"] = len(dispute["evidence"]) > 1
    decision = None
    if submit:
        details["submission_count"] += 1
        details["submission_method"] = "manual"
        dispute["status"] = "under_review"
        decision = DECISIONS.get(dispute["evidence"].get("uncategorized_text", ""))
    account.put(dispute)
    account.emit_update("charge.dispute.updated", dispute, before)
    return decide(account, dispute, decision) if decision else dispute


def decide(account: Account, dispute: Document, status: str) -> Document:
    """Close a dispute as ``won`` or ``lost``."""
    _require_open(dispute)
    dispute["status"] = status
    account.put(dispute)
    if status == "won":
        account.emit("charge.dispute.funds_reinstated", dispute)
    account.emit("charge.dispute.closed", dispute)
    return dispute


def _require_open(dispute: Document) -> None:
    if dispute["status"] in CLOSED:
        raise ApiError("This dispute is already closed.", code="dispute_already_closed")

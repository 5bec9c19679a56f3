"""What becomes of questions about plans when their writer's account is erased."""

from billing.plans.models import Inquiry
from contracts.accounts import AccountErased
from outbox import subscribe


@subscribe(AccountErased)
def clear_inquiries(fact: AccountErased) -> None:
    """Keep that there was a question, not who asked it or what it said."""
    Inquiry.objects.filter(user_id=fact.user_id).update(
        name="", email="", company="", message=""
    )

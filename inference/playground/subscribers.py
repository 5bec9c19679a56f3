"""What becomes of chats when a person's account is erased."""

from contracts.accounts import AccountErased
from inference.playground.models import Chat
from outbox import subscribe


@subscribe(AccountErased)
def remove_chats(fact: AccountErased) -> None:
    """Delete a person's chats, shared ones too; what others made of them is theirs."""
    Chat.objects.filter(owner_id=fact.user_id).delete()

"""What happens to keys when a person leaves an organisation, or altogether."""

from accounts.models import User
from contracts.accounts import AccountClosed, MemberRemoved
from inference.keys import services
from outbox import subscribe


@subscribe(MemberRemoved)
def close_playground(fact: MemberRemoved) -> None:
    services.revoke_playground_keys(fact.organisation_id, user_id=fact.user_id)


@subscribe(AccountClosed)
def end_keys(fact: AccountClosed) -> None:
    """End the keys of organisations that are theirs alone; a team's are the team's."""
    user = User.objects.get(pk=fact.user_id)
    services.revoke_keys_of(user)

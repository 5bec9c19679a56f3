"""What happens to keys when a member leaves an organisation."""

from contracts.accounts import MemberRemoved
from inference.keys import services
from outbox import subscribe


@subscribe(MemberRemoved)
def close_playground(fact: MemberRemoved) -> None:
    services.revoke_playground_keys(fact.organisation_id, user_id=fact.user_id)

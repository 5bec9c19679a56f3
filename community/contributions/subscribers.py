from community.contributions import services
from contracts.accounts import IdentityLinked
from outbox import subscribe


@subscribe(IdentityLinked)
def credit_earlier_work(fact: IdentityLinked) -> None:
    """Credit what a user did before we knew who they are."""
    services.credit_waiting(
        provider=fact.provider, external_id=fact.external_id, user_id=fact.user_id
    )

from community.contributions import services
from community.contributions.models import Contribution
from contracts.accounts import AccountErased, IdentityLinked
from outbox import subscribe


@subscribe(IdentityLinked)
def credit_earlier_work(fact: IdentityLinked) -> None:
    """Credit what a user did before we knew who they are."""
    services.credit_waiting(
        provider=fact.provider, external_id=fact.external_id, user_id=fact.user_id
    )


@subscribe(AccountErased)
def clear_names(fact: AccountErased) -> None:
    """Keep what was merged and credited, not who they are at GitHub."""
    Contribution.objects.filter(user_id=fact.user_id).update(
        external_id="", external_login=""
    )

"""What attribution does when others report."""

from billing.attribution import services
from contracts.billing import PersonForgotten
from outbox import subscribe


@subscribe(PersonForgotten)
def erase_touches(fact: PersonForgotten) -> None:
    services.erase_touches(fact.user_id)

"""Asked first by every service of the community that a person acts through."""

from accounts.models import User
from community.standing.exceptions import Sanctioned
from community.standing.models import Sanction
from community.standing.queries import sanction_on


def require_may_write(person: User) -> None:
    """Refuse who is silenced or suspended. Raises ``Sanctioned``."""
    sanction = sanction_on(person)
    if sanction is not None:
        raise Sanctioned(sanction)


def require_may_take_part(person: User) -> None:
    """Refuse who is suspended: votes, reactions and marks. Raises ``Sanctioned``."""
    sanction = sanction_on(person)
    if sanction is not None and sanction.kind == Sanction.Kind.SUSPENSION:
        raise Sanctioned(sanction)

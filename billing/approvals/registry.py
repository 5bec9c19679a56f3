"""Who does what was approved: apps above this one register it by kind."""

from collections.abc import Callable

from accounts.models import User
from billing.approvals.models import Approval

# Gets the request, which is approved, and who approved it, in the same transaction.
Act = Callable[[Approval, User], None]

_acts: dict[str, Act] = {}


def carries_out(kind: Approval.Kind) -> Callable[[Act], Act]:
    """Call the decorated function when a request of ``kind`` is approved.

    It changes rows alone: what leaves the process is enqueued there.
    """

    def register(act: Act) -> Act:
        _acts[kind] = act
        return act

    return register


def act_for(kind: str) -> Act:
    """Return what is done about ``kind``."""
    return _acts[kind]

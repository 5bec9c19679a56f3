"""What staff do to a deployment by hand: have it left alone, or tried again.

Each has its reason in the audit log.
"""

from django.db import transaction

from accounts.models import User
from audit import services as audit
from inference.catalog import services as catalog
from inference.catalog.models import Deployment, DeploymentPause
from inference.operating.exceptions import AlreadyPaused
from inference.routing.lookout import CHANNEL
from inference.routing.notes import announce_closed


@transaction.atomic
def pause_deployment(place: Deployment, *, reason: str, by: User) -> None:
    """Have a deployment left alone until it is resumed. Raises ``AlreadyPaused``."""
    _row, is_new = DeploymentPause.objects.get_or_create(
        deployment=place, defaults={"reason": reason, "paused_by": by}
    )
    if not is_new:
        raise AlreadyPaused
    audit.record(
        "deployment.paused",
        actor=by,
        target=place.model.slug,
        after={"deployment": place.pk, "reason": reason},
    )
    transaction.on_commit(catalog.announce)


@transaction.atomic
def resume_deployment(place: Deployment, *, by: User) -> bool:
    """Have a deployment called again; tell whether it was paused."""
    paused = DeploymentPause.objects.select_for_update().filter(pk=place.pk).first()
    if paused is None:
        return False
    paused.delete()
    audit.record(
        "deployment.resumed",
        actor=by,
        target=place.model.slug,
        before={"deployment": place.pk, "reason": paused.reason},
    )
    transaction.on_commit(catalog.announce)
    return True


def reset_circuit(place: Deployment, *, reason: str, by: User) -> None:
    """Have every gateway call a deployment again, as if nothing had been seen.

    What is still wrong opens the circuit anew. Raises ``Unavailable``; then nothing
    is recorded.
    """
    announce_closed(place.pk, channel=CHANNEL)
    audit.record(
        "circuit.closed",
        actor=by,
        target=place.model.slug,
        after={"deployment": place.pk, "reason": reason},
    )

"""Taking GitHub's word for merged work, and giving credit for it once."""

import hashlib
import hmac
import json
import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import Identity, User
from community.contributions.exceptions import BadPayload, BadSignature
from community.contributions.models import Contribution, Delivery
from community.reputation import services as reputation
from contracts.community import ContributionCredited
from core.nudging import nudge_after_commit
from notifications.models import Kind
from notifications.services import notify
from outbox import publish

logger = logging.getLogger(__name__)
GITHUB = "github"
REASON = "contribution_merged"
MAX_ATTEMPTS = 8


def verify(body: bytes, signature: str) -> None:
    """Check GitHub's signature over the body as it came.

    Any of ``GITHUB_WEBHOOK_SECRETS`` will do, so that a secret can be replaced
    without losing a delivery. Raises ``BadSignature``.
    """
    secrets: Sequence[str] = settings.GITHUB_WEBHOOK_SECRETS
    for secret in secrets:
        digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        if hmac.compare_digest(f"sha256={digest}".encode(), signature.encode()):
            return
    raise BadSignature


@transaction.atomic
def receive_delivery(guid: str, *, event: str, body: bytes) -> bool:
    """Store a verified delivery once, however often it comes; tell whether it is new.

    Raises ``BadPayload``.
    """
    try:
        payload = json.loads(body)
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BadPayload from error
    if not isinstance(payload, dict) or not guid:
        raise BadPayload
    delivery, is_new = Delivery.objects.get_or_create(
        guid=guid,
        defaults={
            "event": event[:60],
            "action": str(payload.get("action", ""))[:60],
            "payload": payload,
        },
    )
    if not is_new:
        Delivery.objects.filter(pk=guid).update(deliveries=F("deliveries") + 1)
        return False
    nudge_after_commit("community.contributions.tasks.process_delivery", delivery.pk)
    return True


def process_delivery(guid: str) -> bool:
    """Act on a stored delivery; tell whether this call did it."""
    try:
        with transaction.atomic():
            delivery = (
                Delivery.objects.select_for_update(skip_locked=True)
                .filter(pk=guid, state=Delivery.State.NEW)
                .first()
            )
            if delivery is None:
                return False
            delivery.state = _act_on(delivery)
            delivery.processed_at = timezone.now()
            delivery.attempts += 1
            delivery.save(update_fields=["state", "processed_at", "attempts"])
            return True
    except Exception as error:
        logger.exception("contributions.delivery_failed", extra={"guid": guid})
        _note_failure(guid, error)
        return False


def process_waiting(*, limit: int = 100) -> int:
    """Act on deliveries that a crash or a lost nudge left behind."""
    waiting = Delivery.objects.filter(state=Delivery.State.NEW).order_by("received_at")
    return sum(
        process_delivery(pk)
        for pk in list(waiting.values_list("pk", flat=True)[:limit])
    )


@transaction.atomic
def replay_delivery(delivery: Delivery) -> None:
    """Have a failed delivery acted on again."""
    replayed = Delivery.objects.filter(
        pk=delivery.pk, state=Delivery.State.FAILED
    ).update(state=Delivery.State.NEW, attempts=0, last_error="")
    if replayed:
        nudge_after_commit(
            "community.contributions.tasks.process_delivery", delivery.pk
        )


@transaction.atomic
def record_pull_request(payload: dict[str, Any]) -> Contribution:
    """Record a merged pull request once and credit its author if we know them."""
    pull, repository = payload["pull_request"], payload["repository"]
    author = pull["user"]
    contribution, _ = Contribution.objects.get_or_create(
        dedupe_key=f"gh:pr:{repository['id']}:{pull['number']}",
        defaults={
            "kind": Contribution.Kind.PULL_REQUEST,
            "provider": GITHUB,
            "external_id": str(author["id"]),
            "external_login": author["login"][:120],
            "repository": repository["full_name"][:200],
            "number": pull["number"],
            "title": pull["title"][:300],
            "url": pull["html_url"][:500],
            "happened_at": datetime.fromisoformat(pull["merged_at"]),
        },
    )
    identity = (
        # Who left is credited with nothing new; the work waits, should they return.
        Identity.objects.filter(
            provider=GITHUB, external_id=str(author["id"]), user__is_active=True
        )
        .select_related("user")
        .first()
    )
    if identity is not None:
        credit(contribution, user=identity.user)
    return contribution


@transaction.atomic
def credit(contribution: Contribution, *, user: User) -> bool:
    """Give ``user`` the points of a contribution, once; tell whether it was now."""
    locked = Contribution.objects.select_for_update().get(pk=contribution.pk)
    if locked.status != Contribution.Status.PENDING:
        return False
    entry = reputation.award(
        user.pk,
        REASON,
        source_kind="contribution",
        source_id=locked.pk,
        idem_key=locked.dedupe_key,
    )
    locked.user = user
    locked.status = Contribution.Status.CONFIRMED
    locked.credited_at = timezone.now()
    locked.points = entry.delta if entry else 0
    locked.save(update_fields=["user", "status", "credited_at", "points"])
    publish(
        ContributionCredited(
            contribution_id=locked.pk,
            user_id=user.pk,
            kind=locked.kind,
            points=locked.points,
        )
    )
    notify(
        user.pk,
        Kind.CONTRIBUTION,
        dedupe_key=f"contribution:{locked.pk}",
        url="/contributions/",
        title=f"{locked.repository}#{locked.number}: +{locked.points}",
        body=locked.title,
    )
    return True


def credit_waiting(*, provider: str, external_id: str, user_id: int) -> int:
    """Credit what somebody did before they linked their account."""
    user = User.objects.get(pk=user_id)
    waiting = Contribution.objects.filter(
        provider=provider, external_id=external_id, status=Contribution.Status.PENDING
    )
    return sum(
        credit(contribution, user=user) for contribution in waiting.order_by("pk")
    )


def _act_on(delivery: Delivery) -> str:
    payload = delivery.payload
    pull = payload.get("pull_request")
    is_merge = (
        delivery.event == "pull_request"
        and payload.get("action") == "closed"
        and isinstance(pull, dict)
        and pull.get("merged") is True
    )
    if not is_merge:
        return Delivery.State.IGNORED
    record_pull_request(payload)
    return Delivery.State.DONE


def _note_failure(guid: str, error: Exception) -> None:
    attempts = F("attempts") + 1
    Delivery.objects.filter(pk=guid).update(
        attempts=attempts, last_error=f"{type(error).__name__}: {error}"[:2000]
    )
    Delivery.objects.filter(pk=guid, attempts__gte=MAX_ATTEMPTS).update(
        state=Delivery.State.FAILED
    )

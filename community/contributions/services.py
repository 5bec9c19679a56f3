"""Taking GitHub's word for merged work, and giving credit for it once."""

import hashlib
import hmac
import json
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError

from accounts.models import Identity, User
from community.contributions.exceptions import BadPayload, BadSignature
from community.contributions.github import Author, Merge, is_merge, read_merge
from community.contributions.models import Contribution, Delivery
from community.reputation import services as reputation
from contracts.community import ContributionCredited, ContributionReverted
from core import documents
from jobs.exceptions import Hopeless, Ignored
from jobs.services import enqueue, record_ignored
from notifications.models import Kind
from notifications.services import notify
from outbox import publish

GITHUB = "github"
REASON = "contribution_merged"
# A GUID at GitHub; here it also stands in addresses.
_GUID = re.compile(r"[A-Za-z0-9-]{1,80}")
# The name of the queue's jobs that give credit for what a delivery tells.
CONTRIBUTION = "contribution"
NO_MERGE = "It tells of no merge."
_LOCK = 0x636F6E74  # "cont": a number no other advisory lock has.


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
    if not _GUID.fullmatch(guid):
        raise BadPayload(_("The header X-GitHub-Delivery is missing or not a name."))
    payload = _payload_of(body)
    action = payload.get("action")
    is_wanted = is_merge(event, payload)
    delivery, is_new = Delivery.objects.get_or_create(
        guid=guid,
        defaults={
            "event": event[:60],
            "action": action[:60] if isinstance(action, str) else "",
            # Stars, pushes and check runs are no business of ours, so none is kept.
            "payload": payload if is_wanted else {},
        },
    )
    if not is_new:
        Delivery.objects.filter(pk=guid).update(deliveries=F("deliveries") + 1)
        return False
    if is_wanted:
        enqueue(CONTRIBUTION, delivery.pk)
    else:
        record_ignored(CONTRIBUTION, delivery.pk, NO_MERGE)
    return True


@transaction.atomic
def record_merge(merge: Merge, *, at: datetime) -> Contribution:
    """Record merged work once and credit its author if we know them.

    What reverts earlier work earns nothing and takes the credit of that back, in
    whatever order the two are heard of. ``at`` is when we heard of it, for deliveries
    that do not say when it was.
    """
    # Of a merge and its revert, heard of at once, the second has to see the first.
    _lock_repository(merge.repository_id)
    author = merge.author or Author(id="", login="")
    contribution, _is_new = Contribution.objects.get_or_create(
        dedupe_key=merge.key,
        defaults={
            "kind": Contribution.Kind.PULL_REQUEST,
            "provider": GITHUB,
            "external_id": author.id,
            "external_login": author.login,
            "reverts": merge.reverted_key,
            "status": (
                Contribution.Status.VOID
                if merge.reverts
                else Contribution.Status.PENDING
            ),
            "repository": merge.repository,
            "number": merge.number,
            "title": merge.title,
            "url": merge.url,
            "happened_at": merge.happened_at or at,
        },
    )
    _settle(contribution)
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
        idem_key=_award_key(locked),
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
    """Credit what a user did before they linked their account."""
    user = User.objects.get(pk=user_id)
    waiting = Contribution.objects.filter(
        provider=provider, external_id=external_id, status=Contribution.Status.PENDING
    )
    return sum(
        credit(contribution, user=user) for contribution in waiting.order_by("pk")
    )


def act_on(delivery: Delivery) -> None:
    """Record the merge a delivery tells of, in one transaction with its job's end.

    Raises ``Ignored`` when nothing follows from it, and ``Hopeless`` when it cannot be
    read: it will be no better tomorrow.
    """
    if not is_merge(delivery.event, delivery.payload):
        raise Ignored(NO_MERGE)
    try:
        merge = read_merge(delivery.payload)
    except ValidationError as error:
        raise Hopeless(json.dumps(error.detail)) from None
    # A revert counts of a program, too: it takes back what was credited.
    if merge.author is None and not merge.reverts:
        raise Ignored("The account of its author is gone.")
    if merge.author and merge.author.is_bot and not merge.reverts:
        raise Ignored(f"Its author is a program: {merge.author.login}.")
    record_merge(merge, at=delivery.received_at)


def _lock_repository(repository_id: int) -> None:
    """Let one merge of a repository be recorded at a time, until the commit."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(%s, hashtext(%s))",
            [_LOCK, f"{GITHUB}:{repository_id}"],
        )


def _settle(contribution: Contribution) -> None:
    """Let a contribution count, or not, as its reverts say; then what it reverts."""
    locked = Contribution.objects.select_for_update().get(pk=contribution.pk)
    if locked.reverts or _is_reverted(locked):
        _take_back(locked)
    else:
        if locked.status == Contribution.Status.VOID:
            locked.status = Contribution.Status.PENDING
            locked.save(update_fields=["status"])
        _credit_known_author(locked)
    if locked.reverts:
        for earlier in Contribution.objects.filter(dedupe_key=locked.reverts):
            _settle(earlier)


def _is_reverted(contribution: Contribution) -> bool:
    """Tell whether it was taken back by something that was not taken back itself."""
    later = Contribution.objects.filter(reverts=contribution.dedupe_key)
    return any(not _is_reverted(revert) for revert in later)


def _credit_known_author(contribution: Contribution) -> None:
    """Credit the person whose account it is; who left is credited with nothing new.

    Their work waits, should they return.
    """
    known = Identity.objects.filter(
        provider=GITHUB, external_id=contribution.external_id, user__is_active=True
    )
    identity = known.select_related("user").first()
    if identity is not None:
        credit(contribution, user=identity.user)


def _take_back(locked: Contribution) -> None:
    """Make a contribution void; points that were given for it go."""
    was, points = locked.status, locked.points
    locked.status, locked.points = Contribution.Status.VOID, 0
    if was == Contribution.Status.CONFIRMED:
        reputation.reverse(_award_key(locked))
        locked.times_reverted += 1
    locked.save(update_fields=["status", "points", "times_reverted"])
    if was != Contribution.Status.CONFIRMED or locked.user_id is None:
        return
    publish(
        ContributionReverted(
            contribution_id=locked.pk,
            user_id=locked.user_id,
            kind=locked.kind,
            points=points,
        )
    )
    notify(
        locked.user_id,
        Kind.CONTRIBUTION,
        dedupe_key=f"contribution:{locked.pk}:reverted",
        url="/contributions/",
        title=f"{locked.repository}#{locked.number}: −{points}",
        body=lambda: _("It was reverted: %(title)s") % {"title": locked.title},
    )


def _award_key(contribution: Contribution) -> str:
    """Return the key of the award that stands or comes next; each revert ends one."""
    key, round_ = contribution.dedupe_key, contribution.times_reverted
    return f"{key}:{round_}" if round_ else key


def _payload_of(body: bytes) -> dict[str, Any]:
    try:
        payload = documents.read(body)
    except documents.BadDocument as error:
        raise BadPayload(str(error)) from error
    if not isinstance(payload, dict):
        raise BadPayload
    if documents.has_nul(body):
        raise BadPayload(_("The body holds a NUL, which nothing can keep."))
    return payload

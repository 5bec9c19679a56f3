"""Telling staff what waits for a second person, and the first one what came of it."""

from django.urls import reverse
from django.utils.translation import gettext

from accounts.models import User
from billing.approvals.models import Approval
from core.money import format_minor
from notifications.fan_out import notify_all
from notifications.models import Kind


def notify_staff(approval: Approval) -> None:
    """Say to everybody who may decide that something waits."""
    may_decide = User.objects.filter(is_staff=True, is_active=True).exclude(
        memberships__organisation=approval.organisation_id
    )
    notify_all(
        may_decide,
        Kind.BILLING,
        dedupe_key=f"approval-{approval.pk}",
        url=reverse("approvals:detail", args=[approval.pk]),
        title=lambda: (
            gettext("Approve or reject: %(what)s") % {"what": _what(approval)}
        ),
        body=lambda: (
            gettext("%(name)s asks: %(reason)s")
            % {"name": _asker(approval), "reason": approval.reason}
        ),
        actor_id=approval.asked_by_id,
    )


def notify_asker(approval: Approval) -> None:
    """Say to who asked what came of it."""
    if approval.asked_by_id is None:
        return
    notify_all(
        User.objects.filter(pk=approval.asked_by_id),
        Kind.BILLING,
        dedupe_key=f"approval-{approval.pk}-{approval.state}",
        url=reverse("approvals:detail", args=[approval.pk]),
        title=lambda: f"{_what(approval)}: {approval.get_state_display()}",
        body=approval.answer,
        actor_id=approval.decided_by_id,
    )


def _what(approval: Approval) -> str:
    amount = format_minor(approval.amount, approval.currency)
    kind = approval.get_kind_display()
    return f"{kind} · {amount} · {approval.organisation.name}"


def _asker(approval: Approval) -> str:
    return approval.asked_by.name if approval.asked_by else "–"

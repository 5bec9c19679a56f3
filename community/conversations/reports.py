"""What a decision on a reported message does: it is taken away, or put back."""

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from community.conversations.models import PrivateMessage
from community.moderation.deciding import Consequence, register
from community.moderation.models import Case
from community.moderation.reports import notify_reporters
from notifications.models import Kind
from notifications.services import notify


def _lock(case: Case) -> None:
    """Lock the message before its case, as where it is reported."""
    rows = PrivateMessage.objects.select_for_update(of=("self",))
    rows.filter(pk=case.message or 0).first()


def _apply(case: Case, by: User) -> bool:
    """Take the message away where the report was right; what is gone stays so."""
    if case.outcome != Case.Outcome.AGREED:
        return False
    there = PrivateMessage.objects.filter(pk=case.message or 0, removed_at=None)
    return bool(
        there.update(source_md="", html="", plain="", removed_at=timezone.now())
    )


def _take_back(case: Case, by: User) -> None:
    """Put the message back as the case holds it."""
    message = PrivateMessage.objects.filter(pk=case.message or 0).first()
    if message is None:
        return
    message.source_md, message.removed_at = case.text, None
    rendered = message.rendered()
    message.html, message.plain = rendered.html, rendered.plain
    message.render_version = rendered.version
    message.save()


def _notify(case: Case, by: User) -> None:
    """Tell those who reported it what became of it, and its author what is gone."""
    notify_reporters(case, by, url="/messages/")
    if case.outcome == Case.Outcome.AGREED and case.did_change:
        notify(
            case.subject_id,
            Kind.MODERATION,
            dedupe_key=f"message:{case.pk}",
            url="/settings/standing/",
            title=lambda: _("A message of yours was taken away by a moderator"),
            body=case.note,
            actor_id=by.pk,
        )


register(Case.Kind.MESSAGE, Consequence(_lock, _apply, _take_back, _notify))

"""Reporting a text."""

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from community.forum.models import Comment, Post
from community.forum.services.locking import lock_post
from community.moderation import weighing
from community.moderation.exceptions import CannotFlag
from community.moderation.models import Case, Flag
from community.moderation.reports import address_of, set_hidden
from community.standing.guards import require_may_write
from community.standing.queries import privileges_of
from notifications.models import Kind
from notifications.services import notify
from stores import limiter


@transaction.atomic
def raise_post_flag(
    post: Post, *, by: User, reason: str, note: str = "", limited: bool = True
) -> Flag:
    """Report a post. Reports of one post are one case until that is decided.

    The post's row is locked, so that reports that come at once are weighed together.
    The same person's again changes nothing. Raises ``Sanctioned``, ``CannotFlag`` or
    ``RateLimited``.
    """
    _require_may_flag(by, post.author_id, limited=limited)
    _topic, locked = lock_post(post)
    if locked.hidden_at and not Case.objects.filter(post=locked, outcome="").exists():
        raise CannotFlag
    case, _is_new = Case.objects.get_or_create(
        post=locked,
        outcome="",
        defaults={"kind": Case.Kind.REPORT, "subject": locked.author},
    )
    return _flag(case, by=by, reason=reason, note=note)


@transaction.atomic
def raise_comment_flag(
    comment: Comment, *, by: User, reason: str, note: str = "", limited: bool = True
) -> Flag:
    """Report a comment, as ``raise_post_flag`` does a post."""
    _require_may_flag(by, comment.author_id, limited=limited)
    lock_post(comment.post)
    locked = Comment.objects.select_related("author").get(pk=comment.pk)
    is_open = Case.objects.filter(comment=locked, outcome="").exists()
    if locked.hidden_at and not is_open:
        raise CannotFlag
    case, _is_new = Case.objects.get_or_create(
        comment=locked,
        outcome="",
        defaults={"kind": Case.Kind.REPORT, "subject": locked.author},
    )
    return _flag(case, by=by, reason=reason, note=note)


@transaction.atomic
def raise_message_flag(
    message_id: int,
    *,
    author: User,
    text: str,
    by: User,
    reason: str,
    note: str = "",
    limited: bool = True,
) -> Flag:
    """Report a private message with its ``text``, as ``raise_post_flag`` does a post.

    Its caller holds the message's row. Reports alone hide no message: few people got
    it. Raises ``Sanctioned``, ``CannotFlag`` or ``RateLimited``.
    """
    _require_may_flag(by, author.pk, limited=limited)
    case, _is_new = Case.objects.get_or_create(
        message=message_id,
        outcome="",
        defaults={"kind": Case.Kind.MESSAGE, "subject": author, "text": text},
    )
    return _flag(case, by=by, reason=reason, note=note)


def _require_may_flag(by: User, author_id: int, *, limited: bool) -> None:
    require_may_write(by)
    if author_id == by.pk:
        raise CannotFlag
    if limited:
        most = privileges_of(by).flags_a_day
        limiter.check("flag", by.pk, limit=most, period=86_400)


def _flag(case: Case, *, by: User, reason: str, note: str) -> Flag:
    # Decided and opened meanwhile it is counted anew under its own lock.
    case = Case.objects.select_for_update(of=("self",)).get(pk=case.pk)
    flag, is_new = Flag.objects.get_or_create(
        case=case,
        person=by,
        defaults={
            "reason": reason,
            "note": note,
            "weight": weighing.weight_of(by),
            "is_proven": weighing.is_proven(by),
        },
    )
    if not is_new:
        return flag
    case.score = case.flags.aggregate(sum=Sum("weight"))["sum"] or 0
    is_public = case.kind == Case.Kind.REPORT
    if (
        is_public
        and case.hidden_at is None
        and weighing.hides(case, author=case.subject)
    ):
        _hide(case)
    case.save(update_fields=["score", "hidden_at"])
    return flag


def _hide(case: Case) -> None:
    """Take the text out of sight until a moderator has looked; tell its author."""
    if not set_hidden(case, True, by=None):
        return
    case.hidden_at = timezone.now()
    notify(
        case.subject_id,
        Kind.MODERATION,
        dedupe_key=f"reported:{case.pk}",
        url=address_of(case),
        title=lambda: _("A text of yours is hidden until a moderator has looked"),
        body=lambda: _("Several people reported it; a moderator will look at it."),
    )

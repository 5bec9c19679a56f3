"""What a decision on a reported text does: it is hidden, or shown again."""

from django.utils.translation import gettext as _

from accounts.models import User
from community.forum import services as forum
from community.forum.models import Comment, Post
from community.forum.services.locking import lock_post
from community.moderation.deciding import Consequence, register
from community.moderation.models import Case, Flag
from notifications.fan_out import notify_all
from notifications.models import Kind
from notifications.services import notify


def lock_text(case: Case) -> None:
    """Lock the topic and the post of a case, in the forum's order."""
    post = case.post or Post.objects.get(comments=case.comment)
    lock_post(post)


def is_hidden(case: Case) -> bool:
    """Tell whether the reported text is out of sight now."""
    if case.post_id:
        return Post.objects.filter(pk=case.post_id, hidden_at__isnull=False).exists()
    hidden = Comment.objects.filter(hidden_at__isnull=False)
    return case.comment_id is not None and hidden.filter(pk=case.comment_id).exists()


def set_hidden(case: Case, hidden: bool, *, by: User | None, reason: str = "") -> bool:
    """Take the text out of sight or bring it back; return whether that changed it."""
    if is_hidden(case) == hidden:
        return False
    if case.post is not None and hidden:
        forum.hide_post(case.post, by=by, reason=reason)
    elif case.post is not None and by is not None:
        forum.restore_post(case.post, by=by)
    elif case.comment is not None and hidden:
        forum.hide_comment(case.comment, by=by, reason=reason)
    elif case.comment is not None and by is not None:
        forum.restore_comment(case.comment, by=by)
    # An accepted answer stays when nobody but reports asks for it.
    return is_hidden(case) == hidden


def address_of(case: Case) -> str:
    """Return where the reported text is read."""
    if case.post is not None:
        return case.post.get_absolute_url()
    return case.comment.get_absolute_url() if case.comment else ""


def _apply(case: Case, by: User) -> bool:
    if case.outcome == Case.Outcome.AGREED:
        return set_hidden(case, True, by=by, reason=case.note)
    # What reports alone hid comes back; what a moderator hid otherwise stays.
    return case.hidden_at is not None and set_hidden(case, False, by=by)


def _take_back(case: Case, by: User) -> None:
    was_agreed = case.outcome == Case.Outcome.AGREED
    set_hidden(case, not was_agreed, by=by)


def notify_reporters(case: Case, by: User, *, url: str) -> None:
    """Tell those who reported a text what became of it."""
    flags = Flag.objects.filter(case=case)
    notify_all(
        User.objects.filter(pk__in=flags.values("person_id")),
        Kind.REPORT,
        dedupe_key=f"report:{case.pk}",
        url=url,
        title=lambda: (
            _("Your report was looked at: %(outcome)s")
            % {"outcome": case.get_outcome_display()}
        ),
        actor_id=by.pk,
    )


def _notify(case: Case, by: User) -> None:
    """Tell those who reported what became of it, and the author what was hidden."""
    notify_reporters(case, by, url="/forum/")
    if case.outcome == Case.Outcome.AGREED and case.did_change:
        notify(
            case.subject_id,
            Kind.MODERATION,
            dedupe_key=f"hidden:{case.pk}",
            url=address_of(case),
            title=lambda: _("A text of yours was hidden by a moderator"),
            body=case.note,
            actor_id=by.pk,
        )


register(Case.Kind.REPORT, Consequence(lock_text, _apply, _take_back, _notify))

"""Keeping posts, and reminding people of them once."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from community.forum.exceptions import ReminderInThePast, TooManyBookmarks
from community.forum.models import Bookmark, Post
from community.forum.wording import reminded_of
from notifications.models import Kind
from notifications.services import notify

# A page of them is read in one go, and a person who keeps more keeps nothing.
MOST = 2000
# Reminders of one transaction; each is one statement.
BATCH = 100


@transaction.atomic
def set_bookmark(
    post: Post, *, user: User, note: str = "", remind_at: datetime | None = None
) -> Bookmark:
    """Keep a post, with this note and this reminder instead of any there were.

    A time other than before is reminded of, even if an earlier one was. Raises
    ``ReminderInThePast`` or ``TooManyBookmarks``.
    """
    kept = Bookmark.objects.select_for_update().filter(user=user, post=post).first()
    is_new_time = kept is None or kept.remind_at != remind_at
    if remind_at is not None and is_new_time and remind_at <= timezone.now():
        raise ReminderInThePast
    if kept is None:
        if Bookmark.objects.filter(user=user).count() >= MOST:
            raise TooManyBookmarks
        kept, is_new = Bookmark.objects.get_or_create(
            user=user, post=post, defaults={"note": note, "remind_at": remind_at}
        )
        if is_new:
            return kept
    kept.note, kept.remind_at = note, remind_at
    if is_new_time:
        kept.reminded_at = None
    kept.save(update_fields=["note", "remind_at", "reminded_at"])
    return kept


def remove_bookmark(post: Post, *, user: User) -> None:
    """Keep a post no longer; a reminder that has not come does not come."""
    Bookmark.objects.filter(user=user, post=post).delete()


def notify_of_reminders() -> int:
    """Deliver the reminders that are due; return how many bookmarks those were.

    A bookmark and its message are written together, and what another process is at is
    passed by: however many run at once, each reminder comes once.
    """
    done = 0
    while count := _remind():
        done += count
    return done


@transaction.atomic
def _remind() -> int:
    due = Bookmark.objects.filter(remind_at__lte=timezone.now(), reminded_at=None)
    locked = due.select_for_update(skip_locked=True, of=("self",))
    bookmarks = list(
        locked.select_related("post__topic", "user").order_by("remind_at", "pk")[:BATCH]
    )
    Bookmark.objects.filter(pk__in=[each.pk for each in bookmarks]).update(
        reminded_at=timezone.now()
    )
    for bookmark in bookmarks:
        if Post.objects.visible_to(bookmark.user).filter(pk=bookmark.post_id).exists():
            _notify(bookmark)
    return len(bookmarks)


def _notify(bookmark: Bookmark) -> None:
    notify(
        bookmark.user_id,
        Kind.REMINDER,
        # A reminder set anew is another message.
        dedupe_key=f"reminder:{bookmark.pk}:{bookmark.remind_at:%Y%m%dT%H%M}",
        url=bookmark.post.get_absolute_url(),
        title=reminded_of(bookmark.post.topic),
        body=bookmark.note,
        about=("post", bookmark.post_id),
    )

"""Comments: written under a post, taken out of sight, brought back."""

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import User
from audit import services as audit
from community.forum.cleaning import clean_text
from community.forum.exceptions import (
    CategoryClosed,
    PostHidden,
    TokenReused,
    TooLateToEdit,
    TopicLocked,
)
from community.forum.indexing import index_under
from community.forum.models import Comment, Post
from community.forum.permissions import can_edit_comment, can_reply
from community.forum.services.limits import added_mentions, admit_reply, admit_text
from community.forum.services.locking import lock_post
from community.forum.services.sending import Sent
from community.standing.guards import require_may_take_part, require_may_write
from contracts.community import CommentPosted, MentionsAdded
from outbox import publish


def post_comment(
    post: Post,
    *,
    author: User,
    text: str,
    client_token: str = "",
    limited: bool = True,
) -> Comment:
    """Write a comment under a post.

    Topic and post are locked while the comment takes its number. The same
    ``client_token`` gives the same comment. Its topic stays where it is in every list.
    Raises ``Sanctioned``, ``TopicLocked``, ``PostHidden``, ``TokenReused``,
    ``RateLimited``, or as ``limits.admit_text``.
    """
    require_may_write(author)
    sent = Sent.of(client_token, "comment", post.pk, text)
    present = _sent_before(author, sent)
    if present is not None:
        return present
    if limited:
        # As many as replies: a comment is read by as many.
        admit_reply(author, text, kind="comment")
    try:
        return _post_comment(post, author=author, text=text, sent=sent)
    except IntegrityError:
        # The other click of a double click was faster.
        present = _sent_before(author, sent)
        if present is None:
            raise
        return present


@transaction.atomic
def edit_comment(comment: Comment, *, editor: User, text: str) -> Comment:
    """Change what a comment says, while it is fresh.

    No history is kept of it: who answers a comment has to be able to rely on it.
    Raises ``Sanctioned``, ``TooLateToEdit``, or as ``limits.admit_text``.
    """
    require_may_write(editor)
    post = _locked_post(comment.post)
    locked = _locked(comment)
    if not can_edit_comment(editor, locked):
        raise TooLateToEdit
    text = clean_text(text)
    if text == locked.source_md:
        return locked
    admit_text(editor, text, before=locked.source_md)
    called = added_mentions(locked.source_md, text)
    _render(locked, text)
    locked.edited_at = timezone.now()
    locked.save(
        update_fields=["source_md", "html", "plain", "render_version", "edited_at"]
    )
    index_under(post)
    if called:
        publish(
            MentionsAdded(
                post_id=locked.post_id,
                comment_id=locked.pk,
                author_id=locked.author_id,
                names=called,
            )
        )
    return locked


@transaction.atomic
def hide_comment(comment: Comment, *, by: User | None, reason: str = "") -> Comment:
    """Take a comment out of sight. What the bell says of it goes with it.

    Reports alone hide it by nobody. Raises ``Sanctioned``.
    """
    if by is not None:
        require_may_take_part(by)
    post = _locked_post(comment.post)
    locked = _locked(comment)
    if locked.hidden_at:
        return locked
    locked.hidden_at, locked.hidden_by = timezone.now(), by
    locked.hidden_reason = reason
    locked.save(update_fields=["hidden_at", "hidden_by", "hidden_reason"])
    _count(locked, -1)
    index_under(post)
    audit.record(
        "comment.hidden",
        actor=by,
        target=f"comment:{locked.pk}",
        after={"reason": reason},
    )
    return locked


@transaction.atomic
def restore_comment(comment: Comment, *, by: User) -> Comment:
    """Bring a hidden comment back. Raises ``Sanctioned``."""
    require_may_write(by)
    post = _locked_post(comment.post)
    locked = _locked(comment)
    if not locked.hidden_at:
        return locked
    locked.hidden_at = locked.hidden_by = None
    locked.hidden_reason = ""
    locked.save(update_fields=["hidden_at", "hidden_by", "hidden_reason"])
    _count(locked, 1)
    index_under(post)
    audit.record("comment.restored", actor=by, target=f"comment:{locked.pk}")
    return locked


@transaction.atomic
def _post_comment(post: Post, *, author: User, text: str, sent: Sent) -> Comment:
    locked = _locked_post(post)
    if not can_reply(author, locked.topic):
        raise TopicLocked if locked.topic.is_locked else CategoryClosed
    if locked.hidden_at or locked.topic.hidden_at:
        raise PostHidden
    # One more than the last, which may be hidden: numbers are not given twice.
    last = locked.comments.order_by("-number").values_list("number", flat=True).first()
    comment = Comment(
        post=locked,
        number=(last or 0) + 1,
        author=author,
        client_token=sent.token,
        client_digest=sent.digest,
    )
    _render(comment, clean_text(text))
    comment.save(force_insert=True)
    _count(comment, 1)
    index_under(locked)
    publish(
        CommentPosted(
            comment_id=comment.pk,
            post_id=locked.pk,
            topic_id=locked.topic_id,
            author_id=author.pk,
            post_author_id=locked.author_id,
        )
    )
    return comment


def _sent_before(author: User, sent: Sent) -> Comment | None:
    """Return the comment a token stands for. Raises ``TokenReused``."""
    if not sent.token:
        return None
    comments = Comment.objects.filter(author=author, client_token=sent.token)
    comment = comments.select_related("post__topic").first()
    if comment is not None and comment.client_digest != sent.digest:
        raise TokenReused
    return comment


def _locked_post(post: Post) -> Post:
    """Return a post with its topic, both locked: both say who may find the comment."""
    topic, locked = lock_post(post)
    locked.topic = topic
    return locked


def _locked(comment: Comment) -> Comment:
    return Comment.objects.select_for_update(no_key=True).get(pk=comment.pk)


def _count(comment: Comment, change: int) -> None:
    Post.objects.filter(pk=comment.post_id).update(
        comment_count=F("comment_count") + change
    )


def _render(comment: Comment, text: str) -> None:
    comment.source_md = text
    rendered = comment.rendered()
    comment.html = rendered.html
    comment.plain = rendered.plain
    comment.render_version = rendered.version

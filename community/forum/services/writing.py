"""Opening topics, replying and editing."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import User
from audit import services as audit
from community.forum.cleaning import clean_text, clean_title
from community.forum.exceptions import (
    CategoryClosed,
    EditConflict,
    KindNotTaken,
    TokenReused,
    TopicLocked,
)
from community.forum.indexing import index_new_reply, index_reply, index_topic
from community.forum.models import (
    Category,
    Post,
    PostRevision,
    Topic,
    TopicTag,
    TopicUser,
    first_state_of,
)
from community.forum.permissions import (
    GRACE,
    can_open_topic,
    can_reply,
    kinds_open_to,
)
from community.forum.services.limits import (
    added_mentions,
    admit_reply,
    admit_text,
    admit_topic,
)
from community.forum.services.locking import lock_post
from community.forum.services.moderation import pin_end
from community.forum.services.polls import PollValues, add_poll
from community.forum.services.sending import Sent
from community.forum.tagging import (
    carry,
    count_in_tags,
    lock_tags,
    tag_names,
)
from community.standing.guards import require_may_write
from contracts.community import MentionsAdded, ReplyPosted, TopicCreated
from outbox import publish

# Who sends the same twice within ten minutes saw no answer the first time.
AGAIN = timedelta(minutes=10)
# Discourse's own; with more of them a tag says little.
MAX_TAGS = 5


def create_topic(
    category: Category,
    *,
    author: User,
    title: str,
    text: str,
    kind: str = Topic.Kind.QUESTION,
    tags: Sequence[str] = (),
    pinned_days: int = 0,
    poll: PollValues | None = None,
    client_token: str = "",
    limited: bool = True,
) -> Topic:
    """Open a topic with its first post; an announcement is on top for so many days.

    The same ``client_token`` gives the same topic, however often it is sent; so does
    the same text, sent again at once from a page that was gone back to. Raises
    ``Sanctioned``, ``CategoryClosed``, ``KindNotTaken``, ``TokenReused``,
    ``RateLimited``, or as ``limits.admit_text`` does.
    """
    require_may_write(author)
    values: list[str | int] = [category.pk, kind, title, text, *tags, pinned_days]
    values += poll.told if poll else []
    sent = Sent.of(client_token, "topic", *values)
    if not can_open_topic(author, category):
        raise CategoryClosed
    if kind not in kinds_open_to(author, category):
        raise KindNotTaken
    present = _sent_before(author, sent) or _asked_just_now(
        category, author=author, title=title, text=text
    )
    if present is not None:
        return present.topic
    if limited:
        admit_topic(author, text)
    try:
        return _create_topic(
            category,
            author=author,
            title=title,
            text=text,
            kind=kind,
            tags=tags,
            pinned_until=(
                pin_end(pinned_days) if kind == Topic.Kind.ANNOUNCEMENT else None
            ),
            poll=poll,
            sent=sent,
        )
    except IntegrityError:
        # The other click of a double click was faster.
        present = _sent_before(author, sent)
        if present is None:
            raise
        return present.topic


def post_reply(
    topic: Topic,
    *,
    author: User,
    text: str,
    client_token: str = "",
    limited: bool = True,
) -> Post:
    """Reply to a topic; on a question the reply is an answer.

    The topic row is locked while the reply takes the next number. The same
    ``client_token`` gives the same post. Raises ``Sanctioned``, ``TopicLocked``,
    ``CategoryClosed``, ``TokenReused``, ``RateLimited``, or as ``limits.admit_text``.
    """
    require_may_write(author)
    sent = Sent.of(client_token, "reply", topic.pk, text)
    present = _sent_before(author, sent)
    if present is not None:
        return present
    if limited:
        admit_reply(author, text)
    try:
        return _post_reply(topic, author=author, text=text, sent=sent)
    except IntegrityError:
        present = _sent_before(author, sent)
        if present is None:
            raise
        return present


@transaction.atomic
def edit_post(
    post: Post,
    *,
    editor: User,
    text: str | None = None,
    title: str = "",
    reason: str = "",
    base: str = "",
    tags: Sequence[str] | None = None,
) -> Post:
    """Change what a post says; its author's first five minutes leave no revision.

    ``base`` is what the editor began from, the fingerprint of the text or, of a form
    that shows more, its ``edition_of``: when the post says something else by now,
    nothing is changed. Without ``text`` that stays as it is; ``tags`` are those of a
    first post from now on. Raises ``Sanctioned``, ``EditConflict``, or as
    ``limits.admit_text``.
    """
    require_may_write(editor)
    topic, locked = lock_post(post)
    locked.topic = topic
    text = locked.source_md if text is None else clean_text(text)
    new_title = clean_title(title) if locked.is_opening and title else topic.title
    is_same = locked.source_md == text and new_title == topic.title
    is_known = not base or base in {locked.fingerprint, edition_of(locked)}
    if not is_known and not (is_same and _is_tagged(topic, tags)):
        raise EditConflict
    if locked.is_opening and tags is not None:
        set_tags(topic, tags, by=editor)
    if is_same:
        return locked

    # What a new person may not post they may not put in afterwards either.
    admit_text(editor, text, before=locked.source_md)
    is_slip = (
        editor.pk == locked.author_id and timezone.now() - locked.created_at < GRACE
    )
    if not is_slip:
        PostRevision.objects.create(
            post=locked,
            number=locked.revisions.count() + 1,
            editor=editor,
            source_md=locked.source_md,
            title=topic.title if locked.is_opening else "",
            reason=reason,
        )
        locked.edited_at = timezone.now()
    called = added_mentions(locked.source_md, text)
    _render(locked, text)
    locked.save(
        update_fields=["source_md", "html", "plain", "render_version", "edited_at"]
    )
    if called:
        publish(
            MentionsAdded(post_id=locked.pk, author_id=locked.author_id, names=called)
        )
    if locked.is_opening:
        # A reader's voice is chosen by it, and the text may be in another one now.
        topic.title, topic.locale = new_title, locale_of(f"{new_title} {text}")
        topic.save(update_fields=["title", "locale"])
    if locked.is_opening or topic.solution_id == locked.pk:
        index_topic(topic)
    if not locked.is_opening:
        index_reply(locked)
    return locked


def edition_of(post: Post) -> str:
    """Return what tells all that a form shows of a post from what it said before.

    Of a first post these are its title and its tags, too.
    """
    if not post.is_opening:
        return post.fingerprint
    names = post.topic.tags.order_by("name").values_list("name", flat=True)
    told = json.dumps([post.topic.title, post.source_md, *names])
    return sha256(told.encode()).hexdigest()[:32]


@transaction.atomic
def _create_topic(
    category: Category,
    *,
    author: User,
    title: str,
    text: str,
    kind: str,
    tags: Sequence[str],
    pinned_until: datetime | None,
    poll: PollValues | None,
    sent: Sent,
) -> Topic:
    topic = Topic.objects.create(
        category=category,
        kind=kind,
        idea_state=first_state_of(kind),
        pinned_at=timezone.now() if pinned_until else None,
        pinned_until=pinned_until,
        title=clean_title(title),
        author=author,
        locale=locale_of(f"{title} {text}"),
        highest_number=1,
        last_poster=author,
    )
    opening = _add_post(topic, author=author, number=1, text=text, sent=sent)
    if poll is not None:
        add_poll(opening, poll)
    _add_tags(topic, tags)
    Category.objects.filter(pk=category.pk).update(topic_count=F("topic_count") + 1)
    TopicUser.objects.create(
        user=author, topic=topic, last_read_number=1, level=TopicUser.Level.WATCHING
    )
    index_topic(topic)
    publish(
        TopicCreated(
            topic_id=topic.pk, author_id=author.pk, category_id=category.pk, kind=kind
        )
    )
    return topic


@transaction.atomic
def _post_reply(topic: Topic, *, author: User, text: str, sent: Sent) -> Post:
    locked = Topic.objects.select_for_update(no_key=True).get(pk=topic.pk)
    if locked.merged_into_id:
        # It was joined to another one while the reply was written: there it belongs.
        visible = Topic.objects.visible_to(author).filter(pk=locked.merged_into_id)
        if not visible.exists():
            raise TopicLocked
        locked = Topic.objects.select_for_update(no_key=True).get(
            pk=locked.merged_into_id
        )
    if not can_reply(author, locked):
        raise TopicLocked if locked.is_locked else CategoryClosed
    number = locked.highest_number + 1
    post = _add_post(locked, author=author, number=number, text=text, sent=sent)
    now = timezone.now()
    Topic.objects.filter(pk=locked.pk).update(
        highest_number=number,
        reply_count=F("reply_count") + 1,
        last_poster=author,
        bumped_at=now,
    )
    carry(locked)
    TopicUser.objects.update_or_create(
        user=author,
        topic=locked,
        defaults={"last_read_number": number},
        create_defaults={
            "last_read_number": number,
            "level": TopicUser.Level.WATCHING,
        },
    )
    index_new_reply(post)
    publish(
        ReplyPosted(
            post_id=post.pk,
            topic_id=locked.pk,
            author_id=author.pk,
            topic_author_id=locked.author_id,
            is_answer=locked.is_question,
        )
    )
    return post


def _add_post(
    topic: Topic, *, author: User, number: int, text: str, sent: Sent
) -> Post:
    post = Post(
        topic=topic,
        number=number,
        author=author,
        client_token=sent.token,
        client_digest=sent.digest,
    )
    _render(post, text)
    post.save(force_insert=True)
    return post


def _render(post: Post, text: str) -> None:
    post.source_md = clean_text(text)
    rendered = post.rendered()
    post.html = rendered.html
    post.plain = rendered.plain
    post.render_version = rendered.version


def _add_tags(topic: Topic, names: Sequence[str]) -> None:
    tags = lock_tags(tag_names(names)[:MAX_TAGS])
    if tags:
        # Two names of one tag are one tag.
        standing = set(topic.topic_tags.values_list("tag_id", flat=True))
        tags = [tag for tag in tags if tag.pk not in standing]
    for tag in tags:
        TopicTag.objects.create(topic=topic, tag=tag, bumped_at=topic.bumped_at)
    if not topic.hidden_at:
        count_in_tags(tags, topic.category.visibility, 1)
    carry(topic)


@transaction.atomic
def set_tags(topic: Topic, names: Sequence[str], *, by: User) -> None:
    """Put a topic under these tags and no others, each found or made by its name.

    The topic row is locked, so that of two changes the later stays whole. Raises
    ``Sanctioned``.
    """
    require_may_write(by)
    topic = Topic.objects.select_for_update(no_key=True).get(pk=topic.pk)
    present = list(topic.tags.all())
    wished = {name.lower(): name for name in tag_names(names)[:MAX_TAGS]}
    gone = [tag for tag in present if tag.name.lower() not in wished]
    kept = {tag.name.lower() for tag in present}
    new = [name for folded, name in wished.items() if folded not in kept]
    if not gone and not new:
        return
    TopicTag.objects.filter(topic=topic, tag__in=gone).delete()
    if not topic.hidden_at:
        count_in_tags(gone, topic.category.visibility, -1)
    _add_tags(topic, new)
    index_topic(topic)
    audit.record(
        "topic.tagged",
        actor=by,
        target=f"topic:{topic.pk}",
        before={"tags": sorted(tag.name for tag in present)},
        after={"tags": sorted(wished.values())},
    )


def _is_tagged(topic: Topic, names: Sequence[str] | None) -> bool:
    """Tell whether a topic has these tags already; no wish is no other one."""
    if names is None:
        return True
    present = {tag.name.lower() for tag in topic.tags.all()}
    return present == {name.lower() for name in tag_names(names)}


def _sent_before(author: User, sent: Sent) -> Post | None:
    """Return the post a token stands for. Raises ``TokenReused``."""
    if not sent.token:
        return None
    posts = Post.objects.filter(author=author, client_token=sent.token)
    post = posts.select_related("topic").first()
    if post is not None and post.client_digest not in {"", sent.digest}:
        raise TokenReused
    return post


def _asked_just_now(
    category: Category, *, author: User, title: str, text: str
) -> Post | None:
    asked = Post.objects.filter(
        author=author,
        number=1,
        created_at__gte=timezone.now() - AGAIN,
        source_md=clean_text(text),
        topic__title=clean_title(title),
        topic__category=category,
        hidden_at=None,
    )
    return asked.select_related("topic").first()


def locale_of(text: str) -> str:
    """Tell Chinese text from English by its share of Han characters."""
    han = sum("\u3400" <= character <= "\u9fff" for character in text)
    return "zh-hans" if han * 4 > len(text.replace(" ", "")) else "en"

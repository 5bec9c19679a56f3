"""Every change in the forum, by subject."""

from community.forum.services.answers import accept_answer, unaccept_answer
from community.forum.services.editing import edit_topic
from community.forum.services.moderation import (
    hide_post,
    move_topic,
    restore_post,
    set_locked,
    set_pinned,
    set_revision_hidden,
)
from community.forum.services.reading import (
    add_views,
    flush_views,
    mark_read,
    record_view,
    set_level,
)
from community.forum.services.votes import vote
from community.forum.services.writing import (
    create_topic,
    edit_post,
    post_reply,
    render_again,
    set_tags,
)

__all__ = [
    "accept_answer",
    "add_views",
    "create_topic",
    "edit_post",
    "edit_topic",
    "flush_views",
    "hide_post",
    "mark_read",
    "move_topic",
    "post_reply",
    "record_view",
    "render_again",
    "restore_post",
    "set_level",
    "set_locked",
    "set_pinned",
    "set_revision_hidden",
    "set_tags",
    "unaccept_answer",
    "vote",
]

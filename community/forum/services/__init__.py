"""Every change in the forum, by subject."""

from community.forum.services.answers import accept_answer, unaccept_answer
from community.forum.services.bookmarks import (
    notify_of_reminders,
    remove_bookmark,
    set_bookmark,
)
from community.forum.services.categories import create_category, edit_category
from community.forum.services.comments import (
    edit_comment,
    hide_comment,
    post_comment,
    restore_comment,
)
from community.forum.services.editing import edit_topic
from community.forum.services.ideas import set_idea_state, set_kind
from community.forum.services.joining import (
    MOST_SPLIT,
    find_moved_post,
    join_topics,
    split_topic,
    unjoin_topic,
)
from community.forum.services.moderation import (
    hide_post,
    move_topic,
    pin_end,
    restore_post,
    set_locked,
    set_pinned,
    set_revision_hidden,
)
from community.forum.services.polls import (
    PollValues,
    cleaned_poll,
    faults_in,
    mark_ended,
    remove_poll,
    set_ballot,
    set_poll,
)
from community.forum.services.reactions import set_reaction
from community.forum.services.reading import (
    add_views,
    flush_views,
    mark_comments_read,
    mark_decision_read,
    mark_read,
    record_view,
    set_level,
)
from community.forum.services.rendering import render_again
from community.forum.services.tags import (
    add_synonym,
    index_tagged,
    merge_tag,
    remove_synonym,
    rename_tag,
)
from community.forum.services.templates import set_template
from community.forum.services.votes import restore_vote, void_vote, vote
from community.forum.services.watching import set_watch
from community.forum.services.writing import (
    create_topic,
    edit_post,
    edition_of,
    post_reply,
    set_tags,
)

__all__ = [
    "MOST_SPLIT",
    "PollValues",
    "accept_answer",
    "add_synonym",
    "add_views",
    "cleaned_poll",
    "create_category",
    "create_topic",
    "edit_category",
    "edit_comment",
    "edit_post",
    "edit_topic",
    "edition_of",
    "faults_in",
    "find_moved_post",
    "flush_views",
    "hide_comment",
    "hide_post",
    "index_tagged",
    "join_topics",
    "mark_comments_read",
    "mark_decision_read",
    "mark_ended",
    "mark_read",
    "merge_tag",
    "move_topic",
    "notify_of_reminders",
    "pin_end",
    "post_comment",
    "post_reply",
    "record_view",
    "remove_bookmark",
    "remove_poll",
    "remove_synonym",
    "rename_tag",
    "render_again",
    "restore_comment",
    "restore_post",
    "restore_vote",
    "set_ballot",
    "set_bookmark",
    "set_idea_state",
    "set_kind",
    "set_level",
    "set_locked",
    "set_pinned",
    "set_poll",
    "set_reaction",
    "set_revision_hidden",
    "set_tags",
    "set_template",
    "set_watch",
    "split_topic",
    "unaccept_answer",
    "unjoin_topic",
    "void_vote",
    "vote",
]

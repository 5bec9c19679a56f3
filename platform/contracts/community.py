"""What happened in the forum, the docs and the code."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicCreated:
    """A user opened a topic; ``kind`` says which: a question, an idea …"""

    actor: ClassVar[str] = "author_id"
    topic_id: int
    author_id: int
    category_id: int
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyPosted:
    """A user replied to a topic; on a question the reply is an answer."""

    actor: ClassVar[str] = "author_id"
    post_id: int
    topic_id: int
    author_id: int
    topic_author_id: int
    is_answer: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentPosted:
    """A user wrote a comment under a post."""

    actor: ClassVar[str] = "author_id"
    comment_id: int
    post_id: int
    topic_id: int
    author_id: int
    post_author_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MentionsAdded:
    """A post, or one comment under it, was changed and calls people by name anew.

    ``names`` are their user names, with commas between; ``comment_id`` is 0 of a post.
    """

    actor: ClassVar[str] = "author_id"
    post_id: int
    author_id: int
    names: str
    comment_id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class IdeaDecided:
    """Staff put an idea into another state; back to ``before`` is the opposite."""

    actor: ClassVar[str] = "decided_by_id"
    topic_id: int
    decision_id: int
    state: str
    before: str
    decided_by_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PostsMoved:
    """A moderator moved posts from one topic into another; back is the same again."""

    actor: ClassVar[str] = "moved_by_id"
    topic_id: int
    into_topic_id: int
    count: int
    moved_by_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TagChanged:
    """A moderator renamed a tag, or merged another one into it."""

    actor: ClassVar[str] = "changed_by_id"
    tag_id: int
    changed_by_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerAccepted:
    """The asker marked an answer as the solution to their topic."""

    actor: ClassVar[str] = "accepted_by_id"
    answer_id: int
    topic_id: int
    author_id: int
    accepted_by_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerUnaccepted:
    """The mark was taken off again."""

    actor: ClassVar[str] = "unaccepted_by_id"
    answer_id: int
    topic_id: int
    author_id: int
    unaccepted_by_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VoteCast:
    """A user voted on a post, changed the vote or took it back (value 0)."""

    actor: ClassVar[str] = "voter_id"
    post_id: int
    author_id: int
    voter_id: int
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonSanctioned:
    """A moderator silenced or suspended a person."""

    actor: ClassVar[str] = "by_id"
    sanction_id: int
    user_id: int
    by_id: int
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SanctionLifted:
    """A moderator ended what was imposed on a person before its time."""

    actor: ClassVar[str] = "by_id"
    sanction_id: int
    user_id: int
    by_id: int
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelChanged:
    """A person came to another level of trust: measured, up or down."""

    actor: ClassVar[str] = "user_id"
    user_id: int
    level: int
    level_before: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ContributionCredited:
    """Work outside the forum, such as a merged pull request, earned credit."""

    actor: ClassVar[str] = "user_id"
    contribution_id: int
    user_id: int
    kind: str
    points: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ContributionReverted:
    """Credited work was taken back, and its credit with it; not by its author."""

    contribution_id: int
    user_id: int
    kind: str
    points: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DocsImported:
    """A version of the docs was loaded or renewed."""

    version: str
    locale: str
    pages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSent:
    """A user wrote to others; what they said is no part of the fact."""

    actor: ClassVar[str] = "author_id"
    message_id: int
    conversation_id: int
    author_id: int

"""The forum's tables, by subject."""

from community.forum.models.bookmarks import Bookmark
from community.forum.models.comments import Comment
from community.forum.models.ideas import MAX_WORD, IdeaDecision
from community.forum.models.moves import MovedPost
from community.forum.models.places import (
    COUNTED,
    KINDS,
    Access,
    Category,
    Person,
    Tag,
    Visibility,
    every_kind,
    visibilities_of,
)
from community.forum.models.polls import (
    MAX_OPTION,
    MOST_OPTIONS,
    Ballot,
    BallotChoice,
    Poll,
    PollOption,
)
from community.forum.models.posts import Post, PostRevision, Vote
from community.forum.models.reactions import Reaction, ReactionCount
from community.forum.models.reading import ReadingDay
from community.forum.models.templates import MAX_TEMPLATE, TopicTemplate
from community.forum.models.topics import (
    Heat,
    Topic,
    TopicQuerySet,
    TopicTag,
    TopicUser,
    first_state_of,
    readers_of,
)
from community.forum.models.watching import PlaceWatch, WatchLevel

__all__ = [
    "COUNTED",
    "KINDS",
    "MAX_OPTION",
    "MAX_TEMPLATE",
    "MAX_WORD",
    "MOST_OPTIONS",
    "Access",
    "Ballot",
    "BallotChoice",
    "Bookmark",
    "Category",
    "Comment",
    "Heat",
    "IdeaDecision",
    "MovedPost",
    "Person",
    "PlaceWatch",
    "Poll",
    "PollOption",
    "Post",
    "PostRevision",
    "Reaction",
    "ReactionCount",
    "ReadingDay",
    "Tag",
    "Topic",
    "TopicQuerySet",
    "TopicTag",
    "TopicTemplate",
    "TopicUser",
    "Visibility",
    "Vote",
    "WatchLevel",
    "every_kind",
    "first_state_of",
    "readers_of",
    "visibilities_of",
]

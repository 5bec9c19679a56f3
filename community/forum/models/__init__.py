"""The forum's tables, by subject."""

from community.forum.models.bookmarks import Bookmark
from community.forum.models.comments import Comment
from community.forum.models.moves import MovedPost
from community.forum.models.places import (
    COUNTED,
    Access,
    Category,
    Person,
    Tag,
    Visibility,
    visibilities_of,
)
from community.forum.models.posts import Post, PostRevision, Vote
from community.forum.models.reactions import Reaction, ReactionCount
from community.forum.models.reading import ReadingDay
from community.forum.models.topics import (
    Heat,
    Topic,
    TopicQuerySet,
    TopicTag,
    TopicUser,
    readers_of,
)
from community.forum.models.watching import PlaceWatch, WatchLevel

__all__ = [
    "COUNTED",
    "Access",
    "Bookmark",
    "Category",
    "Comment",
    "Heat",
    "MovedPost",
    "Person",
    "PlaceWatch",
    "Post",
    "PostRevision",
    "Reaction",
    "ReactionCount",
    "ReadingDay",
    "Tag",
    "Topic",
    "TopicQuerySet",
    "TopicTag",
    "TopicUser",
    "Visibility",
    "Vote",
    "WatchLevel",
    "readers_of",
    "visibilities_of",
]

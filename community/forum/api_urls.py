"""REST URLs of the forum."""

from django.urls import path

from community.forum import api
from community.forum.rest import ideas, moderating, places, polls, talk, watching

urlpatterns = [
    path("topics/", api.TopicList.as_view(), name="topic-list"),
    path("topics/<int:pk>/", api.TopicDetail.as_view(), name="topic-detail"),
    path("topics/<int:pk>/watch/", api.Watching.as_view(), name="watching"),
    path("topics/<int:pk>/posts/", api.ReplyList.as_view(), name="reply-list"),
    path("topics/<int:pk>/join/", moderating.Joining.as_view(), name="joining"),
    path("topics/<int:pk>/split/", moderating.Splitting.as_view(), name="splitting"),
    path("topics/<int:pk>/decision/", ideas.IdeaDeciding.as_view(), name="deciding"),
    path("ideas/", ideas.IdeaList.as_view(), name="idea-list"),
    path("posts/<int:pk>/", api.PostDetail.as_view(), name="post-detail"),
    path("posts/<int:pk>/poll/", polls.PollDetail.as_view(), name="poll"),
    path("posts/<int:pk>/poll/vote/", polls.PollVoting.as_view(), name="poll-voting"),
    path("posts/<int:pk>/poll/end/", polls.PollEnding.as_view(), name="poll-ending"),
    path("posts/<int:pk>/poll/votes/", polls.VoterList.as_view(), name="poll-votes"),
    path("ballots/", polls.BallotList.as_view(), name="ballot-list"),
    path("posts/<int:pk>/acceptance/", api.Acceptance.as_view(), name="acceptance"),
    path("posts/<int:pk>/vote/", api.Voting.as_view(), name="voting"),
    path("posts/<int:pk>/comments/", talk.CommentList.as_view(), name="comment-list"),
    path(
        "posts/<int:pk>/reactions/<slug:kind>/",
        talk.Reacting.as_view(),
        name="reacting",
    ),
    path("posts/<int:pk>/bookmark/", talk.Bookmarking.as_view(), name="bookmarking"),
    path("comments/<int:pk>/", talk.CommentDetail.as_view(), name="comment-detail"),
    path("bookmarks/", talk.BookmarkList.as_view(), name="bookmark-list"),
    path("categories/", api.CategoryList.as_view(), name="category-list"),
    path(
        "categories/<slug:slug>/",
        places.CategoryDetail.as_view(),
        name="category-detail",
    ),
    path(
        "categories/<slug:slug>/watch/",
        watching.CategoryWatching.as_view(),
        name="category-watching",
    ),
    path(
        "categories/<slug:slug>/templates/<slug:kind>/",
        ideas.Templating.as_view(),
        name="templating",
    ),
    path("tags/<str:slug>/watch/", watching.TagWatching.as_view(), name="tag-watching"),
    path("tags/", api.TagList.as_view(), name="tag-list"),
    path("tags/<str:slug>/", places.TagDetail.as_view(), name="tag-detail"),
    path("tags/<str:slug>/synonyms/", places.TagNames.as_view(), name="tag-names"),
    path("tags/<str:slug>/merge/", places.TagMerging.as_view(), name="tag-merging"),
]

"""REST URLs of the forum."""

from django.urls import path

from community.forum import api
from community.forum.rest import moderating, places, talk, watching

urlpatterns = [
    path("topics/", api.TopicList.as_view(), name="topic-list"),
    path("topics/<int:pk>/", api.TopicDetail.as_view(), name="topic-detail"),
    path("topics/<int:pk>/watch/", api.Watching.as_view(), name="watching"),
    path("topics/<int:pk>/posts/", api.ReplyList.as_view(), name="reply-list"),
    path("topics/<int:pk>/join/", moderating.Joining.as_view(), name="joining"),
    path("topics/<int:pk>/split/", moderating.Splitting.as_view(), name="splitting"),
    path("posts/<int:pk>/", api.PostDetail.as_view(), name="post-detail"),
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
    path("tags/<str:slug>/watch/", watching.TagWatching.as_view(), name="tag-watching"),
    path("tags/", api.TagList.as_view(), name="tag-list"),
    path("tags/<str:slug>/", places.TagDetail.as_view(), name="tag-detail"),
    path("tags/<str:slug>/synonyms/", places.TagNames.as_view(), name="tag-names"),
    path("tags/<str:slug>/merge/", places.TagMerging.as_view(), name="tag-merging"),
]

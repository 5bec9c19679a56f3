"""REST URLs of the forum."""

from django.urls import path

from community.forum import api

urlpatterns = [
    path("topics/", api.TopicList.as_view(), name="topic-list"),
    path("topics/<int:pk>/posts/", api.ReplyList.as_view(), name="reply-list"),
    path("posts/<int:pk>/acceptance/", api.Acceptance.as_view(), name="acceptance"),
    path("posts/<int:pk>/vote/", api.Voting.as_view(), name="voting"),
]

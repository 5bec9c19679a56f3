"""REST URLs of moderation."""

from django.urls import path

from community.moderation import api

urlpatterns = [
    path("posts/<int:pk>/flag/", api.PostFlagging.as_view(), name="post-flagging"),
    path(
        "comments/<int:pk>/flag/",
        api.CommentFlagging.as_view(),
        name="comment-flagging",
    ),
    path("cases/", api.CaseList.as_view(), name="case-list"),
    path("cases/<int:pk>/", api.CaseDetail.as_view(), name="case-detail"),
    path("cases/<int:pk>/decision/", api.Deciding.as_view(), name="deciding"),
    path("cases/<int:pk>/claim/", api.Claiming.as_view(), name="claiming"),
    path(
        "people/<str:username>/sanctions/",
        api.SanctionList.as_view(),
        name="sanction-list",
    ),
    path("sanctions/<int:pk>/", api.SanctionDetail.as_view(), name="sanction-detail"),
]

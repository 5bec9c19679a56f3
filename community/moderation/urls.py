"""URLs of moderation."""

from django.urls import path

from community.moderation.pages import cases, flags, log, people, topics

app_name = "moderation"
urlpatterns = [
    path("forum/p/<int:pk>/flag/", flags.post_flag, name="post-flag"),
    path("forum/comments/<int:pk>/flag/", flags.comment_flag, name="comment-flag"),
    path("moderation/", cases.case_list, name="case-list"),
    path("moderation/cases/<int:pk>/", cases.case_detail, name="case-detail"),
    path("moderation/topics/", topics.topic_list, name="topic-list"),
    path("moderation/acts/", topics.act_list, name="act-list"),
    path("moderation/acts/<int:pk>/", topics.act_detail, name="act-detail"),
    path("moderation/people/", people.person_list, name="person-list"),
    path(
        "moderation/people/<str:username>/",
        people.person_detail,
        name="person-detail",
    ),
    path("moderation/log/", log.record_list, name="record-list"),
    path("moderation/log/records.csv", log.record_csv, name="record-csv"),
    path("settings/standing/", people.standing_page, name="standing"),
]

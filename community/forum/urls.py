"""URLs of forum."""

from django.urls import path, re_path
from django.views.decorators.http import conditional_page

from community.forum import views
from community.forum.feeds import LatestTopics, TopicReplies
from community.forum.pages import (
    bookmarks,
    categories,
    comments,
    ideas,
    moderation,
    polls,
    posts,
    tags,
    watching,
)
from core.addresses import as_asked_on_site

app_name = "forum"
urlpatterns = [
    path("forum/", views.topic_list, name="topic-list"),
    path("forum/new/", views.topic_create, name="topic-create"),
    path(
        "forum/feed.atom",
        conditional_page(as_asked_on_site(LatestTopics())),
        name="feed",
    ),
    path("forum/_latest/", views.latest, name="latest"),
    path("forum/_numbers/", views.numbers, name="numbers"),
    path("forum/_similar/", views.similar, name="similar"),
    path("forum/c/<slug:slug>/", views.category_detail, name="category-detail"),
    path(
        "forum/c/<slug:slug>/feed.atom",
        conditional_page(as_asked_on_site(LatestTopics())),
        name="category-feed",
    ),
    path("forum/tag/<str:slug>/", views.tag_detail, name="tag-detail"),
    path(
        "forum/tag/<str:tag>/feed.atom",
        conditional_page(as_asked_on_site(LatestTopics())),
        name="tag-feed",
    ),
    path(
        "forum/t/<int:pk>/feed.atom",
        conditional_page(as_asked_on_site(TopicReplies())),
        name="topic-feed",
    ),
    path("forum/categories/", categories.category_list, name="category-list"),
    path("forum/categories/new/", categories.category_create, name="category-create"),
    path("forum/categories/<int:pk>/", categories.category_edit, name="category-edit"),
    path(
        "forum/categories/<int:pk>/templates/",
        categories.category_templates,
        name="category-templates",
    ),
    path("forum/ideas/", ideas.idea_list, name="idea-list"),
    path("forum/t/<int:pk>/decide/", ideas.idea_decide, name="idea-decide"),
    path("forum/c/<slug:slug>/watch/", watching.category_watch, name="category-watch"),
    path("forum/tag/<str:slug>/watch/", watching.tag_watch, name="tag-watch"),
    path("settings/watching/", watching.watch_list, name="watch-list"),
    path("forum/tags/", tags.tag_list, name="tag-list"),
    path("forum/tags/<int:pk>/", tags.tag_edit, name="tag-edit"),
    re_path(
        r"^forum/t/(?P<pk>[0-9]{1,18})(?:-(?P<slug>[^/]*))?/$",
        views.topic_detail,
        name="topic-detail",
    ),
    path("forum/t/<int:pk>/related/", views.related, name="topic-related"),
    path("forum/t/<int:pk>/reply/", views.reply_create, name="reply-create"),
    path("forum/t/<int:pk>/watch/", views.topic_watch, name="topic-watch"),
    path("forum/t/<int:pk>/unaccept/", views.answer_unaccept, name="answer-unaccept"),
    path(
        "forum/t/<int:pk>/moderate/", moderation.topic_moderate, name="topic-moderate"
    ),
    path("forum/t/<int:pk>/join/", moderation.topic_join, name="topic-join"),
    path("forum/t/<int:pk>/unjoin/", moderation.topic_unjoin, name="topic-unjoin"),
    path("forum/t/<int:pk>/split/", moderation.topic_split, name="topic-split"),
    path("forum/p/<int:pk>/", posts.post_detail, name="post-detail"),
    path("forum/p/<int:pk>/edit/", posts.post_edit, name="post-edit"),
    path("forum/p/<int:pk>/poll/", polls.poll_edit, name="poll-edit"),
    path("forum/p/<int:pk>/poll/vote/", polls.poll_vote, name="poll-vote"),
    path("forum/p/<int:pk>/poll/end/", polls.poll_end, name="poll-end"),
    path("forum/p/<int:pk>/poll/remove/", polls.poll_remove, name="poll-remove"),
    path("forum/p/<int:pk>/poll/voters/", polls.poll_voters, name="poll-voters"),
    path("forum/p/<int:pk>/history/", posts.post_history, name="post-history"),
    path(
        "forum/p/<int:pk>/history/<int:number>/hide/",
        posts.revision_hide,
        name="revision-hide",
    ),
    path("forum/p/<int:pk>/comments/", comments.comment_list, name="comment-list"),
    path(
        "forum/p/<int:pk>/comments/new/",
        comments.comment_create,
        name="comment-create",
    ),
    path("forum/p/<int:pk>/react/", posts.post_react, name="post-react"),
    path("forum/p/<int:pk>/bookmark/", bookmarks.bookmark_edit, name="bookmark-edit"),
    path(
        "forum/p/<int:pk>/bookmark/remove/",
        bookmarks.bookmark_remove,
        name="bookmark-remove",
    ),
    path("forum/comments/<int:pk>/edit/", comments.comment_edit, name="comment-edit"),
    path("forum/comments/<int:pk>/hide/", comments.comment_hide, name="comment-hide"),
    path("forum/bookmarks/", bookmarks.bookmark_list, name="bookmark-list"),
    path("forum/p/<int:pk>/vote/", posts.post_vote, name="post-vote"),
    path("forum/p/<int:pk>/accept/", views.answer_accept, name="answer-accept"),
    path("forum/p/<int:pk>/hide/", posts.post_hide, name="post-hide"),
]

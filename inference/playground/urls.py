"""URLs of playground."""

from django.urls import path

from inference.playground.views import asking, chats

app_name = "playground"
urlpatterns = [
    path("playground/", asking.playground, name="playground"),
    path("playground/chats/", chats.chat_list, name="chat-list"),
    path("playground/ranking/", chats.rankings, name="ranking"),
    path("playground/code/", asking.code, name="code"),
    path("playground/shared/<str:share>/", chats.shared, name="shared"),
    path("playground/<str:chat_id>/", asking.chat, name="chat"),
    path("playground/<str:chat_id>/stream/", asking.stream, name="stream"),
    path("playground/<str:chat_id>/stop/", asking.stop, name="stop"),
    path("playground/<str:chat_id>/answers/", asking.answers, name="answers"),
    path("playground/<str:chat_id>/retry/", asking.retry, name="retry"),
    path(
        "playground/<str:chat_id>/code/<int:answer>/",
        asking.answer_code,
        name="answer-code",
    ),
    path("playground/<str:chat_id>/rename/", chats.rename, name="rename"),
    path("playground/<str:chat_id>/delete/", chats.delete, name="delete"),
    path("playground/<str:chat_id>/share/", chats.share, name="share"),
    path("playground/<str:chat_id>/fork/", chats.fork, name="fork"),
    path("playground/<str:chat_id>/vote/", chats.vote, name="vote"),
    path("playground/<str:chat_id>/post/", chats.post, name="post"),
]

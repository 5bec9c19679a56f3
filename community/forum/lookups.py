"""Finding what an address is about, among what the reader may see."""

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse

from community.forum import services
from community.forum.models import Comment, Post, Topic
from core.reading import whole_number


def visible_topic(request: HttpRequest, pk: int) -> Topic:
    """Return a topic the reader may see, or 404.

    Of one that was joined to another it is that other one.
    """
    visible = Topic.objects.visible_to(request.user)
    visible = visible.select_related("category", "author", "solution")
    topic = visible.filter(pk=pk).first()
    if topic is not None:
        return topic
    return get_object_or_404(visible, merged__pk=pk)


def visible_post(request: HttpRequest, pk: int) -> Post:
    """Return a post the reader may see, or 404."""
    visible = Post.objects.visible_to(request.user)
    return get_object_or_404(
        visible.select_related("topic", "topic__category", "author"), pk=pk
    )


def topic_page(request: HttpRequest, pk: int) -> str:
    """Return the address of a topic the reader may see, or 404."""
    return visible_topic(request, pk).get_absolute_url()


def reply_form(request: HttpRequest, pk: int) -> str:
    """Return where in a topic its form for replies is, or 404."""
    return f"{topic_page(request, pk)}#reply"


def history_page(request: HttpRequest, pk: int, number: int) -> str:
    """Return the address of the history of a post the reader may see, or 404."""
    return reverse("forum:post-history", args=[visible_post(request, pk).pk])


def post_place(request: HttpRequest, pk: int) -> str:
    """Return the address of a post within its topic, or 404."""
    return visible_post(request, pk).get_absolute_url()


def visible_comment(request: HttpRequest, pk: int) -> Comment:
    """Return a comment the reader may see, or 404."""
    visible = Comment.objects.visible_to(request.user)
    return get_object_or_404(
        visible.select_related("post__topic__category", "author"), pk=pk
    )


def comments_page(request: HttpRequest, pk: int) -> str:
    """Return where the comments of a post are, or 404."""
    return reverse("forum:comment-list", args=[visible_post(request, pk).pk])


def comment_place(request: HttpRequest, pk: int) -> str:
    """Return the address of a comment the reader may see, or 404."""
    return visible_comment(request, pk).get_absolute_url()


def moved_place(request: HttpRequest, pk: int, number: int) -> HttpResponse | None:
    """Lead from a place in a topic to where the post that was there is now.

    Nothing when it is there still, or where the reader may not look.
    """
    post = services.find_moved_post(pk, number)
    if post is None:
        return None
    visible = Post.objects.visible_to(request.user).filter(pk=post.pk)
    if not visible.exists():
        return None
    response = redirect(post, permanent=True)
    # It may return: a browser has to ask again.
    response["Cache-Control"] = "no-cache"
    return response


def chosen_options(sent: QueryDict) -> list[int]:
    """Return the options of a poll that were chosen, by their keys.

    What is no number is key 0, which no option has: the poll refuses it in its form.
    """
    return [whole_number(value) or 0 for value in sent.getlist("option")]

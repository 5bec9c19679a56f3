"""Storing anew what was rendered by the rules of an earlier release."""

from typing import Any

from django.db.models import QuerySet

from community.forum.models import Comment, Post
from design import markdown


def render_again(*, batch: int = 200) -> int:
    """Store posts and comments anew that earlier rules rendered; return how many.

    Until then they are rendered whenever they are read.
    """
    every: tuple[QuerySet[Any], ...] = (Post.objects.all(), Comment.objects.all())
    return sum(_render_again(texts, batch) for texts in every)


def _render_again(texts: QuerySet[Any], batch: int) -> int:
    old = texts.exclude(render_version=markdown.VERSION).order_by("pk")
    renewed = 0
    while found := list(old[:batch]):
        for text in found:
            rendered = text.rendered()
            # An edit in the meantime has rendered it by today's rules.
            texts.filter(pk=text.pk, render_version=text.render_version).update(
                html=rendered.html,
                plain=rendered.plain,
                render_version=rendered.version,
            )
        renewed += len(found)
    return renewed

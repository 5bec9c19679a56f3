"""Categories, topics and replies, as small as they can be."""

import itertools
from typing import Any

from accounts.models import User
from community.forum import services
from community.forum.models import Category, Post, Topic, Visibility

_numbers = itertools.count(1)


def category(visibility: str = Visibility.PUBLIC, **fields: Any) -> Category:
    """Make a category."""
    number = next(_numbers)
    values = {"slug": f"category-{number}", "name": f"Category {number}", **fields}
    return Category.objects.create(visibility=visibility, **values)


def topic(author: User, **fields: Any) -> Topic:
    """Open a question."""
    within = fields.pop("category", None) or category()
    values = {
        "title": f"How do I rotate key {next(_numbers)}?",
        "text": "It does not say.",
        **fields,
    }
    return services.create_topic(within, author=author, limited=False, **values)


def reply(to: Topic, author: User, text: str = "Like this.", **fields: Any) -> Post:
    """Reply to a topic."""
    return services.post_reply(to, author=author, text=text, limited=False, **fields)

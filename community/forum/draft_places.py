"""What the drafts of the forum are called, and where they are gone on with."""

import re
from collections.abc import Iterable, Mapping

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import User
from community.forum.models import Post, Topic
from core.reading import whole_number
from drafts.places import DraftPlace

_OF_POST = re.compile(r"^/forum/p/([0-9]{1,18})/")


def replies(user: User, keys: Iterable[str]) -> Mapping[str, DraftPlace]:
    """Name the replies that are being written, by the keys of their topics."""
    topics = Topic.objects.visible_to(user).in_bulk(_numbers(keys))
    return {
        str(topic.pk): DraftPlace(
            _("Reply: %(topic)s") % {"topic": topic.title},
            f"{topic.get_absolute_url()}#reply",
        )
        for topic in topics.values()
    }


def comments(user: User, keys: Iterable[str]) -> Mapping[str, DraftPlace]:
    """Name the comments that are being written, by the keys of their posts."""
    return {
        str(post.pk): DraftPlace(
            _("Comment: %(topic)s") % {"topic": post.topic.title},
            reverse("forum:comment-list", args=[post.pk]),
        )
        for post in _posts(user, _numbers(keys)).values()
    }


def pages(user: User, addresses: Iterable[str]) -> Mapping[str, DraftPlace]:
    """Name the pages of the forum that have one form."""
    asked = {address: _OF_POST.match(address) for address in addresses}
    posts = _posts(user, [int(found[1]) for found in asked.values() if found])
    named = {}
    for address, found in asked.items():
        if address == reverse("forum:topic-create"):
            named[address] = DraftPlace(_("New topic"), address)
        elif found and int(found[1]) in posts:
            title = posts[int(found[1])].topic.title
            named[address] = DraftPlace(title, address)
    return named


def _posts(user: User, numbers: Iterable[int]) -> dict[int, Post]:
    visible = Post.objects.visible_to(user).select_related("topic")
    return visible.in_bulk(list(numbers))


def _numbers(keys: Iterable[str]) -> list[int]:
    found = (whole_number(key) for key in keys)
    return [number for number in found if number is not None]

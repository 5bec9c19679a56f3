"""The addresses a forum had, read as it wrote them."""

import re
from dataclasses import dataclass

from community.forum.models import Category, Person, Post, Tag, Topic
from community.imports.models import ForumSource, ImportedCategory

_KEY = r"(?P<{}>\d{{1,18}})"
_TOPIC, _POST, _NUMBER = (_KEY.format(name) for name in ("topic", "post", "number"))
_Format = ForumSource.Format
# The first that fits is taken. What follows the part that says which is free words.
_PATTERNS: dict[str, tuple[re.Pattern[str], ...]] = {
    _Format.DISCOURSE: (
        re.compile(rf"^t/(?:[^/]+/)?{_TOPIC}(?:/{_NUMBER})?/?$"),
        re.compile(rf"^p/{_POST}(?:/\d+)?/?$"),
        re.compile(r"^c/(?:[^/]+/)*(?P<category>\d{1,18})/?$"),
        re.compile(r"^tags?/(?P<tag>[^/]{1,100})/?$"),
    ),
    _Format.STACK_EXCHANGE: (
        re.compile(rf"^questions/{_TOPIC}/[^/]*/{_POST}/?$"),
        re.compile(rf"^(?:questions|q)/{_TOPIC}(?:/[^/]*)?/?$"),
        re.compile(rf"^a/{_POST}(?:/\d+)?/?$"),
        re.compile(r"^questions/tagged/(?P<tag>[^/]{1,100})/?$"),
    ),
    _Format.GITHUB: (re.compile(rf"^(?:[\w.-]+/[\w.-]+/)?discussions/{_TOPIC}/?$"),),
}


@dataclass(frozen=True, slots=True)
class Old:
    """What an old address names: one of a topic, a post, a category and a tag."""

    topic: str = ""
    number: int = 0
    post: str = ""
    category: str = ""
    tag: str = ""


def read_old(format_: str, path: str) -> Old | None:
    """Return what ``path``, without its leading slash, names; None for nothing."""
    for pattern in _PATTERNS[format_]:
        if found := pattern.fullmatch(path):
            named = {key: text for key, text in found.groupdict().items() if text}
            number = int(named.pop("number", "0"))
            return Old(**named, number=number)
    return None


def new_address(source: ForumSource, path: str, *, reader: Person) -> str | None:
    """Return where an old address of ``source`` leads; None where to nothing.

    What the reader may not see is not there, as everywhere.
    """
    old = read_old(source.format, path)
    if old is None:
        return None
    if old.post:
        posts = Post.objects.visible_to(reader).select_related("topic")
        post = posts.filter(imported__source=source, imported__key=old.post).first()
        # An address may name a post and its topic; the topic is better than nothing.
        if post is not None or not old.topic:
            return post.get_absolute_url() if post else None
    if old.topic:
        topics = Topic.objects.visible_to(reader)
        topic = topics.filter(imported__source=source, imported__key=old.topic).first()
        return _at(topic, old.number) if topic else None
    if old.category:
        named = ImportedCategory.objects.filter(source=source, key=old.category)
        seen = Category.objects.visible_to(reader).filter(
            pk__in=named.values("category")
        )
        category = seen.first()
        return category.get_absolute_url() if category else None
    tag = Tag.objects.visible_to(reader).filter(name__iexact=old.tag).first()
    return tag.get_absolute_url() if tag else None


def _at(topic: Topic, number: int) -> str:
    address = topic.get_absolute_url()
    return f"{address}?n={number}#post-{number}" if number > 1 else address

"""Tags: known by their name, found at an address made from it, counted by who sees."""

import re
import unicodedata
from collections.abc import Iterable

from django.db import IntegrityError, connection, transaction
from django.db.models import F, QuerySet, Value
from django.db.models.functions import Lower
from django.utils.text import slugify

from community.forum.cleaning import clean_title
from community.forum.models import COUNTED, Tag, Topic, Visibility
from core.names import measure

# As long as the column; longer is a title.
MAX_NAME = 40
# They part tags where these are typed, so none holds one: Latin's, Chinese, Arabic's.
SEPARATORS = re.compile("[,、،]")
# Signs that tell C from C++ and C#, and that no address keeps.
_SAID = {"+": "-plus", "#": "-sharp", ".": "-dot-", "*": "-star", "&": "-and-"}


def written(text: str) -> str:
    """Return what is typed for tags in the common form of its letters.

    One letter may become many, and a sign a comma.
    """
    return unicodedata.normalize("NFKC", text)


def tag_name(text: str) -> str:
    """Return a tag as it is called: as written, in the common form of its letters.

    That is nothing where a reader would see nothing.
    """
    name = clean_title(SEPARATORS.sub(" ", written(text)))[:MAX_NAME].strip()
    return name if measure(name) else ""


def tag_slug(name: str) -> str:
    """Return the address a tag would like to have."""
    spelled = "".join(_SAID.get(character, character) for character in name)
    slug = slugify(spelled, allow_unicode=True)[:MAX_NAME].strip("-")
    # A sign that is no letter is called by its number.
    return slug or "-".join(f"u{ord(character):x}" for character in name)[:MAX_NAME]


def tag_names(texts: Iterable[str]) -> list[str]:
    """Return the tags of ``texts``, each once however it is capitalised."""
    names: dict[str, str] = {}
    for text in texts:
        if name := tag_name(text):
            names.setdefault(name.lower(), name)
    return list(names.values())


def called(name: str) -> QuerySet[Tag]:
    """Return the tag of a name, however it is capitalised.

    The database folds both: Python makes two letters of ``İ`` and ends ``ΟΔΟΣ`` with
    another sigma, and its answer would find no row that the unique index refuses.
    """
    tags = Tag.objects.annotate(lower=Lower("name"))
    return tags.filter(lower=Lower(Value(name)))


def lock_tags(names: Iterable[str]) -> list[Tag]:
    """Return the tags of these names, made where they are missing, and locked.

    Two names of one tag are one tag.
    """
    tags = {tag.pk: tag for tag in lock_named_tags(names).values()}
    return [tags[pk] for pk in sorted(tags)]


def lock_named_tags(names: Iterable[str]) -> dict[str, Tag]:
    """Return the tag of each name, made where it is missing, and locked.

    Another name of a tag is that tag, also when it became one just now. Always in one
    order, so that two topics never wait for each other.
    """
    wanted = sorted(names, key=lambda name: (tag_slug(name), name))
    while True:
        found = {name: find_or_create_tag(name).pk for name in wanted}
        rows = Tag.objects.select_for_update(no_key=True).filter(pk__in=found.values())
        tags = {tag.pk: tag for tag in rows.order_by("pk")}
        if not any(tag.synonym_of_id for tag in tags.values()):
            return {name: tags[pk] for name, pk in found.items()}


def find_or_create_tag(name: str) -> Tag:
    """Return the tag called ``name``, or the one that is another name of."""
    if tag := called(name).select_related("synonym_of").first():
        return tag.synonym_of or tag
    return create_tag(name)


def create_tag(name: str, *, synonym_of: Tag | None = None) -> Tag:
    """Make a tag with an address that is free, or return one made meanwhile."""
    wish = tag_slug(name)
    for number in range(1, 100):
        if tag := called(name).first():
            return tag
        end = "" if number == 1 else f"-{number}"
        try:
            with transaction.atomic():
                return Tag.objects.create(
                    slug=f"{wish[: MAX_NAME - len(end)]}{end}",
                    name=name,
                    synonym_of=synonym_of,
                )
        except IntegrityError:
            # It was created just now, or another name has this address.
            continue
    raise IntegrityError(f"No address is free for the tag {name}.")


def count_in_tags(tags: Iterable[Tag], visibility: str, change: int) -> None:
    """Count a topic of a category with ``visibility`` in, or out, one tag by one.

    Always in one order, so that two topics never wait for each other.
    """
    counters = [*COUNTED][[*COUNTED].index(Visibility(visibility)) :]
    changes = {COUNTED[counter]: F(COUNTED[counter]) + change for counter in counters}
    for pk in sorted(tag.pk for tag in tags):
        Tag.objects.filter(pk=pk).update(**changes)


def carry(*topics: Topic) -> None:
    """Let topics' links to their tags say what lists are sorted by."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE forum_topictag AS link SET bumped_at = topic.bumped_at,"
            " created_at = topic.created_at, vote_score = topic.vote_score,"
            " hot_score = topic.hot_score,"
            " is_open = topic.kind = 'question' AND topic.solution_id IS NULL"
            " FROM forum_topic AS topic"
            " WHERE topic.id = link.topic_id AND topic.id = ANY(%s)",
            [[topic.pk for topic in topics]],
        )

"""The parts of the forum: making them, and who sees and writes what in them."""

from typing import TypedDict

from django.db import connection, transaction

from accounts.models import User
from audit import services as audit
from community.forum.counting import TAG_COUNTERS
from community.forum.models import Category, Topic
from search import services as search


class CategoryValues(TypedDict):
    """What a category is: names in two languages, its place, who may what."""

    name: str
    name_zh: str
    description: str
    description_zh: str
    kinds: list[str]
    position: int
    visibility: str
    topics_by: str
    replies_by: str


# Of the tags that topics of a category stand under.
_TAGS = """
UPDATE forum_tag AS c SET {columns}
 WHERE c.id IN (SELECT link.tag_id FROM forum_topictag AS link
                  JOIN forum_topic AS topic ON topic.id = link.topic_id
                 WHERE topic.category_id = %s)
"""


@transaction.atomic
def create_category(slug: str, values: CategoryValues, *, by: User) -> Category:
    """Make a part of the forum; its address stays."""
    category = Category.objects.create(slug=slug, **values)
    audit.record(
        "category.created",
        actor=by,
        target=f"category:{category.pk}",
        after=dict(values),
    )
    return category


@transaction.atomic
def edit_category(category: Category, values: CategoryValues, *, by: User) -> None:
    """Change what a category is. Who may see it changes for all its topics at once.

    The row is locked; tags are counted and the index follows in the same transaction,
    so that nobody finds what they may no longer see.
    """
    locked = Category.objects.select_for_update().get(pk=category.pk)
    before = {name: getattr(locked, name) for name in values}
    if before == values:
        return
    for name, value in values.items():
        setattr(locked, name, value)
    locked.save(update_fields=list(values))
    if before["visibility"] != values["visibility"]:
        columns = ", ".join(
            f"{name} = ({counted})" for name, counted in TAG_COUNTERS.items()
        )
        with connection.cursor() as cursor:
            cursor.execute(_TAGS.format(columns=columns), [locked.pk])
        topics = Topic.objects.filter(category=locked)
        search.set_audience("topic", topics, audience=locked.visibility)
    audit.record(
        "category.changed",
        actor=by,
        target=f"category:{locked.pk}",
        before=before,
        after=dict(values),
    )

"""Looking after tags: renaming, merging, other names; topics keep being found."""

from django.db import connection, transaction

from accounts.models import User
from audit import services as audit
from community.forum.counting import TAG_COUNTERS
from community.forum.exceptions import TagTaken, WrongTag
from community.forum.indexing import index_topic
from community.forum.models import Tag, Topic
from community.forum.tagging import called, create_tag, tag_name, tag_slug
from contracts.community import TagChanged
from outbox import publish

# A topic that stands under both stands under one of them afterwards.
_MERGE = """
INSERT INTO forum_topictag
  (topic_id, tag_id, bumped_at, created_at, vote_score, hot_score, is_open)
SELECT topic_id, %(into)s, bumped_at, created_at, vote_score, hot_score, is_open
  FROM forum_topictag WHERE tag_id = %(tag)s
ON CONFLICT (topic_id, tag_id) DO NOTHING
"""
# Who followed the old one follows the new one; what they chose for that stays.
_MERGE_WATCHES = """
INSERT INTO forum_placewatch (user_id, tag_id, level, chosen_at)
SELECT user_id, %(into)s, level, chosen_at
  FROM forum_placewatch WHERE tag_id = %(tag)s
ON CONFLICT (tag_id, user_id) DO NOTHING
"""


@transaction.atomic
def merge_tag(tag: Tag, *, into: Tag, by: User) -> Tag:
    """Put the topics of ``tag`` under ``into``, and make it another name of that.

    Both rows are locked as a whole, so that no topic comes under a tag that is going.
    Returns ``into``. Raises ``WrongTag``.
    """
    locked = {
        row.pk: row
        for row in Tag.objects.select_for_update()
        .filter(pk__in=[tag.pk, into.pk])
        .order_by("pk")
    }
    old, new = locked[tag.pk], locked[into.pk]
    if old.pk == new.pk or old.synonym_of_id or new.synonym_of_id:
        raise WrongTag
    with connection.cursor() as cursor:
        cursor.execute(_MERGE, {"tag": old.pk, "into": new.pk})
        cursor.execute("DELETE FROM forum_topictag WHERE tag_id = %s", [old.pk])
        cursor.execute(_MERGE_WATCHES, {"tag": old.pk, "into": new.pk})
        cursor.execute("DELETE FROM forum_placewatch WHERE tag_id = %s", [old.pk])
    _recount(old, new)
    Tag.objects.filter(pk=old.pk).update(synonym_of=new)
    # What led to the old one leads straight to the new one.
    Tag.objects.filter(synonym_of=old).update(synonym_of=new)
    _record("tag.merged", old, by=by, after={"into": new.name})
    publish(TagChanged(tag_id=new.pk, changed_by_id=by.pk))
    return new


@transaction.atomic
def rename_tag(tag: Tag, *, name: str, by: User) -> Tag:
    """Call a tag something else; the name and the address it had lead to it.

    Only other capitals are no other name. Raises ``TagTaken`` or ``WrongTag``.
    """
    locked = Tag.objects.select_for_update().get(pk=tag.pk)
    name = tag_name(name)
    if locked.synonym_of_id or not name:
        raise WrongTag
    before, address = locked.name, locked.slug
    if name == before:
        return locked
    taken = called(name)
    if taken.exclude(pk=locked.pk).exclude(synonym_of=locked).exists():
        raise TagTaken
    # One of its own other names becomes its name.
    taken.filter(synonym_of=locked).delete()
    is_other = not called(name).filter(pk=locked.pk).exists()
    locked.name = name
    if is_other:
        wish = tag_slug(name)
        is_free = not Tag.objects.filter(slug=wish).exclude(pk=locked.pk).exists()
        locked.slug = wish if is_free else f"{wish[:30]}-{locked.pk}"
    locked.save(update_fields=["name", "slug"])
    if is_other:
        Tag.objects.create(name=before, slug=_old(address, locked), synonym_of=locked)
    _record("tag.renamed", locked, by=by, after={"name": name, "before": before})
    publish(TagChanged(tag_id=locked.pk, changed_by_id=by.pk))
    return locked


@transaction.atomic
def add_synonym(tag: Tag, *, name: str, by: User) -> Tag:
    """Give a tag another name; who uses it comes to the tag.

    Of a name that is a tag already the two are merged. Raises ``WrongTag``.
    """
    name = tag_name(name)
    if not name or tag.synonym_of_id:
        raise WrongTag
    present = called(name).first()
    if present is not None:
        merge_tag(present, into=tag, by=by)
        present.refresh_from_db()
        return present
    # Locked, so that it is not merged into a third meanwhile.
    locked = Tag.objects.select_for_update().get(pk=tag.pk)
    if locked.synonym_of_id:
        raise WrongTag
    made = create_tag(name, synonym_of=locked)
    _record("tag.synonym_added", locked, by=by, after={"name": name})
    return made


@transaction.atomic
def remove_synonym(tag: Tag, *, by: User) -> None:
    """Let another name of a tag be a tag of its own again, with no topic yet.

    Topics that were merged stay where they are. Raises ``WrongTag``.
    """
    locked = Tag.objects.select_for_update().get(pk=tag.pk)
    if locked.synonym_of_id is None:
        raise WrongTag
    _record("tag.synonym_removed", locked, by=by, after={"of": locked.synonym_of_id})
    Tag.objects.filter(pk=locked.pk).update(synonym_of=None)


def index_tagged(tag_id: int) -> None:
    """Let the topics under a tag be found by its name as it is now."""
    tagged = Topic.objects.listed().filter(topic_tags__tag=tag_id)
    # In pieces: a tag may have many, and each reads its posts.
    for topic in tagged.select_related("category", "solution").iterator(chunk_size=200):
        index_topic(topic)


def _old(address: str, renamed: Tag) -> str:
    """Return the address a tag had, or where that is still its own, another one."""
    return address if address != renamed.slug else f"{address[:30]}-{renamed.pk}"


def _recount(*tags: Tag) -> None:
    with connection.cursor() as cursor:
        for column, counted in TAG_COUNTERS.items():
            cursor.execute(
                f"UPDATE forum_tag AS c SET {column} = ({counted})"  # noqa: S608
                " WHERE c.id = ANY(%s)",
                [[tag.pk for tag in tags]],
            )


def _record(action: str, tag: Tag, *, by: User, after: dict[str, object]) -> None:
    audit.record(
        action, actor=by, target=f"tag:{tag.pk}", before={"name": tag.name}, after=after
    )

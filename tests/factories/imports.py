"""People and topics of a forum that moved in, as small as they can be."""

from accounts.models import User
from accounts.placeholders import Newcomer, create_placeholders
from community.forum.models import Topic
from community.imports.models import ForumSource, ImportedPerson, ImportedTopic
from community.imports.proofs import digest_of


def source(slug: str = "meta") -> ForumSource:
    """Return a forum that moved in."""
    made, _is_new = ForumSource.objects.get_or_create(
        slug=slug,
        defaults={"format": ForumSource.Format.DISCOURSE, "name": slug.title()},
    )
    return made


def imported_person(
    key: str, *, email: str = "", claimed_by: User | None = None
) -> ImportedPerson:
    """Make somebody who wrote there."""
    (placeholder,) = create_placeholders([Newcomer(f"person{key}", "Ada")], mark="meta")
    person = ImportedPerson(
        source=source(),
        key=key,
        placeholder=placeholder,
        email_digest=digest_of(email) if email else "",
        claimed_by=claimed_by,
    )
    person.claimed_at = person.created_at if claimed_by else None
    person.save()
    return person


def imported_topic(topic: Topic, key: str = "1") -> ImportedTopic:
    """Let a topic be one that was brought."""
    return ImportedTopic.objects.create(
        source=source(), key=key, topic=topic, person=imported_person(f"topic{key}")
    )

"""Writing a checked export down, some topics at a time: each batch whole or not at all.

What was written is known by its key, in the same transaction. So a run that was killed
goes on where it stopped, and one that had ended changes nothing.
"""

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from sqlite3 import Row
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils.text import slugify

from accounts.placeholders import Newcomer, create_placeholders
from community.forum.bringing import (
    BroughtComment,
    BroughtPost,
    BroughtRevision,
    BroughtTopic,
    bring_topics,
)
from community.forum.models import Category, Visibility
from community.imports.models import (
    ForumSource,
    ImportedCategory,
    ImportedComment,
    ImportedPerson,
    ImportedPost,
    ImportedTopic,
)
from community.imports.proofs import digest_of
from community.imports.staging import Staging
from community.imports.texts import OldPlaces, markdown_of, retold

# A batch is one transaction: a second or two, and some tens of megabytes.
MAX_TOPICS, MAX_POSTS = 200, 1_000
# The columns' widths.
_TITLE, _NAME, _ABOUT = 200, 80, 300


@dataclass(slots=True)
class Writer:
    """Writes what ``staging`` holds as topics of ``source``."""

    staging: Staging
    source: ForumSource
    places: OldPlaces
    # Where everything goes; None makes the categories of the other forum.
    category: Category | None = None

    def batches(self) -> Iterator[list[str]]:
        """Yield the keys of topics that are not here yet, the oldest first."""
        batch: list[str] = []
        posts = 0
        for row in self.staging.rows(
            "SELECT key, (SELECT count(*) FROM posts WHERE topic = topics.key"
            " AND why = '') AS many FROM topics WHERE why = '' ORDER BY created, key"
        ):
            if batch and (len(batch) >= MAX_TOPICS or posts + row["many"] > MAX_POSTS):
                yield batch
                batch, posts = [], 0
            batch.append(row["key"])
            posts += row["many"]
        if batch:
            yield batch

    def unknown(self, keys: list[str]) -> list[str]:
        """Return those of ``keys`` that no run has brought."""
        here = ImportedTopic.objects.filter(source=self.source, key__in=keys)
        known = set(here.values_list("key", flat=True))
        return [key for key in keys if key not in known]

    def write(self, keys: list[str]) -> int:
        """Bring the topics of these keys; return how many posts they have."""
        staged = _Staged(self.staging, keys)
        categories = self._categories(staged)
        people = self._people(staged.authors())
        topics = [self._topic(row, staged, categories, people) for row in staged.topics]
        with transaction.atomic():
            # Locked, so that nobody claims or gives back what is being written.
            authors = {person.pk for person in people.values()}
            locked = ImportedPerson.objects.select_for_update(no_key=True)
            current = {
                each.pk: each for each in locked.filter(pk__in=authors).order_by("pk")
            }
            if any(
                current[person.pk].claimed_by_id != person.claimed_by_id
                for person in people.values()
            ):
                people = {key: current[each.pk] for key, each in people.items()}
                topics = [
                    self._topic(row, staged, categories, people)
                    for row in staged.topics
                ]
            brought = bring_topics(topics)
            self._record(staged, brought, people)
        return len(brought.posts)

    def _topic(
        self,
        row: Row,
        staged: "_Staged",
        categories: dict[str, Category],
        people: dict[str, ImportedPerson],
    ) -> BroughtTopic:
        key = row["key"]
        title, opening = _title(row["title"])
        solution = staged.solutions[key]
        posts = [
            self._post(post, number, staged, people, opening if number == 1 else "")
            for post, number in staged.numbered(key)
        ]
        return BroughtTopic(
            key=key,
            category=categories[row["category"] or ""],
            kind=row["kind"],
            title=title,
            author_id=people[row["author"] or ""].author_id,
            created_at=_at(row["created"]),
            posts=posts,
            tags=staged.tags[key],
            views=max(0, min(_whole(row["views"]), 2_000_000_000)),
            is_locked=bool(row["is_locked"]),
            solution=solution[0]["post"] if solution else "",
            solved_at=_at(solution[0]["created"]) if _dated(solution) else None,
        )

    def _post(
        self,
        row: Row,
        number: int,
        staged: "_Staged",
        people: dict[str, ImportedPerson],
        opening: str,
    ) -> BroughtPost:
        text = markdown_of(row["text"]) if row["is_html"] else row["text"]
        comments = [
            BroughtComment(
                key=comment["key"],
                author_id=people[comment["author"] or ""].author_id,
                text=retold(comment["text"], self.places),
                created_at=_at(comment["created"]),
                score=_score(comment["score"]),
            )
            for comment in staged.comments[row["key"]]
        ]
        return BroughtPost(
            key=row["key"],
            number=number,
            author_id=people[row["author"] or ""].author_id,
            text=opening + (retold(text, self.places) or row["text"]),
            created_at=_at(row["created"]),
            edited_at=_at(row["edited"]) if row["edited"] else None,
            score=_score(row["score"]),
            comments=comments,
            revisions=self._revisions(row, staged, people),
        )

    def _revisions(
        self, row: Row, staged: "_Staged", people: dict[str, ImportedPerson]
    ) -> list[BroughtRevision]:
        """Return what a post said before; what an edit left alone is as after it."""
        text = row["text"]
        title = staged.titles[row["topic"]] if row["is_opening"] else ""
        told = []
        for each in reversed(staged.revisions[row["key"]]):
            text = text if each["text"] is None else each["text"]
            title = (each["title"] or title) if row["is_opening"] else ""
            told.append(
                BroughtRevision(
                    editor_id=people[each["author"] or ""].author_id,
                    text=retold(text, self.places),
                    title=title,
                    reason=each["reason"] or "",
                    created_at=_at(each["created"]),
                )
            )
        return told[::-1]

    def _record(
        self, staged: "_Staged", brought: Any, people: dict[str, ImportedPerson]
    ) -> None:
        def known(key: str | None) -> ImportedPerson:
            return people[key or ""]

        source = self.source
        ImportedTopic.objects.bulk_create(
            ImportedTopic(
                source=source,
                key=row["key"],
                topic=brought.topics[row["key"]],
                person=known(row["author"]),
            )
            for row in staged.topics
        )
        ImportedPost.objects.bulk_create(
            ImportedPost(
                source=source,
                key=row["key"],
                post=brought.posts[row["key"]],
                person=known(row["author"]),
            )
            for row in staged.every(staged.posts)
        )
        ImportedComment.objects.bulk_create(
            ImportedComment(
                source=source,
                key=row["key"],
                comment=brought.comments[row["key"]],
                person=known(row["author"]),
            )
            for row in staged.every(staged.comments)
        )

    def _people(self, keys: set[str]) -> dict[str, ImportedPerson]:
        """Return who wrote there, by their keys; new ones get a placeholder.

        Whose key nobody has in the export is the one nobody of the source.
        """
        known = self._known_people(keys)
        rows = self.staging.rows_of("people", "key", sorted(keys - known.keys()), "key")
        new = {key: found[0] for key, found in rows.items() if found and key}
        missing = keys - known.keys() - new.keys()
        nobody = known.get("") or self._known_people({""}).get("")
        with transaction.atomic():
            placeholders = create_placeholders(
                [_newcomer(row) for row in new.values()], mark=self.source.slug
            )
            ImportedPerson.objects.bulk_create(
                ImportedPerson(
                    source=self.source,
                    key=key,
                    placeholder=placeholder,
                    email_digest=digest_of(row["email"]) if row["email"] else "",
                    github_id=(row["github"] or "")[:40],
                )
                for (key, row), placeholder in zip(
                    new.items(), placeholders, strict=True
                )
            )
            if missing and nobody is None:
                named = Newcomer("somebody", f"Somebody at {self.source.name}"[:_NAME])
                (placeholder,) = create_placeholders([named], mark=self.source.slug)
                nobody = ImportedPerson.objects.create(
                    source=self.source, key="", placeholder=placeholder
                )
        people = known | self._known_people(set(new))
        if nobody is not None:
            people |= dict.fromkeys(missing, nobody)
        return people

    def _known_people(self, keys: set[str]) -> dict[str, ImportedPerson]:
        people = ImportedPerson.objects.filter(source=self.source, key__in=keys)
        return {person.key: person for person in people}

    def _categories(self, staged: "_Staged") -> dict[str, Category]:
        keys = {row["category"] or "" for row in staged.topics}
        if self.category is not None:
            return dict.fromkeys(keys, self.category)
        rows = ImportedCategory.objects.filter(source=self.source, key__in=keys)
        known = {row.key: row.category for row in rows.select_related("category")}
        return {key: known.get(key) or self._create_category(key) for key in keys}

    @transaction.atomic
    def _create_category(self, key: str) -> Category:
        """Make a category as it was there: who could not see into it, cannot here."""
        found = self.staging.rows_of("categories", "key", [key], "key")[key]
        row = found[0] if found else None
        name, is_closed = (
            (self.source.name, False) if row is None else _family(self.staging, row)
        )
        about = " ".join((row["about"] or "").split()) if row else ""
        last = Category.objects.aggregate(last=Max("position"))["last"]
        category = Category.objects.create(
            slug=_free_slug((row["slug"] if row else "") or name),
            name=name[:_NAME],
            description=about if len(about) <= _ABOUT else f"{about[: _ABOUT - 1]}…",
            visibility=Visibility.STAFF if is_closed else Visibility.PUBLIC,
            position=(last or 0) + 1,
        )
        ImportedCategory.objects.create(source=self.source, key=key, category=category)
        return category


class _Staged:
    """The rows of some topics, by what they belong to."""

    def __init__(self, staging: Staging, keys: list[str]) -> None:
        found = staging.rows_of("topics", "key", keys, "key")
        self.topics = [row for key in keys for row in found[key]]
        self.titles = {row["key"]: row["title"] for row in self.topics}
        self.posts = _coming(staging.rows_of("posts", "topic", keys, "created, rowid"))
        posts = [row["key"] for row in self.every(self.posts)]
        self.comments = _coming(
            staging.rows_of("comments", "post", posts, "created, rowid")
        )
        self.revisions = _coming(staging.rows_of("revisions", "post", posts, "place"))
        self.solutions = staging.rows_of("solutions", "topic", keys, "rowid")
        tagged = staging.rows_of("tagged", "topic", keys, "rowid")
        names = staging.rows_of(
            "tags", "key", [row["tag"] for row in self.every(tagged)], "key"
        )
        self.tags = {
            key: [names[row["tag"]][0]["name"] for row in rows if names[row["tag"]]]
            for key, rows in tagged.items()
        }

    def every(self, rows: dict[str, list[Row]]) -> Iterator[Row]:
        """Yield all rows of a kind."""
        for some in rows.values():
            yield from some

    def authors(self) -> set[str]:
        """Return who wrote or edited anything of it."""
        rows: Iterable[Row] = (
            *self.topics,
            *self.every(self.posts),
            *self.every(self.comments),
            *self.every(self.revisions),
        )
        return {row["author"] or "" for row in rows}

    def numbered(self, topic: str) -> list[tuple[Row, int]]:
        """Return the posts of a topic in order, the first one first.

        The numbers they had there stay; where they had none, it is the order of time.
        """
        posts = self.posts[topic]
        if any(post["number"] is None for post in posts):
            posts = sorted(posts, key=lambda post: not post["is_opening"])
            return [(post, number) for number, post in enumerate(posts, start=1)]
        posts = sorted(posts, key=lambda post: post["number"])
        return [(post, post["number"]) for post in posts]


def _coming(rows: dict[str, list[Row]]) -> dict[str, list[Row]]:
    return {
        key: [row for row in some if row["why"] == ""] for key, some in rows.items()
    }


def _newcomer(row: Row) -> Newcomer:
    joined = _at(row["created"]) if row["created"] else None
    name = " ".join((row["name"] or row["username"] or "").split())
    return Newcomer(row["username"] or name, name[:_NAME], joined)


def _title(title: str) -> tuple[str, str]:
    """Return a title that fits, and what the text then has to begin with."""
    title = " ".join(title.split())
    if len(title) <= _TITLE:
        return title, ""
    return f"{title[: _TITLE - 1]}…", f"**{title}**\n\n"


def _family(staging: Staging, row: Row) -> tuple[str, bool]:
    """Return the name of a category with those above it, and whether one is closed."""
    names, is_closed = [row["name"] or ""], bool(row["is_closed"])
    seen = {row["key"]}
    while row["parent"] and row["parent"] not in seen:
        seen.add(row["parent"])
        above = staging.rows_of("categories", "key", [row["parent"]], "key")
        if not above[row["parent"]]:
            break
        row = above[row["parent"]][0]
        names.append(row["name"] or "")
        is_closed = is_closed or bool(row["is_closed"])
    return " / ".join(name for name in reversed(names) if name) or "Topics", is_closed


def _free_slug(wish: str) -> str:
    base = slugify(wish)[:50] or "topics"
    slug = base
    while Category.objects.filter(slug=slug).exists():
        slug = f"{base}-{secrets.token_hex(2)}"
    return slug


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _dated(rows: list[Row]) -> bool:
    return bool(rows) and bool(rows[0]["created"])


def _whole(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _score(value: Any) -> int:
    # The column's range; a score beyond it is a slip.
    return max(-2_000_000_000, min(_whole(value), 2_000_000_000))

"""What of an export comes along, what stays behind, and why: known before a word is
written.

A row stays behind by a rule that holds for every forum (private messages are not
brought, what was deleted stays so), or since it is damaged. Only damage needs the
operator's consent.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from community.forum.services.writing import MAX_TAGS
from community.forum.tagging import MAX_NAME
from community.imports.staging import Staging
from community.imports.texts import moment

# The highest that Discourse can be set to; the other two stop at 65 536.
MAX_TEXT = 150_000
# Named in the report, so that an operator can look at them there.
EXAMPLES = 3
_KINDS = ("topics", "posts", "comments", "revisions")


@dataclass(frozen=True, slots=True)
class Left:
    """Rows that stay behind for one reason."""

    kind: str
    why: str
    count: int
    examples: tuple[str, ...] = ()
    is_damage: bool = False


@dataclass(slots=True)
class ImportReport:
    """How many of each kind come along, and what does not."""

    counts: dict[str, int] = field(default_factory=dict)
    left: list[Left] = field(default_factory=list)

    @property
    def damaged(self) -> int:
        """How many rows stay behind because something is wrong with them."""
        return sum(each.count for each in self.left if each.is_damage)

    def lines(self) -> Iterator[str]:
        """Yield the report as an operator reads it."""
        for kind, count in self.counts.items():
            yield f"{kind:<11} {count:>11,}"
        for is_damage, heading in (
            (False, "stays behind, as it should:"),
            (True, "is damaged and would stay behind:"),
        ):
            some = [each for each in self.left if each.is_damage is is_damage]
            if some:
                yield heading
            for each in some:
                where = (
                    f" (such as {', '.join(each.examples)})" if each.examples else ""
                )
                yield f"  {each.count:>9,} {each.kind}: {each.why}{where}"


def check(staging: Staging) -> ImportReport:
    """Mark in ``staging`` what stays behind, and report it."""
    staging.db.create_function("moment", 1, moment, deterministic=True)
    staging.db.create_function("is_blank", 1, _is_blank, deterministic=True)
    _date(staging)
    _judge_topics(staging)
    _judge_posts(staging)
    _follow_topics(staging)
    _judge_what_stands_under(staging)
    _judge_solutions(staging)
    _judge_tags(staging)
    return _report(staging)


def _is_blank(text: str | None) -> bool:
    return not (text or "").strip()


def _date(staging: Staging) -> None:
    """Write every time one way; what is none becomes NULL."""
    for table in ("people", *_KINDS, "solutions"):
        staging.run(f"UPDATE {table} SET created = moment(created)")  # noqa: S608 - our own names
    staging.run("UPDATE posts SET edited = moment(edited)")
    # An edit before the post was there says nothing.
    staging.run("UPDATE posts SET edited = NULL WHERE edited < created")
    for table in _KINDS:
        staging.run(
            f"UPDATE {table} SET why = '!their date cannot be read'"  # noqa: S608 - our own names
            " WHERE created IS NULL AND why = ''"
        )


def _judge_topics(staging: Staging) -> None:
    staging.run(
        "UPDATE topics SET why = '!they have no title' WHERE is_blank(title) AND why = ''"
    )


def _judge_posts(staging: Staging) -> None:
    _judge_text(staging, "posts")
    staging.run(
        "UPDATE posts SET why = '!what they belong to is not there' WHERE why = ''"
        " AND topic NOT IN (SELECT key FROM topics)"
    )
    staging.run(
        "UPDATE posts SET why = '!their number is taken or is none' WHERE why = ''"
        " AND number IS NOT NULL AND (typeof(number) <> 'integer' OR number < 1"
        "  OR number > 2000000000 OR rowid <> (SELECT min(other.rowid)"
        "   FROM posts AS other WHERE other.topic = posts.topic"
        "    AND other.number = posts.number))"
    )


def _follow_topics(staging: Staging) -> None:
    """A topic goes with its first post, and everything in it with the topic."""
    opening = "SELECT why FROM posts WHERE topic = topics.key AND is_opening LIMIT 1"
    staging.run(
        f"UPDATE topics SET why = CASE WHEN ({opening}) IS NULL"  # noqa: S608 - ours
        f" OR ({opening}) LIKE '!%' THEN '!their first post does not come along'"
        " ELSE 'their first post stays behind' END"
        f" WHERE why = '' AND coalesce(({opening}), '!') <> ''"
    )
    staging.run(
        "UPDATE posts SET why = 'their topic stays behind' WHERE why = ''"
        " AND topic IN (SELECT key FROM topics WHERE why <> '')"
    )


def _judge_what_stands_under(staging: Staging) -> None:
    for table in ("comments", "revisions"):
        staging.run(
            f"UPDATE {table} SET why = '!what they belong to is not there'"  # noqa: S608 - our own names
            f" WHERE why = '' AND (post IS NULL OR post NOT IN (SELECT key FROM posts))"
        )
        staging.run(
            f"UPDATE {table} SET why = 'their post stays behind' WHERE why <> ''"  # noqa: S608 - our own names
            " AND post IN (SELECT key FROM posts WHERE why <> '')"
            f" OR why = '' AND post IN (SELECT key FROM posts WHERE why <> '')"
        )
    _judge_text(staging, "comments")
    # What a post said before may be nothing; how long it may be is the same.
    staging.run(
        "UPDATE revisions SET why = '!they are longer than any forum lets through'"
        " WHERE why = '' AND length(text) > :most",
        {"most": MAX_TEXT},
    )


def _judge_text(staging: Staging, table: str) -> None:
    staging.run(
        f"UPDATE {table} SET why = '!there is nothing to read in them'"  # noqa: S608 - our own names
        " WHERE why = '' AND is_blank(text)"
    )
    staging.run(
        f"UPDATE {table} SET why = '!they are longer than any forum lets through'"  # noqa: S608 - our own names
        f" WHERE why = '' AND length(text) > {MAX_TEXT}"
    )


def _judge_solutions(staging: Staging) -> None:
    gone = staging.run(
        "DELETE FROM solutions WHERE topic IN (SELECT key FROM topics WHERE why = '')"
        " AND NOT EXISTS (SELECT 1 FROM posts WHERE posts.key = solutions.post"
        "  AND posts.topic = solutions.topic AND posts.why = '' AND NOT is_opening)"
    )
    if gone:
        staging.note("!solutions whose answer does not come along", gone)
    staging.run(
        "DELETE FROM solutions WHERE rowid NOT IN"
        " (SELECT max(rowid) FROM solutions GROUP BY topic)"
    )


def _judge_tags(staging: Staging) -> None:
    long = staging.run(
        "DELETE FROM tagged WHERE tag IN"
        " (SELECT key FROM tags WHERE length(name) > :most)",
        {"most": MAX_NAME},
    )
    if long:
        staging.note(f"tags of topics that are longer than {MAX_NAME} characters", long)
    many = staging.number(
        f"SELECT sum(many - {MAX_TAGS}) FROM (SELECT count(*) AS many FROM tagged"  # noqa: S608 - numbers
        " GROUP BY topic) WHERE many > " + str(MAX_TAGS)
    )
    if many:
        staging.note(f"tags of topics that have more than {MAX_TAGS}", many)


def _report(staging: Staging) -> ImportReport:
    report = ImportReport()
    for kind in _KINDS:
        report.counts[kind] = staging.number(
            f"SELECT count(*) FROM {kind} WHERE why = ''"  # noqa: S608 - our own names
        )
        report.left += _left(staging, kind)
    report.counts["solutions"] = staging.number(
        "SELECT count(*) FROM solutions JOIN topics ON topics.key = solutions.topic"
        " WHERE topics.why = ''"
    )
    unknown = staging.number(
        "SELECT count(*) FROM posts WHERE why = '' AND"
        " (author IS NULL OR author NOT IN (SELECT key FROM people))"
    )
    if unknown:
        report.left.append(
            Left("posts", "come without their author, who is not named there", unknown)
        )
    for row in staging.rows("SELECT name, count FROM notes ORDER BY name"):
        is_damage = row["name"].startswith("!")
        report.left.append(
            Left(
                row["name"].lstrip("!"),
                "have no place here",
                row["count"],
                (),
                is_damage,
            )
        )
    return report


def _left(staging: Staging, kind: str) -> Iterator[Left]:
    key = "post" if kind == "revisions" else "key"
    for row in staging.rows(
        f"SELECT why, count(*) AS many, min({key}) AS first, max({key}) AS last"  # noqa: S608 - our own names
        f" FROM {kind} WHERE why <> '' GROUP BY why ORDER BY why"
    ):
        examples = tuple(dict.fromkeys((str(row["first"]), str(row["last"]))))
        is_damage = row["why"].startswith("!")
        yield Left(
            kind,
            row["why"].lstrip("!"),
            row["many"],
            examples if is_damage else (),
            is_damage,
        )

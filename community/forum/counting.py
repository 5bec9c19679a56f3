"""Comparing the counters that lists read with what they count."""

from dataclasses import dataclass

from django.db import connection, transaction

_TAGGED = (
    "SELECT count(*) FROM forum_topictag l JOIN forum_topic t ON t.id = l.topic_id"
    " JOIN forum_category g ON g.id = t.category_id"
    " WHERE l.tag_id = c.id AND t.hidden_at IS NULL"
)
TAG_COUNTERS = {
    "topic_count": _TAGGED,
    "members_count": f"{_TAGGED} AND g.visibility <> 'staff'",
    "public_count": f"{_TAGGED} AND g.visibility = 'public'",
}
# Each finds the rows of a table whose counter is not what it counts.
COUNTERS: dict[tuple[str, str], str] = {
    ("forum_category", "topic_count"): (
        "SELECT count(*) FROM forum_topic t"
        " WHERE t.category_id = c.id AND t.hidden_at IS NULL"
    ),
    **{("forum_tag", column): counted for column, counted in TAG_COUNTERS.items()},
    ("forum_topic", "reply_count"): (
        "SELECT count(*) FROM forum_post p"
        " WHERE p.topic_id = c.id AND p.number > 1 AND p.hidden_at IS NULL"
    ),
    ("forum_topic", "highest_number"): (
        # A number that was given once is not given again.
        "SELECT coalesce(greatest("
        "(SELECT max(p.number) FROM forum_post p WHERE p.topic_id = c.id),"
        " (SELECT max(m.number) FROM forum_movedpost m WHERE m.topic_id = c.id)), 0)"
    ),
    ("forum_topic", "vote_score"): (
        "SELECT coalesce(sum(v.value), 0) FROM forum_vote v"
        " JOIN forum_post p ON p.id = v.post_id"
        " WHERE p.topic_id = c.id AND p.number = 1"
    ),
    ("forum_post", "comment_count"): (
        "SELECT count(*) FROM forum_comment m"
        " WHERE m.post_id = c.id AND m.hidden_at IS NULL"
    ),
    ("forum_reactioncount", "count"): (
        "SELECT count(*) FROM forum_reaction r"
        " WHERE r.post_id = c.post_id AND r.kind = c.kind"
    ),
    ("forum_poll", "ballot_count"): (
        "SELECT count(*) FROM forum_ballot b WHERE b.poll_id = c.id"
    ),
    ("forum_polloption", "vote_count"): (
        "SELECT count(*) FROM forum_ballotchoice o WHERE o.option_id = c.id"
    ),
    ("forum_post", "vote_score"): (
        "SELECT coalesce(sum(v.value), 0) FROM forum_vote v WHERE v.post_id = c.id"
    ),
}


@dataclass(frozen=True, slots=True)
class Difference:
    """A counter that is wrong."""

    table: str
    column: str
    pk: int
    kept: int
    counted: int


def differences() -> list[Difference]:
    """Return every counter that differs from what it counts."""
    found = []
    with connection.cursor() as cursor:
        for (table, column), counted in COUNTERS.items():
            cursor.execute(
                f"SELECT id, kept, counted FROM (SELECT c.id, c.{column} AS kept,"  # noqa: S608
                f" ({counted}) AS counted FROM {table} c) AS checked"
                " WHERE kept <> counted ORDER BY id"
            )
            found += [Difference(table, column, *row) for row in cursor.fetchall()]
    return found


@transaction.atomic
def repair() -> int:
    """Set every wrong counter to what it counts; return how many there were."""
    wrong = differences()
    with connection.cursor() as cursor:
        for row in wrong:
            counted = COUNTERS[row.table, row.column]
            # Counted again under the row's lock: a vote may have come in between.
            cursor.execute(
                f"SELECT 1 FROM {row.table} WHERE id = %s FOR UPDATE",  # noqa: S608
                [row.pk],
            )
            cursor.execute(
                f"UPDATE {row.table} AS c SET {row.column} = ({counted})"  # noqa: S608
                " WHERE c.id = %s",
                [row.pk],
            )
    return len(wrong)

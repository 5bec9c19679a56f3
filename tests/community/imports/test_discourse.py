"""A backup of Discourse: what comes along, as it was, and what must not."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from community.forum.counting import differences
from community.forum.models import Category, Comment, Post, Tag, Topic, Visibility
from community.imports.exceptions import BadExport
from community.imports.services import ImportOutcome
from tests.community.imports.exports import (
    POSTS,
    TOPICS,
    USERS,
    discourse,
    post_row,
    topic_row,
)

pytestmark = pytest.mark.django_db
Bring = Callable[..., ImportOutcome]


def left(outcome: ImportOutcome) -> dict[tuple[str, str], int]:
    return {(each.kind, each.why): each.count for each in outcome.report.left}


def test_a_topic_is_here_as_it_was_there(bring: Bring, tmp_path: Path) -> None:
    path = discourse(
        tmp_path,
        topics=(TOPICS, [topic_row(1, category_id=2, closed="t")]),
        posts=(POSTS, [post_row(10, 1, 1), post_row(11, 1, 2), post_row(14, 1, 5)]),
        tags=("id, name", [[1, "c++"], [2, "c#"], [3, "提示词"]]),
        topic_tags=("topic_id, tag_id", [[1, 1], [1, 2], [1, 3]]),
        discourse_solved_solved_topics=(
            "topic_id, answer_post_id, created_at",
            [[1, 14, "2020-02-02 02:02:02"]],
        ),
        post_voting_comments=(
            "id, post_id, user_id, raw, created_at, deleted_at",
            [
                [7, 11, 1, "Which version?", "2020-01-03 00:00:00", None],
                [8, 11, 1, "Gone.", "2020-01-03 00:00:00", "2020-01-04 00:00:00"],
            ],
        ),
        post_revisions=(
            "post_id, number, user_id, modifications, created_at",
            [
                [10, 2, 2, _edit("First words", "Second", "Old title?"), "2020-01-05"],
                [10, 3, 1, _edit("Second", "Text 10."), "2020-01-06 00:00:00"],
            ],
        ),
    )

    outcome = bring("discourse", path)

    topic = Topic.objects.get()
    assert (outcome.topics, outcome.posts) == (1, 3)
    assert topic.title == "How do I rotate key 1?"
    assert topic.created_at == datetime(2020, 1, 2, 3, 4, 5, 678000, UTC)
    assert topic.category.name == "Help / Setup"
    assert topic.is_locked
    assert topic.view_count == 70
    assert topic.is_question
    assert topic.solved_at == datetime(2020, 2, 2, 2, 2, 2, tzinfo=UTC)
    assert topic.bumped_at == datetime(2020, 1, 2, 3, 5, 5, 678000, UTC)
    assert topic.last_poster is not None
    assert topic.last_poster.name == "grace"
    assert sorted(topic.tags.values_list("name", flat=True)) == ["c#", "c++", "提示词"]
    posts = list(topic.posts.order_by("number"))
    assert [post.number for post in posts] == [1, 2, 5]
    assert posts[2].pk == topic.solution_id
    assert posts[0].source_md == "Text 10.\n\tSecond line with a \\ in it."
    assert posts[0].edited_at == datetime(2020, 1, 6, tzinfo=UTC)
    assert posts[0].author.name == "Ada Lovelace"
    assert (posts[0].vote_score, posts[0].brought_score) == (0, 3)
    assert posts[1].comment_count == 1
    comment = Comment.objects.get()
    assert (comment.post, comment.source_md) == (posts[1], "Which version?")
    revisions = list(posts[0].revisions.order_by("number"))
    assert [each.source_md for each in revisions] == ["First words", "Second"]
    assert [each.title for each in revisions] == ["Old title?", topic.title]
    assert revisions[0].editor.name == "grace"
    assert differences() == []


def _edit(before: str, after: str, title: str = "") -> str:
    text = (
        f"--- !ruby/hash:ActiveSupport::HashWithIndifferentAccess\nraw:\n- {before}\n"
    )
    text += f"- {after}\n"
    return text + (f"title:\n- {title}\n- New?\n" if title else "")


def test_what_was_private_deleted_or_a_notice_stays_behind(
    bring: Bring, tmp_path: Path
) -> None:
    path = discourse(
        tmp_path,
        topics=(
            f"{TOPICS}, deleted_at, visible",
            [
                [*topic_row(1), None, "t"],
                [*topic_row(2, archetype="private_message"), None, "t"],
                [*topic_row(3), "2020-05-05 00:00:00", "t"],
                [*topic_row(4), None, "f"],
                [*topic_row(5), None, "t"],
            ],
        ),
        posts=(
            f"{POSTS}, deleted_at, hidden",
            [
                [*post_row(10, 1, 1), None, "f"],
                [*post_row(11, 1, 2, post_type=4), None, "f"],
                [*post_row(12, 1, 3, post_type=3), None, "f"],
                [*post_row(13, 1, 4), "2020-05-05 00:00:00", "f"],
                [*post_row(14, 1, 5), None, "t"],
                [*post_row(20, 2, 1, raw="A secret"), None, "f"],
                [*post_row(30, 3, 1), None, "f"],
                [*post_row(40, 4, 1), None, "f"],
                [*post_row(50, 5, 1), "2020-05-05 00:00:00", "f"],
                [*post_row(51, 5, 2), None, "f"],
            ],
        ),
    )

    outcome = bring("discourse", path)

    assert not outcome.is_refused
    assert outcome.report.damaged == 0
    assert list(Post.objects.values_list("imported__key", flat=True)) == ["10"]
    assert left(outcome) == {
        ("topics", "private messages"): 1,
        ("topics", "deleted there"): 1,
        ("topics", "not listed there"): 1,
        ("topics", "their first post stays behind"): 1,
        ("posts", "whispers, which only the team read"): 1,
        ("posts", "notices of what moderators did"): 1,
        ("posts", "deleted there"): 2,
        ("posts", "hidden there"): 1,
        ("posts", "their topic stays behind"): 4,
    }


def test_a_category_that_was_closed_is_closed_here(
    bring: Bring, tmp_path: Path, person: Callable[..., Any]
) -> None:
    path = discourse(
        tmp_path,
        topics=(TOPICS, [topic_row(1, category_id=3)]),
        posts=(POSTS, [post_row(10, 1, 1)]),
    )

    bring("discourse", path)

    assert Category.objects.get().visibility == Visibility.STAFF
    assert not Topic.objects.visible_to(person("reader")).exists()


def test_damage_is_named_and_nothing_is_written_without_consent(
    bring: Bring, tmp_path: Path
) -> None:
    path = discourse(
        tmp_path,
        topics=(
            TOPICS,
            [
                topic_row(1),
                topic_row(2, created_at="yesterday"),
                topic_row(3, title=" "),
                topic_row(4, created_at="2999-01-01 00:00:00"),
                topic_row(5),
            ],
        ),
        posts=(
            POSTS,
            [
                post_row(10, 1, 1),
                post_row(11, 1, 2, raw="   "),
                post_row(12, 99, 1),
                post_row(13, 1, 3, raw="x" * 150_001),
                post_row(14, 1, 1),
                post_row(15, 1, -4, created_at="2020-01-02 09:00:00"),
                post_row(20, 2, 1),
                post_row(30, 3, 1),
                post_row(40, 4, 1),
                post_row(51, 5, 2),
            ],
        ),
    )

    refused = bring("discourse", path)

    assert refused.is_refused
    assert not Topic.objects.exists()
    assert left(refused) == {
        ("topics", "their date cannot be read"): 2,
        ("topics", "they have no title"): 1,
        ("topics", "their first post does not come along"): 1,
        ("posts", "there is nothing to read in them"): 1,
        ("posts", "what they belong to is not there"): 1,
        ("posts", "they are longer than any forum lets through"): 1,
        ("posts", "their number is taken or is none"): 2,
        ("posts", "their topic stays behind"): 4,
    }
    assert bring("discourse", path, leave_out=True).posts == 1
    assert differences() == []


def test_authors_that_are_not_there_are_nobody_and_categories_may_turn_in_circles(
    bring: Bring, tmp_path: Path
) -> None:
    path = discourse(
        tmp_path,
        categories=(
            "id, name, slug, parent_category_id",
            [[1, "One", "one", 2], [2, "Two", "two", 1]],
        ),
        topics=(TOPICS, [topic_row(1, user_id=77), topic_row(2, category_id=55)]),
        posts=(POSTS, [post_row(10, 1, 1, user_id=77), post_row(20, 2, 1)]),
    )

    bring("discourse", path)

    first = Topic.objects.get(imported__key="1")
    assert first.author.name == "Somebody at Meta"
    assert first.author == first.posts.get().author
    assert first.category.name == "Two / One"
    assert Topic.objects.get(imported__key="2").category.name == "Meta"


def test_quotations_links_and_files_lead_to_where_they_are(
    bring: Bring, tmp_path: Path
) -> None:
    raw = (
        '[quote="ada, post:1, topic:1"]\nOne\nTwo\n[/quote]\n'
        "See https://meta.old.test/t/how/1/2 and ![shot|690x300](upload://1.png) "
        "but ![lost](upload://2.png)"
    )
    path = discourse(
        tmp_path,
        posts=(POSTS, [post_row(10, 1, 1, raw=raw)]),
        uploads=("sha1, url", [[f"{1:040x}", "/uploads/default/original/1X/a.png"]]),
    )

    bring(
        "discourse",
        path,
        address="https://meta.old.test/",
        files_at="https://files.test",
    )

    text = Post.objects.get().source_md
    assert "> **ada:**\n>\n> One\n> Two" in text
    assert "/old/meta/t/how/1/2" in text
    assert "https://files.test/uploads/default/original/1X/a.png" in text
    assert "upload://2.png" in text
    assert "[quote" not in text


def test_a_name_in_a_brought_text_calls_nobody_here(
    bring: Bring, tmp_path: Path, person: Callable[..., Any]
) -> None:
    person("ada")
    path = discourse(
        tmp_path, posts=(POSTS, [post_row(10, 1, 1, raw="Thanks, @ada, really")])
    )

    bring("discourse", path)

    assert "/u/ada/" not in Post.objects.get().html


def test_hostile_text_is_cleaned_like_any_other(bring: Bring, tmp_path: Path) -> None:
    raw = "<script>alert(1)</script> [x](javascript:alert(1)) \x00 \x01 visible"
    path = discourse(tmp_path, posts=(POSTS, [post_row(10, 1, 1, raw=raw)]))

    bring("discourse", path)

    post = Post.objects.get()
    assert "<script" not in post.html
    assert 'href="javascript' not in post.html
    assert "\x01" not in post.source_md


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"not a backup", "no table"),
        (b"COPY public.posts (id, raw) FROM stdin;\n", "has no column"),
        (
            b"COPY public.users (id, username, created_at) FROM stdin;\n1\ta\n",
            "cut off",
        ),
        (
            b"COPY public.users (id, username, created_at) FROM stdin;\n1\ta\tb\n",
            "ends in the middle",
        ),
    ],
)
def test_a_dump_that_is_none_is_refused_in_a_sentence(
    content: bytes, words: str, bring: Bring, tmp_path: Path
) -> None:
    path = tmp_path / "dump.sql"
    path.write_bytes(content)

    with pytest.raises(BadExport, match=words):
        bring("discourse", path)


def test_a_broken_archive_is_refused_in_a_sentence(
    bring: Bring, tmp_path: Path
) -> None:
    whole = discourse(tmp_path).read_bytes()
    path = tmp_path / "half.tar.gz"
    path.write_bytes(whole[: len(whole) // 2])

    with pytest.raises(BadExport):
        bring("discourse", path)
    with pytest.raises(BadExport, match="There is no backup"):
        bring("discourse", tmp_path / "nowhere")


def test_people_keep_their_names_without_being_in_anybodys_way(
    bring: Bring, tmp_path: Path, person: Callable[..., Any]
) -> None:
    here = person("ada")
    users = [*USERS[1], [3, "Ada", "Other", "2020-01-01"], [4, "名 字!", "", "never"]]
    path = discourse(
        tmp_path,
        users=(USERS[0], users),
        posts=(
            POSTS,
            [
                post_row(10, 1, 1),
                post_row(11, 1, 2, user_id=3),
                post_row(12, 1, 3, user_id=4),
            ],
        ),
    )

    bring("discourse", path)

    authors = [post.author for post in Post.objects.order_by("number")]
    names = [author.username for author in authors]
    assert names[0] == "ada.meta"
    assert names[1].startswith("ada.")
    assert names[1].endswith(".meta")
    assert names[2] == "名-字.meta"
    assert here not in authors
    assert not any(author.is_active for author in authors)
    assert not any(author.has_usable_password() for author in authors)
    assert Tag.objects.count() == 0

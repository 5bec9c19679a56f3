"""A dump of Stack Exchange: with its history and without, whole and broken."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from community.forum.counting import differences
from community.forum.models import Comment, Post, Topic
from community.imports.exceptions import BadExport
from community.imports.services import ImportOutcome
from tests.community.imports.exports import answer, question, stackexchange

pytestmark = pytest.mark.django_db
Bring = Callable[..., ImportOutcome]


def history(number: int, post: int, kind: int, text: str, **fields: Any) -> Any:
    return {
        "Id": number,
        "PostHistoryTypeId": kind,
        "PostId": post,
        "RevisionGUID": f"g{number}",
        "CreationDate": f"2012-06-0{number % 10}T00:00:00.000",
        "UserId": 2,
        "Text": text,
        **fields,
    }


def test_a_question_is_here_with_all_that_stands_under_it(
    bring: Bring, tmp_path: Path
) -> None:
    path = stackexchange(
        tmp_path,
        [
            question(1, AcceptedAnswerId=3, ClosedDate="2013-01-01T00:00:00.000"),
            answer(2, 1),
            answer(3, 1, OwnerUserId="", OwnerDisplayName="gone-user"),
        ],
        Comments=[
            {
                "Id": 9,
                "PostId": 3,
                "Score": 2,
                "Text": "Works with `1.0.2`.",
                "CreationDate": "2012-05-07T00:00:00.000",
                "UserId": 1,
            }
        ],
        Votes=[
            {"Id": 1, "PostId": 3, "VoteTypeId": 1, "CreationDate": "2012-05-08"},
            {"Id": 2, "PostId": 3, "VoteTypeId": 2, "CreationDate": "2012-05-09"},
        ],
    )

    outcome = bring("stackexchange", path)

    topic = Topic.objects.get()
    assert (outcome.topics, outcome.posts) == (1, 3)
    assert topic.kind == "question"
    assert topic.created_at == datetime(2012, 5, 6, 7, 8, 9, 123000, UTC)
    assert topic.solved_at == datetime(2012, 5, 8, tzinfo=UTC)
    assert topic.is_locked
    assert topic.view_count == 345
    assert set(topic.tags.values_list("name", "slug")) == {
        ("c++", "c-plus-plus"),
        ("c#", "c-sharp"),
    }
    posts = list(topic.posts.order_by("number"))
    assert [post.author.name for post in posts] == ["Ada", "Grace", "gone-user"]
    assert posts[0].source_md == "What is `max_tokens`?"
    assert posts[0].brought_score == 12
    assert topic.solution_id == posts[2].pk
    assert Comment.objects.get().post == posts[2]
    assert Comment.objects.get().brought_score == 2
    assert Comment.objects.get().author == posts[0].author
    assert differences() == []


def test_the_history_has_the_words_people_typed_and_what_they_said_before(
    bring: Bring, tmp_path: Path
) -> None:
    path = stackexchange(
        tmp_path,
        [question(1)],
        PostHistory=[
            history(1, 1, 2, "First *words*", RevisionGUID="a"),
            history(2, 1, 1, "Old title", RevisionGUID="a"),
            history(3, 1, 5, "Second", RevisionGUID="b", Comment="clearer"),
            history(4, 1, 4, "What is this? (1)", RevisionGUID="c"),
            history(5, 1, 6, "<c>", RevisionGUID="c"),
            history(6, 1, 8, "First *words*", RevisionGUID="d"),
            history(7, 1, 10, "closed"),
        ],
    )

    bring("stackexchange", path)

    post = Post.objects.get()
    told = list(post.revisions.order_by("number"))
    assert post.source_md == "First *words*"
    assert [(each.source_md, each.title) for each in told] == [
        ("First *words*", "Old title"),
        ("Second", "Old title"),
        ("Second", "What is this? (1)"),
    ]
    assert told[0].reason == "clearer"
    assert told[0].editor.name == "Grace"
    assert told[0].created_at == datetime(2012, 6, 3, tzinfo=UTC)


def test_html_becomes_markdown_that_says_the_same(bring: Bring, tmp_path: Path) -> None:
    html = (
        "<p>Use <strong>this</strong> <a href='https://example.test/a'>link</a>:</p>"
        "<pre><code>if a &lt; b:\n    pass\n</code></pre><ul><li>one</li><li>two</li></ul>"
        "<script>alert(1)</script><img src=x onerror=alert(1)>"
    )
    path = stackexchange(tmp_path, [question(1, Body=html)])

    bring("stackexchange", path)

    post = Post.objects.get()
    assert "**this** [link](https://example.test/a)" in post.source_md
    assert "```\nif a < b:\n    pass\n```" in post.source_md
    assert "- one\n- two" in post.source_md
    assert "<script" not in post.html
    assert "onerror" not in post.html


def test_answers_without_their_question_and_in_circles_are_damage(
    bring: Bring, tmp_path: Path
) -> None:
    path = stackexchange(
        tmp_path,
        [
            question(1),
            answer(2, 1),
            answer(3, 4),
            answer(4, 3),
            answer(5, 99),
            answer(6, 2),
            {"Id": 7, "PostTypeId": 5, "Body": "about a tag"},
        ],
        Comments=[
            {
                "Id": 1,
                "PostId": 77,
                "Text": "to nobody",
                "CreationDate": "2012-05-07T00:00:00.000",
            }
        ],
    )

    refused = bring("stackexchange", path)
    brought = bring("stackexchange", path, leave_out=True)

    assert refused.is_refused
    assert refused.report.damaged == 5
    assert (brought.topics, brought.posts) == (1, 2)
    assert differences() == []


def test_tags_are_read_as_both_ages_of_dumps_write_them(
    bring: Bring, tmp_path: Path
) -> None:
    long = "a" * 60
    path = stackexchange(
        tmp_path,
        [
            question(1, Tags="|c++|.net|"),
            question(2, Tags=f"<C++><b><c><d><e><f><{long}>"),
        ],
    )

    outcome = bring("stackexchange", path)

    first, second = Topic.objects.order_by("pk")
    names = {tag.name.lower() for tag in first.tags.all()}
    assert names == {"c++", ".net"}
    assert second.tags.count() == 5
    # One tag, however it is capitalised.
    assert first.tags.get(name__iexact="c++") in second.tags.all()
    said = {each.kind: each.count for each in outcome.report.left}
    assert said["tags of topics that are longer than 40 characters"] == 1
    assert said["tags of topics that have more than 5"] == 1
    assert differences() == []


def test_a_long_title_is_kept_whole(bring: Bring, tmp_path: Path) -> None:
    title = "Why " * 80

    bring("stackexchange", stackexchange(tmp_path, [question(1, Title=title)]))

    topic = Topic.objects.get()
    assert len(topic.title) == 200
    assert topic.title.endswith("…")
    assert topic.posts.get().source_md.startswith(f"**{title.strip()}**")


@pytest.mark.parametrize(
    "broken",
    [
        "<posts><row Id='1' PostTypeId='1'",
        "not xml",
        "",
        "<posts><row PostTypeId='1' /></posts>",
        (
            '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><posts>'
            '<row Id="1" Title="&b;" /></posts>'
        ),
        '<?xml version="1.0" encoding="klingon"?><posts></posts>',
    ],
)
def test_a_file_that_is_no_dump_is_refused_and_expands_nothing(
    broken: str, bring: Bring, tmp_path: Path
) -> None:
    stackexchange(tmp_path, [question(1)])
    (tmp_path / "Posts.xml").write_text(broken)

    with pytest.raises(BadExport, match=r"Posts\.xml"):
        bring("stackexchange", tmp_path)

    assert not Topic.objects.exists()


def test_what_is_missing_is_named(bring: Bring, tmp_path: Path) -> None:
    stackexchange(tmp_path, [question(1)])
    (tmp_path / "Users.xml").unlink()

    with pytest.raises(BadExport, match=r"no Users\.xml"):
        bring("stackexchange", tmp_path)
    with pytest.raises(BadExport, match="no folder"):
        bring("stackexchange", tmp_path / "Posts.xml")

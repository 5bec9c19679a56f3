"""GitHub Discussions, as GraphQL answers them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from community.forum.counting import differences
from community.forum.models import Comment, Topic
from community.imports.exceptions import BadExport
from community.imports.services import ImportOutcome
from tests.community.imports.exports import discussion, github, node

pytestmark = pytest.mark.django_db
Bring = Callable[..., ImportOutcome]


def test_discussions_are_here_with_comments_under_answers(
    bring: Bring, tmp_path: Path
) -> None:
    reply = node("R1", createdAt="2021-06-08T00:00:00Z", upvoteCount=1)
    comments = [
        node("C1", None, replies={"totalCount": 1, "nodes": [reply]}),
        node("C2", "grace", lastEditedAt="2021-06-09T00:00:00Z"),
        node("C3", isMinimized=True),
    ]
    path = github(
        tmp_path / "out.json",
        [
            discussion(
                4,
                locked=True,
                answer={"id": "C2"},
                answerChosenAt="2021-07-01T00:00:00Z",
                comments={"totalCount": 3, "nodes": comments},
            )
        ],
        [discussion(5, category={"id": "C2", "name": "Ideas", "isAnswerable": False})],
    )

    outcome = bring("github", path)

    first, second = Topic.objects.order_by("pk")
    posts = list(first.posts.order_by("number"))
    assert (outcome.topics, outcome.posts) == (2, 4)
    assert (first.kind, second.kind) == ("question", "discussion")
    assert (first.category.name, second.category.name) == ("Q&A", "Ideas")
    assert [post.author.name for post in posts] == ["Ada", "Somebody at Meta", "Ada"]
    assert first.solution == posts[2]
    assert posts[2].edited_at is not None
    assert first.is_locked
    assert Comment.objects.get().post == posts[1]
    assert posts[1].comment_count == 1
    assert posts[0].brought_score == 5
    assert [tag.name for tag in first.tags.all()] == ["c++"]
    assert differences() == []


def test_answers_are_read_in_every_way_they_are_written_down(
    bring: Bring, tmp_path: Path
) -> None:
    page = {"data": {"repository": {"discussions": {"nodes": [discussion(1)]}}}}
    folder = tmp_path / "pages"
    folder.mkdir()
    (folder / "a.json").write_text(json.dumps([page]))
    (folder / "b.json").write_text(json.dumps([discussion(2), discussion(3)]))
    (folder / "c.jsonl").write_text(f"{json.dumps(discussion(4))}\n")

    assert bring("github", folder).topics == 4


def test_an_export_that_was_cut_off_by_its_pages_says_so(
    bring: Bring, tmp_path: Path
) -> None:
    cut = discussion(1, comments={"totalCount": 70, "nodes": [node("C1")]})

    outcome = bring("github", github(tmp_path / "x.json", [cut]))

    assert outcome.is_refused
    assert outcome.report.damaged == 69


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{",
        '"words"',
        '{"data": null, "errors": [{"message": "bad"}]}',
        '{"data": {"repository": {"discussions": {"nodes": [null]}}}}',
        "[" * 100_000,
        '{"number": 1',
    ],
)
def test_json_of_something_else_is_refused(
    content: str, bring: Bring, tmp_path: Path
) -> None:
    path = tmp_path / "x.json"
    path.write_text(content)

    with pytest.raises(BadExport):
        bring("github", path)


def test_strange_values_are_damage_and_never_an_error(
    bring: Bring, tmp_path: Path
) -> None:
    strange = discussion(
        1,
        author="nobody",
        upvoteCount="many",
        labels=[1, 2],
        answer={"id": None},
        body="half \ud83d of a sign",
        comments={"totalCount": None, "nodes": [node("C1", body=None), {}, "x"]},
    )

    outcome = bring("github", github(tmp_path / "x.json", [strange]), leave_out=True)

    topic = Topic.objects.get()
    assert outcome.posts == 1
    assert topic.author.name == "Somebody at Meta"
    assert topic.posts.get().brought_score == 0
    assert "\ufffd" in topic.posts.get().source_md

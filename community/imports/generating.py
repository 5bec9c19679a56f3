"""Exports of forums that never were, as large as one likes, to try an import on.

What is written has what real ones have: answers, accepted ones, comments, edits, tags
such as ``c++``, Chinese, code, people who left. The same seed is the same forum.
"""

import gzip
import json
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self, TextIO
from xml.sax.saxutils import quoteattr

TAGS = (
    "c++",
    "c#",
    "python",
    "streaming",
    "rate-limits",
    "提示词",
    "node.js",
    "tokens",
)
_SENTENCE = (
    "the answer stops after some tokens when the stream is read by two threads and "
    "no key was rotated before; setting max_tokens to 512 helps with model 1.0.2 "
    "while the proxy closes what is silent for a minute 请求 超时 之后 重试 流式 输出 密钥"
)
_WORDS = _SENTENCE.split()
# Some years ago, so that nothing of it is still to come.
_BEGUN = datetime(2015, 1, 1, tzinfo=UTC)
# A question has as many answers on average as Stack Overflow's, and half are solved.
_ANSWERS = (0, 1, 1, 2, 2, 3)


@dataclass(slots=True)
class _Post:
    key: int
    author: int
    at: datetime
    text: str
    score: int
    comments: list["_Post"] = field(default_factory=list)
    before: str = ""


@dataclass(slots=True)
class _Thread:
    title: str
    tags: list[str]
    posts: list[_Post]
    solution: int = 0


def _threads(posts: int, people: int, seed: int) -> Iterator[_Thread]:
    """Yield threads of about ``posts`` posts in all; keys rise, and so do times."""
    draw = random.Random(seed)  # noqa: S311 - a forum to try things on
    key, at = 0, _BEGUN
    while key < posts:
        thread = _Thread(
            title=f"How do I {' '.join(draw.sample(_WORDS, 5))}? ({key})",
            tags=draw.sample(TAGS, draw.randint(1, 3)),
            posts=[],
        )
        for _each in range(1 + draw.choice(_ANSWERS)):
            key += 1
            at += timedelta(seconds=draw.randint(30, 900))
            post = _Post(
                key, draw.randint(1, people), at, _text(draw), draw.randint(-2, 40)
            )
            if not key % 9:
                post.before = _text(draw)
            if not key % 3:
                post.comments = [
                    _Post(
                        key * 10 + number,
                        draw.randint(1, people),
                        at + timedelta(seconds=number),
                        " ".join(draw.choices(_WORDS, k=12)),
                        draw.randint(0, 5),
                    )
                    for number in range(1, 3)
                ]
            thread.posts.append(post)
        if len(thread.posts) > 1 and draw.random() < 0.5:
            thread.solution = draw.choice(thread.posts[1:]).key
        yield thread


def _text(draw: random.Random) -> str:
    words = " ".join(draw.choices(_WORDS, k=draw.randint(40, 120)))
    return (
        f"{words}.\n\n```python\nclient.chat(max_tokens={draw.randint(1, 99)})\n```\n"
    )


def write_discourse(
    folder: Path, *, posts: int, people: int = 500, seed: int = 1
) -> Path:
    """Write ``dump.sql.gz`` as a backup of Discourse has it; return its path."""
    topics: list[list[Any]] = []
    tagged: list[list[Any]] = []
    solved: list[list[Any]] = []
    edits: list[_Post] = []
    comments: list[list[Any]] = []
    # Tables stand one after the other, so the lesser ones wait in memory.
    path = folder / "dump.sql.gz"
    with gzip.open(path, "wt", encoding="utf-8", compresslevel=1) as out:
        _copy(
            out,
            "users (id, username, name, created_at)",
            ([n, f"user{n}", f"User {n}", _when(_BEGUN)] for n in range(1, people + 1)),
        )
        _copy(
            out,
            'user_emails (user_id, email, "primary")',
            ([n, f"user{n}@example.test", "t"] for n in range(1, people + 1)),
        )
        _copy(
            out,
            "categories (id, name, slug, read_restricted, parent_category_id)",
            [[1, "Help", "help", "f", None], [2, "Team", "team", "t", None]],
        )
        out.write(
            "COPY public.posts (id, topic_id, post_number, user_id, raw, created_at,"
            " post_type, like_count) FROM stdin;\n"
        )
        for number, thread in enumerate(_threads(posts, people, seed), start=1):
            opening = thread.posts[0]
            topics.append(
                [number, thread.title, opening.author, _when(opening.at), "regular", 1]
            )
            tagged += [[number, TAGS.index(tag) + 1] for tag in thread.tags]
            if thread.solution:
                solved.append([number, thread.solution])
            for place, post in enumerate(thread.posts, start=1):
                told = [post.key, number, place, post.author, post.text]
                out.write(_row([*told, _when(post.at), 1, post.score]))
                if post.before:
                    edits.append(post)
                comments += [
                    [each.key, post.key, each.author, each.text, _when(each.at)]
                    for each in post.comments
                ]
        out.write("\\.\n\n")
        _copy(out, "tags (id, name)", ([n, tag] for n, tag in enumerate(TAGS, start=1)))
        _copy(out, "topic_tags (topic_id, tag_id)", tagged)
        columns = "id, title, user_id, created_at, archetype, category_id"
        _copy(out, f"topics ({columns})", topics)
        _copy(out, "discourse_solved_solved_topics (topic_id, answer_post_id)", solved)
        _copy(
            out,
            "post_voting_comments (id, post_id, user_id, raw, created_at)",
            comments,
        )
        _copy(
            out,
            "post_revisions (post_id, user_id, number, modifications, created_at)",
            (
                [each.key, each.author, 2, _changed(each), _when(each.at)]
                for each in edits
            ),
        )
    return path


def write_stackexchange(
    folder: Path, *, posts: int, people: int = 500, seed: int = 1
) -> Path:
    """Write the XML files of a data dump into ``folder``; return it."""
    with (
        _Rows(folder / "Posts.xml", "posts") as post_rows,
        _Rows(folder / "Comments.xml", "comments") as comment_rows,
        _Rows(folder / "PostHistory.xml", "posthistory") as history_rows,
    ):
        for thread in _threads(posts, people, seed):
            question = thread.posts[0]
            for post in thread.posts:
                is_question = post is question
                post_rows.row(
                    Id=post.key,
                    PostTypeId=1 if is_question else 2,
                    ParentId=None if is_question else question.key,
                    AcceptedAnswerId=thread.solution or None if is_question else None,
                    CreationDate=_xml_when(post.at),
                    Score=post.score,
                    ViewCount=post.score * 7 + 20 if is_question else None,
                    Body=f"<p>{post.key}</p>",
                    OwnerUserId=post.author,
                    Title=thread.title if is_question else None,
                    Tags="".join(f"<{tag}>" for tag in thread.tags)
                    if is_question
                    else None,
                )
                told = [post.before, post.text] if post.before else [post.text]
                for number, text in enumerate(told):
                    history_rows.row(
                        Id=post.key * 10 + number,
                        PostHistoryTypeId=5 if number else 2,
                        PostId=post.key,
                        RevisionGUID=f"{post.key}-{number}",
                        CreationDate=_xml_when(post.at + timedelta(seconds=number)),
                        UserId=post.author,
                        Text=text,
                    )
                for each in post.comments:
                    comment_rows.row(
                        Id=each.key,
                        PostId=post.key,
                        Score=each.score,
                        Text=each.text,
                        CreationDate=_xml_when(each.at),
                        UserId=each.author,
                    )
    with _Rows(folder / "Users.xml", "users") as rows:
        for number in range(1, people + 1):
            rows.row(
                Id=number, DisplayName=f"User {number}", CreationDate=_xml_when(_BEGUN)
            )
    return folder


def write_github(folder: Path, *, posts: int, people: int = 500, seed: int = 1) -> Path:
    """Write answers of the GraphQL API, twenty discussions each; return the file."""
    path = folder / "discussions.json"
    with path.open("w", encoding="utf-8") as out:
        page: list[object] = []
        for number, thread in enumerate(_threads(posts, people, seed), start=1):
            page.append(_discussion(number, thread))
            if len(page) == 20:
                out.write(json.dumps(_answer(page)))
                page = []
        out.write(json.dumps(_answer(page)))
    return path


WRITERS = {
    "discourse": write_discourse,
    "stackexchange": write_stackexchange,
    "github": write_github,
}


def _answer(nodes: list[object]) -> object:
    return {"data": {"repository": {"discussions": {"nodes": nodes}}}}


def _discussion(number: int, thread: _Thread) -> dict[str, object]:
    opening, *answers = thread.posts
    solution = {"id": f"DC_{thread.solution}"} if thread.solution else None
    return {
        **_node(opening),
        "number": number,
        "title": thread.title,
        "category": {"id": "C1", "name": "Q&A", "isAnswerable": True},
        "labels": {"nodes": [{"name": tag} for tag in thread.tags]},
        "answer": solution,
        "answerChosenAt": answers[-1].at.isoformat() if solution else None,
        "comments": {
            "totalCount": len(answers),
            "nodes": [
                {
                    **_node(post),
                    "replies": {
                        "totalCount": len(post.comments),
                        "nodes": [_node(each) for each in post.comments],
                    },
                }
                for post in answers
            ],
        },
    }


def _node(post: _Post) -> dict[str, object]:
    return {
        "id": f"DC_{post.key}",
        "body": post.text,
        "createdAt": post.at.isoformat().replace("+00:00", "Z"),
        "upvoteCount": post.score,
        "author": {"login": f"user{post.author}", "databaseId": post.author},
    }


def _copy(out: TextIO, table: str, rows: Iterable[Sequence[object]]) -> None:
    out.write(f"COPY public.{table} FROM stdin;\n")
    out.writelines(map(_row, rows))
    out.write("\\.\n\n")


def _row(values: Sequence[object]) -> str:
    return "\t".join(map(_field, values)) + "\n"


def _field(value: object) -> str:
    if value is None:
        return "\\N"
    text = str(value).replace("\\", "\\\\")
    return text.replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def _changed(post: _Post) -> str:
    """Return an edit as Ruby writes it: what was there before and after."""
    return f"---\nraw:\n- {json.dumps(post.before)}\n- {json.dumps(post.text)}\n"


def _when(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S.%f")


def _xml_when(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000")


class _Rows:
    """A file of rows, written one by one."""

    def __init__(self, path: Path, root: str) -> None:
        self._root = root
        self._out = path.open("w", encoding="utf-8")

    def __enter__(self) -> Self:
        self._out.write(f'<?xml version="1.0" encoding="utf-8"?>\n<{self._root}>\n')
        return self

    def __exit__(self, *_: object) -> None:
        self._out.write(f"</{self._root}>\n")
        self._out.close()

    def row(self, **values: object) -> None:
        """Write one row; what is None is left out."""
        said = " ".join(
            f"{name}={quoteattr(str(value), {chr(10): '&#xA;'})}"
            for name, value in values.items()
            if value is not None
        )
        self._out.write(f"  <row {said} />\n")

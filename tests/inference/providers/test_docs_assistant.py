"""The documentation assistant, over the product's own documentation and topics."""

import asyncio
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.utils import translation

from community.forum import services as forum_services
from inference.catalog.models import Deployment, Model
from inference.playground.samples import ASSISTANT, samples
from inference.providers.base import Ask
from inference.providers.docs_assistant import (
    DocsAssistant,
    answer_question,
    question_of,
)
from inference.providers.tokens import count_tokens
from search.embedder import breaker
from tests.factories import forum
from tests.fakes.servers import free_port
from tests.inference.providers import judging
from tests.inference.providers.questions import (
    CHINESE,
    ELSEWHERE,
    ENGLISH,
    HELD_OUT,
    NEAR_BY,
    PRINTED,
    TUNED_ON,
)

ROOT = Path(__file__).resolve().parents[3]
PUBLIC = ("public",)
MEMBERS = ("public", "members")
pytestmark = pytest.mark.django_db


def pages_of(answer: str) -> list[str]:
    """Return the pages an answer cites, in order."""
    return [
        page
        for page in map(judging.page_of, judging.cited(answer))
        if not page[0].isdigit()
    ]


def ask(question: str, *, scope: str = "current", audiences: Any = MEMBERS) -> str:
    return answer_question(question, scope, audiences)


def a_request(text: str, **fields: Any) -> Ask:
    values: dict[str, Any] = {
        "request_id": "req_0001",
        "endpoint": "chat/completions",
        "payload": {"messages": [{"role": "user", "content": text}]},
        "is_stream": False,
        "model": "doorstone-docs",
        "created": 1,
        "max_tokens": 2_000,
        **fields,
    }
    return Ask(**values)


def deployment(scope: str = "current") -> Deployment:
    return Deployment(provider="docs_assistant", options={"scope": scope})


def answered(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Have the assistant compose ``text``: what is tested is how it is sent."""
    monkeypatch.setattr(
        "inference.providers.docs_assistant.answer_question", lambda *_: text
    )


def events_of(request: Ask) -> list[Any]:
    async def read() -> bytes:
        stream = await DocsAssistant().stream(deployment(), request)
        return b"".join([piece async for piece in stream.pieces])

    lines = asyncio.run(read()).decode().split("\n\n")
    return [line.removeprefix("data: ") for line in lines if line]


SCOPES = ("current", "everything")
# What the small language model is asked in an example.
ASKED_OF_OTHERS = {"Why is the sky blue?"}


@pytest.mark.parametrize(
    ("questions", "first", "cited"),
    [
        pytest.param(ENGLISH, 0.9, 1.0, id="english"),
        pytest.param(CHINESE, 0.85, 0.96, id="chinese"),
        pytest.param(TUNED_ON, 0.75, 0.9, id="plain words, tuned on"),
        # What people get who ask what nobody here has thought of.
        pytest.param(HELD_OUT, 0.8, 0.85, id="plain words, held out"),
    ],
)
def test_the_page_that_answers_is_among_the_sources(
    documentation: None, questions: dict[str, set[str]], first: float, cited: float
) -> None:
    found = {question: pages_of(ask(question)) for question in questions}

    at_all = [q for q, wanted in questions.items() if wanted & set(found[q])]
    at_once = [q for q, wanted in questions.items() if wanted & set(found[q][:1])]
    assert len(at_all) / len(questions) >= cited, set(questions) - set(at_all)
    assert len(at_once) / len(questions) >= first, set(questions) - set(at_once)


@pytest.mark.parametrize("scope", SCOPES)
def test_what_we_print_for_people_to_ask_is_answered(
    documentation: None, scope: str
) -> None:
    said = {question: ask(question, scope=scope) for question in PRINTED}

    unanswered = {
        question: pages_of(said[question])[:1]
        for question, (page, words) in PRINTED.items()
        if pages_of(said[question])[:1] != [page]
        or words not in said[question].partition(" [1]")[0]
    }
    assert unanswered == {}


def test_every_question_that_is_printed_is_known_here() -> None:
    places = [
        "README.md",
        "platform/design/samples.py",
        "inference/catalog/examples.py",
    ]
    files = [ROOT / name for name in places]
    files += sorted((ROOT / "docs/site/1.0").rglob("*.md"))
    printed = {
        question
        for file in files
        for question in re.findall(
            r'"?content"?: "([^"{…]+)"|QUESTION = "([^"]+)"', file.read_text()
        )
        for question in question
        if question
    }

    # Questions to be answered, not what a person or a model says in an example.
    asked = {each for each in printed if each[-1] in "?？"}
    assert asked - ASKED_OF_OTHERS == set(PRINTED)


def test_an_introduction_comes_with_the_code_below_it(documentation: None) -> None:
    said = ask("How do I stream an answer?")

    assert "```python" in said
    assert "stream=True" in said


@pytest.mark.parametrize("questions", [ENGLISH, CHINESE, TUNED_ON, HELD_OUT, PRINTED])
def test_the_premium_model_is_never_worse_than_the_open_one(
    documentation: None, questions: dict[str, Any]
) -> None:
    for question in questions:
        open_one = pages_of(ask(question))
        premium = pages_of(ask(question, scope="everything"))

        assert premium[: len(open_one[:2])] == open_one[:2], question


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("scope", ["current", "everything"])
def test_the_playgrounds_sample_questions_are_answered(
    documentation: None, language: str, scope: str
) -> None:
    offered = Model(slug=ASSISTANT)
    pages = ["api/streaming", "console/keys", "api/errors", "self-hosting/operations"]

    with translation.override(language):
        asked = [each.prompt for each in samples([offered])]

    assert asked[0].isascii() == (language == "en")
    assert [pages_of(ask(each, scope=scope))[0] for each in asked] == pages


def test_what_nobody_wrote_about_is_not_answered(documentation: None) -> None:
    answers = {question: ask(question) for question in ELSEWHERE}

    assert [question for question, said in answers.items() if pages_of(said)] == []
    near_by = [question for question in NEAR_BY if pages_of(ask(question))]
    # Half of these hold two of our words; told apart only by their meaning, which
    # is not looked at here (see test_judged.py).
    assert len(near_by) <= 3, near_by
    assert answers[ELSEWHERE[0]].startswith(
        "I found nothing that is sure to answer this in the current documentation."
    )
    assert answers["红烧肉怎么做？"].startswith("我在当前文档中没有找到确切的答案。")
    assert all("/forum/new/" in said for said in answers.values())


@pytest.mark.parametrize("question", ["", "how do I do that?", "这是什么？", "? !"])
def test_a_question_about_nothing_is_not_answered(
    documentation: None, question: str
) -> None:
    assert "/forum/new/" in ask(question)


def test_every_block_is_one_of_the_page_it_cites(documentation: None) -> None:
    from search.models import IndexEntry

    said = ask("How can I rotate a key?")

    quotation, _, sources = said.partition(" [1]")
    assert "/docs/1.0/console/keys/?lang=en#rotate-a-key)" in sources
    source = IndexEntry.objects.get(
        url__endswith="/keys/#rotate-a-key", version="1.0"
    ).source
    assert quotation.split("\n\n")
    for block in quotation.split("\n\n"):
        assert block in source


def test_sources_are_numbered_links_to_sections(
    documentation: None, settings: Any
) -> None:
    said = ask("How can I rotate a key?")

    numbers = re.findall(r"^(\d)\. \[", said, re.MULTILINE)
    assert numbers == [str(index + 1) for index in range(len(numbers))]
    assert (
        f"1. [API keys · Rotate a key]"
        f"({settings.SITE_URL}/docs/1.0/console/keys/?lang=en#rotate-a-key)" in said
    )


def test_the_answer_is_in_the_language_of_the_question(documentation: None) -> None:
    assert ask("怎么轮换密钥？").startswith("点击**轮换**")
    assert "来源：" in ask("怎么轮换密钥？")
    assert "Sources:" in ask("How can I rotate a key?")


def test_a_page_in_the_other_language_is_better_than_none(folder_of: Any) -> None:
    folder_of({"en/index.md": "Zeppelins are filled with helium."})

    said = ask("helium zeppelin 是什么？")

    assert "Zeppelins are filled with helium." in said
    assert "来源：" in said


def test_a_table_is_answered_with_its_row(documentation: None) -> None:
    said = ask("How many requests per minute does the Pro plan allow?")

    assert "| Requests per minute | 60 | 300 | 1 200 | 6 000 |" in said


def test_the_open_model_knows_only_the_current_version(documentation: None) -> None:
    said = ask("How do I replace a key in 0.9?")

    assert "/docs/0.9/" not in said


def test_the_premium_model_knows_older_versions_and_says_which(
    documentation: None,
) -> None:
    said = ask("How do I replace a key in 0.9?", scope="everything")

    assert said.startswith("There is no button to rotate a key in 0.9.")
    assert "(0.9)](" in said
    assert "/docs/0.9/keys/?lang=en#replace-a-key)" in said


def test_the_current_page_comes_before_the_old_one(documentation: None) -> None:
    said = ask("How do I make a key?", scope="everything")

    cited = re.findall(r"/docs/(\d\.\d)/", said)
    assert cited[0] == "1.0"


def solved_topic(person: Callable[..., Any], visibility: str) -> str:
    """Solve a topic about a word no page holds; return its address."""
    asker, helper = person(f"asker-{visibility}"), person(f"helper-{visibility}")
    topic = forum.topic(
        asker,
        category=forum.category(visibility),
        title="Does the quuxinator work behind a zeppelin?",
        text="The quuxinator stops.",
    )
    answer = forum.reply(topic, helper, "Set the quuxinator to helium.")
    forum_services.accept_answer(answer, by=asker)
    return topic.get_absolute_url()


def test_only_the_premium_model_answers_from_solved_topics(
    person: Callable[..., Any],
) -> None:
    address = solved_topic(person, "public")
    question = "quuxinator behind a zeppelin"

    assert address in ask(question, scope="everything")
    assert address not in ask(question, scope="current")
    assert "Set the quuxinator to helium." in ask(question, scope="everything")


def test_an_unsolved_topic_answers_nothing(person: Callable[..., Any]) -> None:
    forum.topic(person("asker"), title="Does the quuxinator work?", text="It stops.")

    assert "/forum/t/" not in ask("quuxinator", scope="everything")


@pytest.mark.parametrize(
    ("visibility", "audiences", "is_seen"),
    [
        ("public", PUBLIC, True),
        ("members", PUBLIC, False),
        ("members", MEMBERS, True),
        ("staff", MEMBERS, False),
        ("staff", (*MEMBERS, "staff"), True),
    ],
)
def test_nothing_is_said_that_the_caller_may_not_see(
    person: Callable[..., Any], visibility: str, audiences: Any, is_seen: bool
) -> None:
    address = solved_topic(person, visibility)

    said = ask("quuxinator behind a zeppelin", scope="everything", audiences=audiences)

    assert (address in said) is is_seen
    assert ("helium" in said) is is_seen


def test_a_topic_that_was_hidden_is_forgotten_at_once(
    person: Callable[..., Any],
) -> None:
    solved_topic(person, "public")
    from community.forum.models import Post

    opening = Post.objects.get(number=1)
    forum_services.hide_post(opening, by=person("mod", is_moderator=True), reason="x")

    assert "helium" not in ask("quuxinator zeppelin", scope="everything")


def test_a_short_question_is_read_with_the_one_before() -> None:
    messages = [
        {"role": "user", "content": "How do I stream an answer?"},
        {"role": "assistant", "content": "Like this."},
        {"role": "user", "content": "And in Python?"},
    ]

    assert question_of({"messages": messages}) == (
        "How do I stream an answer? And in Python?"
    )


@pytest.mark.parametrize(
    ("payload", "question"),
    [
        ({"prompt": "What is a key?"}, "What is a key?"),
        ({"prompt": ["What is", "a key?"]}, "What is a key?"),
        ({"messages": [{"role": "system", "content": "Be brief."}]}, ""),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "text", "text": "A key?"}]}
                ]
            },
            "A key?",
        ),
        ({"messages": [{"role": "user", "content": None}]}, ""),
    ],
)
def test_the_question_is_found_in_every_shape(
    payload: dict[str, Any], question: str
) -> None:
    assert question_of(payload) == question


def test_a_stream_comes_in_several_pieces_and_ends_with_usage(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = "Send stream as true. Then read the pieces as they come. [1]"
    answered(monkeypatch, text)

    *events, last, done = events_of(a_request("How do I stream?", is_stream=True))

    assert done == "[DONE]"
    chunks = [json.loads(event) for event in events]
    deltas = [chunk["choices"][0]["delta"].get("content") for chunk in chunks]
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert "".join(filter(None, deltas)) == text
    assert len([delta for delta in deltas if delta]) >= 3
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    usage = json.loads(last)
    assert usage["choices"] == []
    assert usage["usage"]["completion_tokens"] == count_tokens(text)
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}


def test_a_whole_answer_and_a_stream_say_and_cost_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answered(monkeypatch, "点击轮换，得到新密钥。 [1]")
    request = a_request("怎么轮换密钥？")

    answer = asyncio.run(DocsAssistant().complete(deployment(), request))
    *events, last, _done = events_of(request)

    streamed = "".join(
        json.loads(event)["choices"][0]["delta"].get("content", "") for event in events
    )
    body = json.loads(answer.body)
    assert body["choices"][0]["message"]["content"] == streamed
    assert body == answer.value
    assert body["usage"] == json.loads(last)["usage"]


def test_an_answer_ends_where_it_was_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    answered(monkeypatch, "One two three. Stop here. Never said.")

    short = a_request("?", max_tokens=3)
    stopped = a_request("?")
    stopped.payload["stop"] = "Stop"

    def said(request: Ask) -> tuple[str, str]:
        answer = asyncio.run(DocsAssistant().complete(deployment(), request))
        (choice,) = json.loads(answer.body)["choices"]
        return choice["message"]["content"], choice["finish_reason"]

    assert said(short) == ("One two", "length")
    assert said(stopped) == ("One two three. ", "stop")


def test_a_completion_has_its_own_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    answered(monkeypatch, "Like this. [1]")
    request = a_request("", endpoint="completions", payload={"prompt": "How?"})

    body = json.loads(asyncio.run(DocsAssistant().complete(deployment(), request)).body)

    assert body["object"] == "text_completion"
    assert body["id"] == "cmpl-0001"
    assert body["choices"][0]["text"] == "Like this. [1]"


def test_while_the_model_is_away_nobody_waits_for_it(settings: Any) -> None:
    settings.EMBEDDINGS_URL = f"http://127.0.0.1:{free_port()}/v1"

    async def meaning_of() -> list[float] | None:
        assistant = DocsAssistant()
        try:
            return await assistant._meaning_of("How can I rotate a key?")
        finally:
            await assistant.close()

    began = time.monotonic()
    assert asyncio.run(meaning_of()) is None
    assert time.monotonic() - began < 3
    assert breaker.is_open


@pytest.fixture
def folder_of(tmp_path: Any, db: None) -> Callable[[dict[str, str]], None]:
    """Return a function that imports a few pages as the current documentation."""
    from community.docs.services import import_version

    def make(pages: dict[str, str]) -> None:
        for path, body in pages.items():
            file = tmp_path / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"---\ntitle: {file.stem}\n---\n{body}\n")
        import_version(tmp_path, version="1.0", is_default=True)

    return make

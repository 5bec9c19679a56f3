"""The embedded model: answers from this site's docs and solved topics, with sources.

``options["scope"]`` of its deployment is ``current`` (the current documentation) or
``everything`` (older versions and solved topics too). Only what the caller may see
is searched.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

import orjson
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import close_old_connections

from inference.catalog.models import Deployment
from inference.providers import passages
from inference.providers.base import Answer, Ask, Stream
from inference.providers.passages import Excerpt
from inference.providers.questions import Question, understand
from inference.providers.tokens import count_tokens, pieces_of
from search.queries import Passage
from search.queries import passages as find_passages

# Enough to hold the page that answers, few enough to read in some milliseconds.
FOUND = 150
Search = Callable[[Sequence[str], str, str], list[Passage]]


class DocsAssistant:
    """Composes answers from passages; needs nothing outside this product."""

    async def complete(self, deployment: Deployment, ask: Ask) -> Answer:
        """Return the whole answer."""
        text, finish = limit(await self._compose(deployment, ask), ask)
        value = whole(ask, text, finish, usage_of(ask, text))
        return Answer(orjson.dumps(value), value)

    async def stream(self, deployment: Deployment, ask: Ask) -> Stream:
        """Return the answer as events, a few words each."""
        text, finish = limit(await self._compose(deployment, ask), ask)
        return Stream(_events(ask, text, finish))

    async def close(self) -> None:
        """Nothing is open."""

    async def _compose(self, deployment: Deployment, ask: Ask) -> str:
        scope = deployment.options.get("scope", "current")

        def answer() -> str:
            try:
                return answer_question(question_of(ask.payload), scope, ask.audiences)
            finally:
                # The thread goes on; its connection must not grow old in it.
                close_old_connections()

        return await sync_to_async(answer, thread_sensitive=False)()


def answer_question(text: str, scope: str, audiences: Sequence[str]) -> str:
    """Return the answer to ``text`` as Markdown, or that there is none."""
    question = understand(text)
    excerpts = _in_either_language(question, audiences, _current)
    if scope == "everything":
        more = _in_either_language(question, audiences, _everything_else)
        excerpts = _with_more(question, excerpts, more)
    return _write(question, excerpts) if excerpts else _nothing(question, scope)


def _in_either_language(
    question: Question, audiences: Sequence[str], find: Search
) -> list[Excerpt]:
    """Return what answers in the question's language, else in the other one."""
    locales = ["zh-hans", "en"] if question.is_chinese else ["en", "zh-hans"]
    for locale in locales:
        wanted = " ".join(question.terms)
        excerpts = passages.choose(question, find(audiences, wanted, locale))
        if excerpts:
            return excerpts
    return []


def _current(audiences: Sequence[str], wanted: str, locale: str) -> list[Passage]:
    return find_passages(
        audiences,
        wanted,
        kinds=["doc"],
        labels=["current"],
        locale=locale,
        limit=FOUND,
    )


def _everything_else(
    audiences: Sequence[str], wanted: str, locale: str
) -> list[Passage]:
    """Return older documentation and solved topics."""
    docs = find_passages(audiences, wanted, kinds=["doc"], locale=locale, limit=FOUND)
    topics = find_passages(
        audiences, wanted, kinds=["topic"], labels=["solved"], limit=FOUND // 2
    )
    older = [passage for passage in docs if "current" not in passage.labels]
    return [*older, *topics]


def _with_more(
    question: Question, current: list[Excerpt], more: list[Excerpt]
) -> list[Excerpt]:
    """Return what the current documentation says first, then the best of the rest.

    So whoever asks the larger model is told at least what the smaller one tells. A
    question that names an older version is about that one.
    """
    named = [each for each in more if each.passage.version in question.versions]
    if named:
        return [*named, *current][: passages.MAX_SOURCES]
    if not current:
        return more
    # Less than the current page says was left behind with its version.
    surer = [each for each in more if each.coverage > current[0].coverage]
    topics = [each for each in more if each.passage.kind == "topic"]
    extra = next(iter([*topics, *surer]), None)
    return [*current[: passages.MAX_SOURCES - 1], extra] if extra else current


def question_of(payload: dict[str, Any]) -> str:
    """Return what is asked: the last user message, with its predecessor if short."""
    if "prompt" in payload:
        prompt = payload["prompt"]
        return prompt if isinstance(prompt, str) else " ".join(map(str, prompt))
    asked = [
        text_of(message.get("content"))
        for message in payload["messages"]
        if message.get("role") == "user"
    ]
    if not asked:
        return ""
    # "And in Python?" only makes sense after the question before it.
    if len(asked) > 1 and understand(asked[-1]).is_brief:
        return f"{asked[-2]} {asked[-1]}"
    return asked[-1]


def text_of(content: Any) -> str:
    """Return the text of a message's content."""
    if isinstance(content, list):
        return " ".join(
            str(part.get("text", "")) for part in content if isinstance(part, dict)
        )
    return content if isinstance(content, str) else ""


def limit(text: str, ask: Ask) -> tuple[str, str]:
    """Cut an answer at a stop sequence or at ``max_tokens``; say which it was."""
    stops = ask.payload.get("stop")
    for stop in [stops] if isinstance(stops, str) else stops or []:
        if isinstance(stop, str) and stop and stop in text:
            text = text[: text.index(stop)]
    kept = ""
    used = 0
    for piece in pieces_of(text):
        used += count_tokens(piece)
        if used > ask.max_tokens:
            return kept, "length"
        kept += piece
    return text, "stop"


def usage_of(ask: Ask, text: str) -> dict[str, Any]:
    """Return what was used, counted the documented way."""
    if "prompt" in ask.payload:
        asked = count_tokens(question_of(ask.payload))
    else:
        asked = sum(
            # Each message costs a few tokens beside its text.
            4 + count_tokens(text_of(message.get("content")))
            for message in ask.payload["messages"]
        )
    answered = count_tokens(text)
    return {
        "prompt_tokens": asked,
        "completion_tokens": answered,
        "total_tokens": asked + answered,
        "prompt_tokens_details": {"cached_tokens": 0},
    }


def whole(ask: Ask, text: str, finish: str, usage: dict[str, Any]) -> dict[str, Any]:
    """Return the body of an answer that is not streamed."""
    if ask.endpoint == "completions":
        choice: dict[str, Any] = {"index": 0, "text": text, "logprobs": None}
    else:
        message = {"role": "assistant", "content": text, "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None}
    kind = "text_completion" if ask.endpoint == "completions" else "chat.completion"
    return {
        "id": _id(ask),
        "object": kind,
        "created": ask.created,
        "model": ask.model,
        "choices": [{**choice, "finish_reason": finish}],
        "usage": usage,
    }


async def _events(ask: Ask, text: str, finish: str) -> AsyncIterator[bytes]:
    is_chat = ask.endpoint != "completions"
    base = {
        "id": _id(ask),
        "object": "chat.completion.chunk" if is_chat else "text_completion",
        "created": ask.created,
        "model": ask.model,
    }

    def event(content: dict[str, Any], ended: str | None = None) -> bytes:
        part = {"delta": content} if is_chat else {"text": content.get("content", "")}
        choice = {"index": 0, **part, "logprobs": None, "finish_reason": ended}
        return b"data: " + orjson.dumps({**base, "choices": [choice]}) + b"\n\n"

    if is_chat:
        yield event({"role": "assistant", "content": ""})
    for piece in _groups(text):
        yield event({"content": piece})
    yield event({}, finish)
    last: dict[str, Any] = {**base, "choices": [], "usage": usage_of(ask, text)}
    yield b"data: " + orjson.dumps(last) + b"\n\n"
    yield b"data: [DONE]\n\n"


def _groups(text: str) -> Iterator[str]:
    """Yield a few words at a time, as a model's tokens come."""
    group = ""
    for index, piece in enumerate(pieces_of(text), start=1):
        group += piece
        if index % 3 == 0:
            yield group
            group = ""
    if group:
        yield group


def _write(question: Question, excerpts: list[Excerpt]) -> str:
    parts = []
    for number, excerpt in enumerate(excerpts, start=1):
        parts.append(f"{_paragraph(question, excerpt.sentences)} [{number}]")
        if excerpt.code and number == 1:
            parts.append(excerpt.code)
    heading = "来源：" if question.is_chinese else "Sources:"
    sources = [
        f"{number}. [{_title(excerpt)}]({settings.SITE_URL}{excerpt.passage.url})"
        for number, excerpt in enumerate(excerpts, start=1)
    ]
    return "\n\n".join([*parts, heading + "\n" + "\n".join(sources)])


def _paragraph(question: Question, sentences: list[str]) -> str:
    """Return sentences as prose, and rows and items between them as a list."""
    joint = "" if question.is_chinese else " "
    text = ""
    is_listing = False
    for sentence in sentences:
        is_item = sentence[-1] not in "。！？.!?：:"
        if is_item:
            text += f"\n{'' if is_listing or not text else chr(10)}- {sentence}"
        elif is_listing:
            text += f"\n\n{sentence}"
        else:
            text += f"{joint if text else ''}{sentence}"
        is_listing = is_item
    return text.strip()


def _title(excerpt: Excerpt) -> str:
    passage = excerpt.passage
    title = passage.title
    if passage.heading and passage.heading != title:
        title = f"{title} · {passage.heading}"
    if passage.kind == "doc" and "current" not in passage.labels:
        title = f"{title} ({passage.version})"
    return title.replace("[", "(").replace("]", ")")


def _nothing(question: Question, scope: str) -> str:
    if question.is_chinese:
        where = "文档和已解决的话题" if scope == "everything" else "当前文档"
        return (
            f"我在{where}中没有找到相关内容。可以换个说法再问一次，"
            f"或在社区提问：{settings.SITE_URL}/forum/new/"
        )
    where = (
        "the documentation or the solved topics"
        if scope == "everything"
        else "the current documentation"
    )
    return (
        f"I found nothing on that in {where}. Try other words, or ask the community: "
        f"{settings.SITE_URL}/forum/new/"
    )


def _id(ask: Ask) -> str:
    prefix = "cmpl" if ask.endpoint == "completions" else "chatcmpl"
    return f"{prefix}-{ask.request_id.removeprefix('req_')}"

"""The embedded model: answers from this site's docs and solved topics, with sources.

``options["scope"]`` of its deployment is ``current`` (the current documentation) or
``everything`` (older versions and solved topics too). Only what the caller may see
is searched.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any
from urllib.parse import quote

import orjson
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import close_old_connections

from inference.catalog.models import Deployment
from inference.providers import retrieval
from inference.providers.base import Answer, Ask, Stream
from inference.providers.questions import Question, understand
from inference.providers.retrieval import Found, Lookup
from inference.providers.tokens import count_tokens, pieces_of
from search import meaning
from search.embedder import Embedder, EmbedderAway, TextRefused, is_configured
from search.queries import Passage

# What is asked is said in its beginning; the rest is a log or a program.
MOST_READ = 1_000


class DocsAssistant:
    """Composes answers from passages, which words find and, where it can, meaning."""

    def __init__(self) -> None:
        self._embedder = Embedder()

    async def complete(self, deployment: Deployment, ask: Ask) -> Answer:
        """Return the whole answer."""
        text, finish = limit(await self._compose(deployment, ask), ask)
        value = whole(ask, text, finish, usage_of(ask, text))
        return Answer(orjson.dumps(value), value)

    async def stream(self, deployment: Deployment, ask: Ask) -> Stream:
        """Return the answer as events, a few words each."""
        text, finish = limit(await self._compose(deployment, ask), ask)
        return Stream(_events(ask, text, finish))

    async def look(self, deployment: Deployment) -> int:
        return 200

    def is_short_of_keys(self, deployment: Deployment) -> bool:
        return False

    async def close(self) -> None:
        await self._embedder.close()

    async def _compose(self, deployment: Deployment, ask: Ask) -> str:
        scope = deployment.options.get("scope", "current")
        text = question_of(ask.payload)
        vector = await self._meaning_of(text)

        def answer() -> str:
            try:
                return answer_question(text, scope, ask.audiences, vector)
            finally:
                # The thread goes on; its connection must not grow old in it.
                close_old_connections()

        return await sync_to_async(answer, thread_sensitive=False)()

    async def _meaning_of(self, text: str) -> list[float] | None:
        """Return a question's vector, or none: words alone find much, too."""
        if not is_configured():
            return None
        try:
            return await self._embedder.question(text[:MOST_READ])
        except (EmbedderAway, TextRefused):
            return None


def answer_question(
    text: str,
    scope: str,
    audiences: Sequence[str],
    vector: Sequence[float] | None = None,
) -> str:
    """Return the answer to ``text`` as Markdown, or that there is none.

    ``vector`` is what the question means; without it words alone are compared.
    """
    question = understand(text)
    if not question.units:
        return _nothing(question, scope)
    language = "zh-hans" if question.is_chinese else "en"
    meant = meaning.off_middle(vector, language) if vector else None
    asked = Lookup(question, audiences, meant)
    found, leads = retrieval.current(asked)
    if scope == "everything":
        found = retrieval.with_more(asked, found)
    if found:
        return _write(question, found)
    return _nothing(question, scope, leads)


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


def _write(question: Question, found: Sequence[Found]) -> str:
    """Return the quotations, each with its number, and the sources as links."""
    numbered = list(enumerate(found, start=1))
    parts = [
        # On the last line of code or of a table a number would be part of it.
        each.quotation + ("\n\n" if each.ends_in_a_frame else " ") + f"[{number}]"
        for number, each in numbered
        if each.quotation
    ]
    heading = "来源：" if question.is_chinese else "Sources:"
    sources = [
        f"{number}. [{_title(each.passage)}]({_address(each.passage)})"
        for number, each in numbered
    ]
    return "\n\n".join([*parts, "\n".join([heading, *sources])])


def _address(passage: Passage) -> str:
    """Return where a passage stands, in its language, for any browser.

    A place in a Chinese page is named in Chinese; encoded, no Markdown ends at it.
    """
    page, _, place = passage.url.partition("#")
    language = f"?lang={passage.locale}" if passage.kind == "doc" else ""
    return settings.SITE_URL + page + language + (f"#{quote(place)}" if place else "")


def _title(passage: Passage) -> str:
    title = passage.title
    if passage.heading and passage.heading != title:
        title = f"{title} · {passage.heading}"
    if passage.kind == "doc" and "current" not in passage.labels:
        title = f"{title} ({passage.version})"
    return title.replace("[", "(").replace("]", ")")


def _nothing(question: Question, scope: str, leads: Sequence[Found] = ()) -> str:
    """Return that nothing answers, with the pages that come closest, and the forum."""
    ask = f"{settings.SITE_URL}/forum/new/"
    if question.is_chinese:
        where = "文档和已解决的话题" if scope == "everything" else "当前文档"
        said = f"我在{where}中没有找到确切的答案。"
        near = "这些页面也许相关："
        then = f"可以换个说法再问一次，或在社区提问：{ask}"
    else:
        where = (
            "the documentation or the solved topics"
            if scope == "everything"
            else "the current documentation"
        )
        said = f"I found nothing that is sure to answer this in {where}."
        near = "These pages may be about it:"
        then = f"Try other words, or ask the community: {ask}"
    if not leads:
        return f"{said}{'' if question.is_chinese else ' '}{then}"
    pages = [f"- [{_title(each.passage)}]({_address(each.passage)})" for each in leads]
    return "\n\n".join([said, "\n".join([near, *pages]), then])


def _id(ask: Ask) -> str:
    prefix = "cmpl" if ask.endpoint == "completions" else "chatcmpl"
    return f"{prefix}-{ask.request_id.removeprefix('req_')}"

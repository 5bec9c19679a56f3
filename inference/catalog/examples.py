"""The same call in three languages, as a reader would paste it."""

import json
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from inference.catalog.models import Model

QUESTION = "How do I stream an answer?"


@dataclass(frozen=True, slots=True)
class Examples:
    """One call to the API."""

    curl: str
    python: str
    javascript: str


def base_url() -> str:
    """Return what a client is pointed at."""
    return f"{settings.SITE_URL}/v1"


def question_to(model: str) -> dict[str, Any]:
    """Return the smallest useful request."""
    return {"model": model, "messages": [{"role": "user", "content": QUESTION}]}


def request_to(model: Model) -> dict[str, Any]:
    """Return the smallest useful request: a question, or a text to embed."""
    if model.writes:
        return question_to(model.slug)
    return {"model": model.slug, "input": QUESTION}


def call_examples(payload: dict[str, Any], *, key: str = "") -> Examples:
    """Write a request, to chat or for embeddings, in curl, Python and JavaScript.

    Without ``key`` the examples read it from the environment.
    """
    return Examples(
        curl=_curl(payload, key), python=_python(payload), javascript=_script(payload)
    )


def _curl(payload: dict[str, Any], key: str) -> str:
    path = "embeddings" if "input" in payload else "chat/completions"
    body = json.dumps(payload, ensure_ascii=False, indent=2).replace("'", "'\\''")
    return (
        f"curl {'-N ' if payload.get('stream') else ''}{base_url()}/{path} \\\n"
        f'  -H "Authorization: Bearer {key or "$DOORSTONE_API_KEY"}" \\\n'
        '  -H "Content-Type: application/json" \\\n'
        f"  -d '{body}'\n"
    )


def _python(payload: dict[str, Any]) -> str:
    arguments = "".join(
        f"    {name}={_literal(value)},\n" for name, value in payload.items()
    )
    call = f"client.chat.completions.create(\n{arguments})\n"
    if "input" in payload:
        answer = (
            f"answer = client.embeddings.create(\n{arguments})\n"
            "print(len(answer.data[0].embedding))\n"
        )
    elif payload.get("stream"):
        answer = (
            f"stream = {call}for chunk in stream:\n"
            "    if chunk.choices:\n"
            '        print(chunk.choices[0].delta.content or "", end="")\n'
        )
    else:
        answer = f"answer = {call}print(answer.choices[0].message.content)\n"
    return (
        "import os\n\nfrom openai import OpenAI\n\n"
        f'client = OpenAI(base_url="{base_url()}", api_key=os.environ["DOORSTONE_API_KEY"])\n'
        f"{answer}"
    )


def _script(payload: dict[str, Any]) -> str:
    body = json.dumps(payload, ensure_ascii=False, indent=2)
    call = f"await client.chat.completions.create({body});\n"
    if "input" in payload:
        answer = (
            f"const answer = await client.embeddings.create({body});\n"
            "console.log(answer.data[0].embedding.length);\n"
        )
    elif payload.get("stream"):
        answer = (
            f"const stream = {call}for await (const chunk of stream)\n"
            '  process.stdout.write(chunk.choices[0]?.delta?.content ?? "");\n'
        )
    else:
        answer = (
            f"const answer = {call}console.log(answer.choices[0].message.content);\n"
        )
    return (
        'import OpenAI from "openai";\n\nconst client = new OpenAI({\n'
        f'  baseURL: "{base_url()}",\n  apiKey: process.env.DOORSTONE_API_KEY,\n}});\n'
        f"{answer}"
    )


def _literal(value: Any) -> str:
    """Write a value as Python does; messages one to a line."""
    if isinstance(value, list):
        return (
            "[\n" + "".join(f"        {_literal(item)},\n" for item in value) + "    ]"
        )
    if isinstance(value, dict):
        pairs = (f'"{name}": {_literal(item)}' for name, item in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return repr(value)

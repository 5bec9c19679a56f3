"""Offering a model that another server runs, once it has been tried."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from asgiref.sync import async_to_sync

from core.crypto import encrypt
from inference.catalog.models import Deployment, Model
from inference.catalog.services import Rates, publish_model
from inference.providers.compatibility import Examination, Incompatible, Report

# Where a server does not tell what it keeps: few keep less, and --context mends it.
CONTEXT = 4_096
MOST_OUT = 4_096  # as above
# A long answer in a chat, where a caller says nothing else.
DEFAULT_OUT = 800
# A server may load the model first.
PATIENCE = 180
TITLES = {
    "gguf": "llama.cpp",
    "vllm": "vLLM",
    "ollama": "Ollama",
    "openai": "an OpenAI-compatible server",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is said about a model beside where it runs; ``fields`` are its columns."""

    name: str
    rates: Rates
    context_tokens: int = 0
    is_published: bool = False
    fields: dict[str, Any] = field(default_factory=dict)


def address_of(kind: str, text: str) -> str:
    """Return the address calls go to: servers of one's own have theirs below /v1."""
    parts = urlsplit(text if "://" in text else f"http://{text}")
    path = parts.path.rstrip("/")
    if not path and kind in {"vllm", "ollama", "openai"}:
        path = "/v1"
    return urlunsplit(parts._replace(path=path))


def place_at(address: str, key: str, options: dict[str, Any]) -> Deployment:
    """Return a deployment that is not written."""
    return Deployment(
        provider=Deployment.Provider.OPENAI,
        base_url=address,
        credential=encrypt(key) if key else "",
        options=options,
        first_byte_timeout=PATIENCE,
        total_timeout=PATIENCE,
    )


def listed_at(place: Deployment) -> dict[str, dict[str, Any]]:
    """Return the models a server lists. Raises ``Incompatible``."""

    async def ask() -> dict[str, dict[str, Any]]:
        examination = Examination(place)
        try:
            return await examination.models()
        finally:
            await examination.close()

    found: dict[str, dict[str, Any]] = async_to_sync(ask)()
    return found


def examine(place: Deployment, upstream: str, entry: dict[str, Any]) -> Report:
    """Try a model. Raises ``Incompatible``."""

    async def ask() -> Report:
        examination = Examination(place)
        try:
            return await examination.of(upstream, entry)
        finally:
            await examination.close()

    report: Report = async_to_sync(ask)()
    return report


def chosen(listed: dict[str, dict[str, Any]], wanted: str) -> str:
    """Return which of the listed models is meant. Raises ``Incompatible``."""
    if wanted in listed:
        return wanted
    names = ", ".join(sorted(listed)[:20])
    if wanted:
        raise Incompatible(f"The server lists no {wanted}; it lists: {names}.")
    if len(listed) > 1:
        raise Incompatible(f"Say which with --upstream; the server lists: {names}.")
    return next(iter(listed))


def context_in_ollama(address: str, upstream: str) -> int:
    """Return what a model takes at most by Ollama's own account, or 0."""
    parts = urlsplit(address)
    url = urlunsplit(parts._replace(path="/api/show"))
    request = urllib.request.Request(  # noqa: S310 - staff give the address
        url,
        json.dumps({"model": upstream}).encode(),
        {"content-type": "application/json"},
    )
    try:
        # It reads a file's header for this; a disk that sleeps takes some seconds.
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            told = json.load(answer).get("model_info", {})
    except (urllib.error.URLError, OSError, ValueError, AttributeError):
        return 0
    sizes = [n for name, n in told.items() if name.endswith(".context_length")]
    return next((n for n in sizes if isinstance(n, int) and n > 0), 0)


def offer(place: Deployment, report: Report, wish: Wish) -> Model:
    """Write a model that was tried. Raises ``InvalidModel``."""
    context = wish.context_tokens or report.context_tokens or CONTEXT
    most_out = min(MOST_OUT, max(1, context // 2)) if report.can_chat else 1
    return publish_model(
        wish.name,
        status=Model.Status.ACTIVE if wish.is_published else Model.Status.DRAFT,
        capabilities=report.capabilities,
        context_tokens=context,
        max_output_tokens=most_out,
        default_output_tokens=min(DEFAULT_OUT, most_out),
        rates=wish.rates,
        deployments=[
            {
                "provider": place.provider,
                "base_url": place.base_url,
                "credential": place.credential,
                "upstream_model": report.upstream_model,
                "options": {**place.options, **report.options},
            }
        ],
        **wish.fields,
    )

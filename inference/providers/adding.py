"""Offering a model that another server runs, once it has been tried."""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

from asgiref.sync import async_to_sync
from django.utils.translation import gettext as _

from core.crypto import encrypt
from inference.catalog.models import CompatibilityCard, Deployment, Model
from inference.catalog.services import Rates, publish_model, record_card
from inference.providers.compatibility import Examination, Incompatible, Report

T = TypeVar("T")
# Where a server does not tell what it keeps: few keep less, and --context mends it.
CONTEXT = 4_096
MOST_OUT = 4_096  # as above
# A long answer in a chat, where a caller says nothing else.
DEFAULT_OUT = 800
# A server may load the model first.
PATIENCE = 180
# What a person waits for a page; a server that loads the model first is tried again.
PAGE_PATIENCE = 50.0
# Names are listed from memory; a page asks, so that it is less than a reader waits.
LIST_PATIENCE = 8.0
TITLES = {
    "gguf": "llama.cpp",
    "vllm": "vLLM",
    "ollama": "Ollama",
    "openai": "an OpenAI-compatible server",
}


class Ambiguous(Incompatible):
    """The server runs several models, and none was chosen."""


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


def listed_at(
    place: Deployment, *, patience: float = PATIENCE
) -> dict[str, dict[str, Any]]:
    """Return the models a server lists. Raises ``Incompatible``."""
    return _within(patience, place, lambda examination: examination.models())


def examine(
    place: Deployment,
    upstream: str,
    entry: dict[str, Any],
    *,
    patience: float = PATIENCE * 10,
) -> Report:
    """Try a model, for ``patience`` seconds in all. Raises ``Incompatible``."""
    return _within(patience, place, lambda examination: examination.of(upstream, entry))


def _within(
    patience: float,
    place: Deployment,
    ask: Callable[[Examination], Coroutine[Any, Any, T]],
) -> T:
    async def asked() -> T:
        examination = Examination(place)
        try:
            async with asyncio.timeout(patience):
                return await ask(examination)
        except TimeoutError as error:
            raise Incompatible(
                _(
                    "%(where)s did not finish within %(seconds)d seconds: a server may "
                    "load a model at its first question. Try again."
                )
                % {"where": place.base_url, "seconds": patience}
            ) from error
        finally:
            await examination.close()

    answer: T = async_to_sync(asked)()
    return answer


def chosen(listed: dict[str, dict[str, Any]], wanted: str) -> str:
    """Return which of the listed models is meant. Raises ``Incompatible``."""
    if wanted in listed:
        return wanted
    names = ", ".join(sorted(listed)[:20])
    values = {"wanted": wanted, "names": names}
    if wanted:
        raise Incompatible(
            _("The server lists no %(wanted)s; it lists: %(names)s.") % values
        )
    if len(listed) > 1:
        raise Ambiguous(_("Say which is meant; the server lists: %(names)s.") % values)
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
    model = publish_model(
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
    for offered in model.deployments.all():
        write_card(offered, report)
    return model


def write_card(place: Deployment, report: Report) -> CompatibilityCard:
    """Keep what was found out about a deployment."""
    return record_card(
        place,
        capabilities=report.capabilities,
        context_tokens=report.context_tokens,
        findings=[each.written() for each in report.findings],
    )


def described(wish: Wish, kind: str, upstream: str) -> Wish:
    """Return a wish with what nobody said: by the server's name for the model."""
    name = wish.name or upstream
    unsaid = {"title": name, "summary": f"{upstream}, served by {TITLES[kind]}."}
    return replace(wish, name=name, fields={**unsaid, **wish.fields})

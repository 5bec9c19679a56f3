"""Where a call would go, and why everything else is left out: nothing is sent.

The same functions judge as when a call comes (``eligibility``, ``router``); what the
gateways have seen of each deployment is read from their notes.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from asgiref.sync import async_to_sync

from inference.catalog.models import Deployment
from inference.directory.callers import Caller
from inference.directory.directory import Directory
from inference.directory.offers import OfferedModel
from inference.directory.spent import load_spent
from inference.gateway.eligibility import (
    check_call,
    find_model,
    fitting_bounds,
    obstacle_to,
    stand_ins,
)
from inference.protocol.errors import APIError
from inference.protocol.requests import CHAT, ModelRequest, parse
from inference.routing.notes import CircuitNote
from inference.routing.router import MAX_ATTEMPTS, Health, Router

_PICTURE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
_TOOL = {"type": "function", "function": {"name": "look", "parameters": {}}}
_SCHEMA = {"name": "answer", "schema": {"type": "object"}}


@dataclass(frozen=True, slots=True)
class PlaceStep:
    """One deployment: its turn from 1 on, or why it has none.

    ``out`` is ``paused``, ``open``, ``limited``, ``doubted`` or ``late``; ``share`` is
    the per cent of such calls that come here first, where several share them.
    """

    place: Deployment
    turn: int | None
    out: str = ""
    reason: str = ""
    seconds: int = 0
    share: int | None = None


@dataclass(frozen=True, slots=True)
class ModelStep:
    """A model on the way: its deployments, or why it is left out.

    ``obstacle`` is one of ``eligibility.Obstacle``, ``not_offered`` or ``too_small``.
    """

    slug: str
    places: tuple[PlaceStep, ...] = ()
    obstacle: str = ""


@dataclass(frozen=True, slots=True)
class Simulation:
    """What would become of a call. Money in billionths of a dollar.

    ``refusal`` is what the caller would be told instead; then there are no steps.
    """

    refusal: APIError | None = None
    steps: tuple[ModelStep, ...] = ()
    hold_nano: int = 0
    left_nano: int = 0
    prompt: int = 0
    answer: int = 0
    ceiling: int = 100

    @property
    def is_beyond_allowance(self) -> bool:
        return self.hold_nano > max(self.left_nano, 0)


def request_of(
    model: str,
    *,
    prompt: int,
    answer: int | None,
    bytes_per_token: float,
    stream: bool = False,
    tools: bool = False,
    images: bool = False,
    json: bool = False,
) -> ModelRequest:
    """Return a request for so many tokens. Raises ``APIError``."""
    text = "a" * max(1, int(prompt * bytes_per_token))
    content: Any = [{"type": "text", "text": text}, _PICTURE] if images else text
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": "user", "content": content}],
        "stream": stream,
    }
    if answer is not None:
        body["max_tokens"] = answer
    if tools:
        body["tools"] = [_TOOL]
    if json:
        body["response_format"] = {"type": "json_schema", "json_schema": _SCHEMA}
    return parse(CHAT, orjson.dumps(body))


@dataclass(frozen=True, slots=True)
class Known:
    """Who would call, what is on offer, and what is known of each deployment.

    ``pauses`` are the reasons staff gave, by deployment.
    """

    caller: Caller
    offered: dict[str, OfferedModel]
    notes: Mapping[int, CircuitNote]
    pauses: Mapping[int, str]


def simulate(known: Known, *, month: str, **asked: Any) -> Simulation:
    """Return what would become of a call; ``asked`` is what ``request_of`` takes."""
    caller, offered = known.caller, known.offered
    # Models are known and do not end while this looks.
    directory = Directory(models=offered, models_end_at=time.monotonic() + 60)
    try:
        model = async_to_sync(find_model)(directory, caller, asked["model"])
        call = request_of(**asked, bytes_per_token=model.bytes_per_token)
        check_call(call, model)
        others = stand_ins(call, model, caller, offered)
        runner, others, fitting = fitting_bounds(call, model, others)
    except APIError as refusal:
        return Simulation(refusal=refusal)
    bounds, most_out, _likely = fitting
    spent, *_rest = load_spent(caller.organisation_id, caller.key_id)
    return Simulation(
        steps=tuple(_steps(known, call, model, (runner, *others))),
        hold_nano=model.worst_price_of(
            bounds.estimated_in, bounds.most_out, bounds.parts
        ),
        left_nano=caller.most_of(month) - spent,
        prompt=bounds.estimated_in,
        answer=most_out,
        ceiling=model.fallback_ceiling,
    )


def _steps(
    known: Known,
    call: ModelRequest,
    model: OfferedModel,
    runners: tuple[OfferedModel, ...],
) -> Iterator[ModelStep]:
    """Yield the models in the order they are named, those left out in their place."""
    running = {runner.slug for runner in runners}
    router, turn = _router(known.notes), 0
    for slug in (model.slug, *model.fallbacks):
        one = known.offered.get(slug)
        if one is None:
            yield ModelStep(slug, obstacle="not_offered")
            continue
        if slug in running:
            places = tuple(_places(known, router, one, turn))
            turn += sum(each.turn is not None for each in places)
            yield ModelStep(slug, places)
            continue
        obstacle: str | None = None
        if one is not model:
            obstacle = obstacle_to(call, model, known.caller, one)
        yield ModelStep(slug, obstacle=obstacle or "too_small")


def _places(
    known: Known, router: Router, model: OfferedModel, before: int
) -> Iterator[PlaceStep]:
    """Yield a model's deployments in the order they would be tried."""
    order = [
        place
        for place, turn in router.candidates(
            model.deployments,
            caller=known.caller.organisation_id,
            left_out=model.paused,
            most=len(model.deployments),
        )
        if turn == 0
    ]
    equals = [place for place in order if place.priority == order[0].priority]
    weights = sum(max(place.weight, 1) for place in equals)
    for number, place in enumerate(order, before + 1):
        share = None
        if len(equals) > 1 and place in equals:
            share = round(100 * max(place.weight, 1) / weights)
        if number > MAX_ATTEMPTS:
            yield PlaceStep(place, None, "late", share=share)
        else:
            yield PlaceStep(place, number, share=share)
    for place in model.deployments:
        if place not in order:
            yield _out(place, known.notes.get(place.pk), known.pauses)


def _out(
    place: Deployment, note: CircuitNote | None, pauses: Mapping[int, str]
) -> PlaceStep:
    if place.pk in pauses:
        return PlaceStep(place, None, "paused", pauses[place.pk])
    if note is None:
        return PlaceStep(place, None, "doubted")
    seconds = max(0, round(note.open_until - time.time()))
    if note.is_probing:
        # Whose own requests failed there does not find out for the others.
        return PlaceStep(place, None, "doubted")
    out = "limited" if note.why == "limited" else "open"
    return PlaceStep(place, None, out, note.why, seconds)


def _router(notes: Mapping[int, CircuitNote]) -> Router:
    """Return a router that knows what the gateways wrote down."""
    router = Router()
    now, wall = time.monotonic(), time.time()
    for pk, note in notes.items():
        health = Health(
            open_until=now + note.open_until - wall,
            why=note.why,
            is_limited=note.why == "limited",
            # What no request can have brought about lets anybody find out.
            certain=int(note.why in {"unreachable", "refused"}),
        )
        for organisation in note.callers:
            health.doubt(organisation)
        router.health[pk] = health
    return router

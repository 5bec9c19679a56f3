"""May this caller ask this of this model, and how much can it come to?"""

from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlencode

from django.conf import settings

from inference.catalog.models import Deployment
from inference.directory.callers import Caller
from inference.directory.directory import Directory
from inference.directory.offers import OfferedModel
from inference.protocol import errors
from inference.protocol.capabilities import check_capabilities, drop_wishes
from inference.protocol.errors import APIError
from inference.protocol.fields import refuse_unknown
from inference.protocol.metering import UsageBounds
from inference.protocol.requests import PROMPTS, WRITE_NOTHING, ModelRequest

# Why a model may not answer in another's place.
Obstacle = Literal["itself", "not_for_key", "needs_plan", "too_dear", "cannot"]


async def find_model(directory: Directory, caller: Caller, slug: str) -> OfferedModel:
    """Return a model the caller may use, at their price. Raises ``APIError``."""
    offered = await directory.offered()
    model = offered.get(slug)
    if model is None or not caller.may_see(slug):
        visible = [name for name in offered if caller.may_see(name)]
        raise errors.model_not_found(slug, visible)
    if model.is_premium and not caller.features.premium_models:
        refusal = errors.model_requires_plan(slug, pricing_url(caller, slug))
        raise refusal.hinting(caller.hint, organisation_id=caller.organisation_id)
    return caller.priced(model)


def check_call(call: ModelRequest, model: OfferedModel) -> None:
    """Raise ``APIError`` for what the model does not take or cannot do."""
    if call.wording is not None:
        drop_wishes(call.payload, model.capabilities)
    _check(call, model)


def stand_ins(
    call: ModelRequest,
    model: OfferedModel,
    caller: Caller,
    offered: Mapping[str, OfferedModel],
) -> tuple[OfferedModel, ...]:
    """Return the models that may answer this call in another's place, in order."""
    found = []
    for slug in model.fallbacks:
        listed = offered.get(slug)
        other = caller.priced(listed) if listed is not None else None
        if other is not None and obstacle_to(call, model, caller, other) is None:
            found.append(other)
    return tuple(found)


def obstacle_to(
    call: ModelRequest, model: OfferedModel, caller: Caller, other: OfferedModel
) -> Obstacle | None:
    """Return why ``other`` may not answer in the place of ``model``, if it may not."""
    if other.slug == model.slug:
        return "itself"
    if not caller.may_see(other.slug):
        return "not_for_key"
    if other.is_premium and not caller.features.premium_models:
        return "needs_plan"
    if not other.may_stand_in_for(model):
        return "too_dear"
    try:
        _check(call, other)
    except APIError:
        return "cannot"
    return None


def fitting_bounds(
    call: ModelRequest, model: OfferedModel, others: tuple[OfferedModel, ...]
) -> tuple[OfferedModel, tuple[OfferedModel, ...], tuple[UsageBounds, int, int]]:
    """Return the first model a call fits into, who may follow, and ``bounds_of`` it.

    Raises ``APIError`` in the words of the model that was asked.
    """
    try:
        return model, others, bounds_of(call, model)
    except APIError:
        for number, other in enumerate(others, 1):
            if other.context_tokens > model.context_tokens:
                try:
                    return other, others[number:], bounds_of(call, other)
                except APIError:
                    continue
        raise


def _check(call: ModelRequest, model: OfferedModel) -> None:
    refuse_unknown(call.endpoint, call.payload, model.accepts)
    if call.endpoint in WRITE_NOTHING and all(
        d.provider != Deployment.Provider.OPENAI for d in model.deployments
    ):
        raise errors.bad_request(
            f"The model `{model.slug}` makes no {call.endpoint}.", "model"
        )
    check_capabilities(
        call.endpoint, call.payload, model=model.slug, able=model.capabilities
    )


def bounds_of(call: ModelRequest, model: OfferedModel) -> tuple[UsageBounds, int, int]:
    """Return what a call can use, the longest one answer may be, and a likely sum.

    What is asked for or, without that, all that the model can write in what its
    context leaves: this is sent upstream and this is what is held. Raises
    ``APIError`` for what cannot fit.
    """
    size, context = call.size, model.context_tokens
    estimated_in = max(1, size.estimate(model.bytes_per_token))
    each_in = estimated_in // size.texts
    thought = 0
    if call.endpoint in WRITE_NOTHING:
        most_out = likely = answers = 0
    else:
        room = max(context - each_in, model.default_output_tokens)
        most_out = min(call.max_tokens or room, model.max_output_tokens)
        likely = min(call.max_tokens or model.default_output_tokens, most_out)
        answers = call.choices * size.texts
        # No model thinks more than it can hold.
        thought = min(call.max_thought, context)
    # The estimate errs on the high side; only what cannot fit is refused.
    asked = most_out if call.max_tokens else 0
    if each_in * 0.5 + asked > context:
        raise errors.ContextExceeded(
            context,
            prompt=each_in,
            answer=asked or None,
            is_estimated=True,
            param=PROMPTS[call.endpoint],
        )
    bounds = UsageBounds(
        estimated_in=estimated_in,
        most_in=size.most(context),
        most_out=(most_out + thought) * answers,
        answers=answers,
        prompts=size.texts,
        bytes_per_token=model.bytes_per_token,
        parts=_parts_of(call),
    )
    return bounds, most_out, likely * answers


_USUAL_PARTS = ("cache_write_in", "reasoning_out")


def _parts_of(call: ModelRequest) -> tuple[str, ...]:
    """Return which parts with a price of their own this call can have."""
    parts: tuple[str, ...] = _USUAL_PARTS
    if call.size.attachments:
        parts += ("audio_in", "image_in")
    modalities = call.payload.get("modalities")
    if isinstance(modalities, list):
        parts += tuple(f"{one}_out" for one in ("audio", "image") if one in modalities)
    elif call.payload.get("audio"):
        parts += ("audio_out",)
    return parts


def pricing_url(caller: Caller, model: str) -> str:
    """Return where a plan is chosen for the caller, and then this model is tried."""
    wish = f"/playground/?{urlencode({'model': model})}"
    query = urlencode({"org": caller.organisation_slug, "next": wish}, safe="/")
    return f"{settings.SITE_URL}/pricing/?{query}"

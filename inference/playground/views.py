"""Talking to a model in the browser, with scripts or without."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.safestring import SafeString
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

import activity
from accounts.decorators import sign_in_required
from accounts.models import Membership, Organisation, User
from accounts.queries import current_organisation
from accounts.services import choose_organisation
from accounts.types import AuthenticatedHttpRequest
from core.reading import Values
from design import markdown
from drafts.hooks import attach
from edge import drafting
from inference.catalog.examples import base_url, call_examples, question_to
from inference.catalog.models import Model
from inference.catalog.queries import offered_models
from inference.playground import services
from inference.playground.forms import MOST_PROMPT, PromptForm, read_conversation
from inference.playground.services import Answer, CallRefused
from stores import limiter

_CALLERS = [Membership.Role.OWNER, Membership.Role.ADMIN, Membership.Role.MEMBER]
_CALLS_PER_MINUTE = 30
_KEYS_PER_HOUR = 60


@dataclass(frozen=True, slots=True)
class Turn:
    """One message as the page shows it."""

    role: str
    content: str
    html: SafeString


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an answer used and cost."""

    answer: Answer
    price_nano: int | None


@require_http_methods(["GET", "HEAD", "POST"])
def playground(request: HttpRequest) -> HttpResponse:
    """Show the form; a POST answers without scripts, or asks a visitor to sign in."""
    models = [model for model in offered_models() if model.writes]
    organisations = _organisations(request)
    if request.method != "POST":
        activity.track(request, "playground_viewed")
        form = PromptForm(
            initial={"stream": True}, models=models, organisations=organisations
        )
        form.ask(_wish(request, models, organisations))
        return _page(request, form, models)
    form = PromptForm(request.POST, models=models, organisations=organisations)
    if not form.is_valid():
        return _page(request, form, models, status=422)
    if not request.user.is_authenticated:
        # What was typed is a draft of this session, which signing in keeps.
        return _page(request, form, models, asks_to_sign_in=True)
    return _send(request, form, models, organisations)


@sign_in_required
@never_cache
@require_POST
def playground_key(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Hand this session's short-lived key to the page's script."""
    limiter.check("playground-key", request.user.pk, limit=_KEYS_PER_HOUR, period=3600)
    organisation = get_object_or_404(
        _callable_by(request.user), slug=Values(request.POST).text("organisation")
    )
    choose_organisation(request.user, organisation)
    secret, ends_at = services.secret_for(
        request.session, organisation, user=request.user
    )
    return JsonResponse({"secret": secret, "expires_at": ends_at.isoformat()})


def _send(
    request: Any,
    form: PromptForm,
    models: list[Model],
    organisations: list[Organisation],
) -> HttpResponse:
    limiter.check(
        "playground-call", request.user.pk, limit=_CALLS_PER_MINUTE, period=60
    )
    chosen = form.cleaned_data["organisation"]
    organisation = next(
        (org for org in organisations if not chosen or org.slug == chosen), None
    )
    if organisation is None:
        refusal = CallRefused(403, "", "no_organisation")
        return _page(request, form, models, refusal=refusal, status=403)
    choose_organisation(request.user, organisation)
    secret, _ends_at = services.secret_for(
        request.session, organisation, user=request.user
    )
    try:
        answer = services.ask(secret, form.payload())
    except CallRefused as refusal:
        return _page(request, form, models, refusal=refusal, status=_status_of(refusal))
    turns = [
        *form.cleaned_data["conversation"],
        {"role": "user", "content": form.cleaned_data["prompt"]},
        {"role": "assistant", "content": answer.text},
    ]
    now = {"prompt": "", "conversation": json.dumps(turns)}
    following = PromptForm(
        initial=form.cleaned_data | now, models=models, organisations=organisations
    )
    # The conversation goes on from here, wherever the page is opened again.
    sent = dict(request.POST.lists())
    drafting.replace(request, sent | {name: [text] for name, text in now.items()})
    price = next(
        (
            model.current[0].price_of(  # type: ignore[attr-defined]
                answer.tokens_in, answer.tokens_cached, answer.tokens_out
            )
            for model in models
            if model.slug == form.cleaned_data["model"] and model.current  # type: ignore[attr-defined]
        ),
        None,
    )
    return _page(
        request,
        following,
        models,
        outcome=Outcome(answer, price),
        payload=form.payload(),
    )


def _page(
    request: HttpRequest,
    form: PromptForm,
    models: list[Model],
    *,
    outcome: Outcome | None = None,
    refusal: CallRefused | None = None,
    payload: dict[str, Any] | None = None,
    asks_to_sign_in: bool = False,
    status: int = 200,
) -> HttpResponse:
    # The turns are drawn from the form, so what was kept comes first.
    attach(request, form)
    if payload is None and form.is_bound and form.is_valid():
        payload = form.payload()
    slug = str(form["model"].value() or (models[0].slug if models else ""))
    turns = read_conversation(str(form["conversation"].value() or "")) or []
    context = {
        "form": form,
        "models": models,
        "turns": [_turn(turn, index) for index, turn in enumerate(turns)],
        "outcome": outcome,
        "refusal": refusal,
        "asks_to_sign_in": asks_to_sign_in,
        "examples": call_examples(payload or question_to(slug)),
        "state": _state(models),
        # With a plan the way leads back to this model.
        "wish": f"{reverse('playground:playground')}?model={quote(slug)}",
        "templates": {
            "user": Turn("user", "", SafeString("")),
            "assistant": Turn("assistant", "", SafeString("")),
            "refusal": CallRefused(0, ""),
        },
    }
    return render(request, "playground/playground.html", context, status=status)


def _state(models: list[Model]) -> dict[str, Any]:
    """Return what the page's script has to know."""
    upgrade = reverse("subscriptions:upgrade-fragment", args=["SLUG"])
    return {
        "base_url": base_url(),
        "key_url": reverse("playground:playground-key"),
        "preview_url": reverse("design:preview"),
        "upgrade_url": upgrade.replace("SLUG", "{slug}"),
        # Billionths of a dollar per million tokens: in, cached, out.
        "prices": {
            model.slug: [price.price_in, price.price_cached_in, price.price_out]
            for model in models
            for price in model.current  # type: ignore[attr-defined]
        },
    }


def _wish(
    request: HttpRequest, models: list[Model], organisations: list[Organisation]
) -> dict[str, str]:
    """Return what the address asks for, and the organisation somebody is in."""
    asked = Values(request.GET)
    wish = {
        "model": asked.text("model"),
        "prompt": asked.text("prompt", most=MOST_PROMPT, strip=False),
    }
    if not wish["model"] and asked.text("edition") == Model.Edition.PREMIUM:
        premium = (model.slug for model in models if model.is_premium)
        wish["model"] = next(premium, "")
    if request.user.is_authenticated:
        slugs = {org.slug for org in organisations}
        current = current_organisation(request.user).slug
        named = [asked.text("organisation"), current]
        wish["organisation"] = next((slug for slug in named if slug in slugs), "")
    return wish


def _organisations(request: HttpRequest) -> list[Organisation]:
    user = request.user
    return list(_callable_by(user)) if user.is_authenticated else []


def _callable_by(user: User) -> Any:
    """Return the organisations whose allowance ``user`` may use."""
    return Organisation.objects.filter(
        memberships__user=user, memberships__role__in=_CALLERS
    ).order_by("kind", "name")


def _turn(turn: dict[str, str], index: int) -> Turn:
    is_answer = turn["role"] == "assistant"
    rendered = markdown.render(turn["content"], id_prefix=f"turn-{index}")
    return Turn(
        turn["role"], turn["content"], SafeString(rendered.html if is_answer else "")
    )


def _status_of(refusal: CallRefused) -> int:
    """Return the page's status: a refused key is ours, not the reader's."""
    return 502 if refusal.status == 401 else refusal.status

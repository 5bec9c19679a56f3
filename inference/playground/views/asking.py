"""Asking models in the browser, with scripts or without."""

import secrets
from collections.abc import Sequence
from typing import Any

from asgiref.sync import async_to_sync
from django.conf import settings
from django.db.models import QuerySet
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    StreamingHttpResponse,
)
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

import activity
from accounts.decorators import sign_in_required
from accounts.models import Membership, Organisation, User
from accounts.queries import current_organisation
from accounts.services import choose_organisation
from accounts.types import AuthenticatedHttpRequest
from core.errors import DomainError
from core.reading import Values
from drafts.hooks import attach
from edge import drafting
from inference.catalog.examples import call_examples, question_to
from inference.catalog.models import Model
from inference.catalog.queries import offered_models
from inference.playground import keys, runs, services
from inference.playground.exceptions import NotYetRevealed, NotYours
from inference.playground.forms import (
    MOST_PROMPT,
    PromptForm,
    SharingForm,
    TitleForm,
    initial_of,
)
from inference.playground.models import Chat, Message
from inference.playground.queries import Conversation, conversation
from inference.playground.samples import samples
from inference.playground.transcripts import heard_by, request_for, request_of
from stores import limiter

_CALLERS = [Membership.Role.OWNER, Membership.Role.ADMIN, Membership.Role.MEMBER]
# Answers a person may ask for, each model of a comparison for itself.
_CALLS_PER_MINUTE = 30
# So many chats stand beside the form; the others are on a page of their own.
_LATEST = 5


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def playground(request: HttpRequest) -> HttpResponse:
    """Show the form; a POST begins a chat, or asks a visitor to sign in."""
    models = _models()
    organisations = callable_by(request.user)
    if request.method != "POST":
        activity.track(request, "playground_viewed")
        form = PromptForm(models=models, organisations=organisations)
        form.ask(_wish(request, models, organisations))
        return _new_page(request, form, models)
    form = PromptForm(request.POST, models=models, organisations=organisations)
    if not form.is_valid():
        return _new_page(request, form, models, status=422)
    if not request.user.is_authenticated:
        # What was typed is a draft of this session, which signing in keeps.
        return _new_page(request, form, models, asks_to_sign_in=True)
    organisation = _payer(form, organisations)
    if organisation is None:
        return _new_page(request, form, models, status=403)
    _count(request.user, len(form.columns))
    choose_organisation(request.user, organisation)
    made = services.start_chat(
        form.prompt_of(_submission(request)),
        owner=request.user,
        organisation=organisation,
        columns=form.columns,
        is_blind=form.cleaned_data["is_blind"],
    )
    drafting.accept(request)
    return _answered(request, made)


@sign_in_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def chat(request: AuthenticatedHttpRequest, chat_id: str) -> HttpResponse:
    """Show a chat at its address; its owner's POST goes on with it."""
    found = visible_chat(request, chat_id)
    if request.method != "POST":
        return chat_page(request, found)
    require_owner(request, found)
    models = _models()
    organisations = callable_by(request.user)
    said = conversation(found, models)
    form = PromptForm(
        request.POST,
        models=models,
        organisations=organisations,
        chat=found,
        pending=said.pending,
    )
    if not form.is_valid():
        return chat_page(request, found, form=form, status=422)
    organisation = _payer(form, organisations)
    if organisation is None:
        return chat_page(request, found, form=form, status=403)
    _count(request.user, len(found.columns))
    choose_organisation(request.user, organisation)
    try:
        services.go_on(
            found,
            form.prompt_of(_submission(request)),
            organisation=organisation,
            model=form.cleaned_data.get("model", ""),
        )
    except DomainError as error:
        form.add_error(None, str(error))
        return chat_page(request, found, form=form, status=error.status)
    drafting.accept(request)
    return _answered(request, found)


@sign_in_required
@never_cache
@require_POST
def stream(request: AuthenticatedHttpRequest, chat_id: str) -> HttpResponseBase:
    """Bring the answers that wait, and tell the page's script as they come.

    They do not end with the request: a person who comes back finds them.
    """
    found = own_chat(request, chat_id)
    errands = _errands(request, found)
    if not errands:
        return HttpResponse(status=204)
    response = StreamingHttpResponse(
        runs.stream(errands), content_type="text/event-stream"
    )
    response["X-Accel-Buffering"] = "no"
    return response


@sign_in_required
@require_POST
def stop(request: AuthenticatedHttpRequest, chat_id: str) -> HttpResponse:
    """End the answers that are being written; what came is kept and paid for."""
    found = own_chat(request, chat_id)
    runs.stop(services.stop(found))
    if request.headers.get("X-Requested-With") == "fetch":
        return HttpResponse(status=204)
    return redirect(f"{found.get_absolute_url()}#last")


@never_cache
@require_safe
def answers(request: HttpRequest, chat_id: str) -> HttpResponse:
    """Return the last answers as they are now, for the page's script."""
    found = visible_chat(request, chat_id)
    said = conversation(found, _models())
    context = {**_context_of(request, said), "step": said.last}
    return render(request, "playground/_last.html", context)


@sign_in_required
@require_POST
def retry(request: AuthenticatedHttpRequest, chat_id: str) -> HttpResponse:
    """Ask once more for an answer that brought nothing."""
    found = own_chat(request, chat_id)
    # Any key of a row, which is a bigint.
    answer = Values(request.POST).whole("answer", default=0, least=0, most=2**62)
    _count(request.user, 1)
    services.retry(found, answer)
    return _answered(request, found)


@never_cache
@require_POST
def code(request: HttpRequest) -> HttpResponse:
    """Show the request of the form as a program makes it; nothing is sent."""
    models = _models()
    name = Values(request.POST).text("chat", most=40)  # an id has 12 characters
    found = visible_chat(request, name) if name else None
    said = conversation(found, models) if found else None
    form = PromptForm(
        request.POST,
        models=models,
        organisations=callable_by(request.user),
        chat=found,
        pending=said.pending if said else (),
    )
    form.full_clean()
    columns = form.columns or (found.columns if found else [])
    model = columns[0] if columns else models[0].slug if models else ""
    if said and said.is_hidden:
        # The first of the alphabet, wherever it stands.
        model = min(columns)
    asked: list[dict[str, Any]] = list(heard_by(0, said.messages)) if said else []
    if prompt := form.cleaned_data.get("prompt"):
        asked.append({"role": "user", "content": prompt})
    body = request_of(model, form.parameters(), asked or question_to("")["messages"])
    context = {
        "examples": call_examples(body),
        "form": form,
        "back": found.get_absolute_url() if found else reverse("playground:playground"),
    }
    is_part = request.headers.get("X-Requested-With") == "fetch"
    template = "playground/_code.html" if is_part else "playground/code.html"
    return render(request, template, context)


@never_cache
@require_safe
def answer_code(request: HttpRequest, chat_id: str, answer: int) -> HttpResponse:
    """Show the request that one answer was asked with."""
    found = visible_chat(request, chat_id)
    said = conversation(found, ())
    answers = found.messages.filter(role=Message.Role.ASSISTANT)
    asked = get_object_or_404(answers, pk=answer)
    if said.is_hidden:
        raise NotYetRevealed
    examples = call_examples(request_for(asked, said.messages))
    context = {"examples": examples, "back": _address(request, found)}
    return render(request, "playground/code.html", context)


def visible_chat(request: HttpRequest, chat_id: str) -> Chat:
    """Return a chat that the visitor may read, else 404."""
    is_form = request.method == "POST"
    sent = Values(request.POST) if is_form else Values(request.GET)
    token = sent.text("share", most=40)  # the column's width
    chats = Chat.objects.visible_to(request.user, token=token)
    return get_object_or_404(chats, public_id=chat_id)


def own_chat(request: HttpRequest, chat_id: str) -> Chat:
    """Return a chat of the user's own; 403 for another's that they may read."""
    found = visible_chat(request, chat_id)
    require_owner(request, found)
    return found


def require_owner(request: HttpRequest, found: Chat) -> None:
    """Refuse what only the owner of a chat may do."""
    if found.owner_id != request.user.pk:
        raise NotYours


def callable_by(user: Any) -> list[Organisation]:
    """Return the organisations whose allowance ``user`` may use."""
    if not user.is_authenticated:
        return []
    mine: QuerySet[Organisation] = Organisation.objects.filter(
        memberships__user=user, memberships__role__in=_CALLERS
    )
    return list(mine.order_by("kind", "name"))


def chat_page(
    request: HttpRequest,
    found: Chat,
    *,
    form: PromptForm | None = None,
    sharing: SharingForm | None = None,
    token: str = "",
    status: int = 200,
) -> HttpResponse:
    """Render a chat: with its form for its owner, to be read and forked for others."""
    models = _models()
    said = conversation(found, models)
    is_owner = found.owner_id == request.user.pk
    context = {**_context_of(request, said, token=token), "is_owner": is_owner}
    if is_owner:
        organisations = callable_by(request.user)
        form = form or _form_of(said, models, organisations)
        attach(request, form)
        context |= {
            "form": form,
            "submission": _submission(request) or secrets.token_hex(16),
            "sharing_form": sharing or _sharing_form(found, organisations),
            "title_form": TitleForm(initial={"title": found.title}),
            "link": _link(found),
            "has_models": bool(models),
        }
    response = render(request, "playground/chat.html", context, status=status)
    # A link to a chat is for those who have it: no search engine shows it around.
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response


def _context_of(
    request: HttpRequest, said: Conversation, *, token: str = ""
) -> dict[str, Any]:
    found = said.chat
    return {
        "chat": found,
        "said": said,
        "is_owner": found.owner_id == request.user.pk,
        # 40: the column's width.
        "token": token or Values(request.GET).text("share", most=40),
        # With a plan the way leads back here, where the answer is asked for again.
        "wish": found.get_absolute_url(),
        "organisation": found.organisation,
    }


def _form_of(
    said: Conversation, models: Sequence[Model], organisations: Sequence[Organisation]
) -> PromptForm:
    """Return the form of a chat's next message, set as the one before."""
    found = said.chat
    initial = initial_of(found.settings) | {"model": found.columns[0]}
    slugs = {org.pk: org.slug for org in organisations}
    if found.organisation_id in slugs:
        initial["organisation"] = slugs[found.organisation_id]
    return PromptForm(
        initial=initial,
        models=models,
        organisations=organisations,
        chat=found,
        pending=said.pending,
    )


def _sharing_form(found: Chat, organisations: Sequence[Organisation]) -> SharingForm:
    teams = teams_of(organisations)
    chosen = found.shared_with or found.organisation
    initial = {
        "sharing": found.sharing,
        "organisation": chosen.slug if chosen in teams else "",
    }
    return SharingForm(initial=initial, organisations=teams)


def teams_of(organisations: Sequence[Organisation]) -> list[Organisation]:
    """Return those a chat can be shared in: nobody else is in a personal one."""
    return [org for org in organisations if org.kind == Organisation.Kind.TEAM]


def _new_page(
    request: HttpRequest,
    form: PromptForm,
    models: Sequence[Model],
    *,
    asks_to_sign_in: bool = False,
    status: int = 200,
) -> HttpResponse:
    attach(request, form)
    user = request.user
    latest = (
        Chat.objects.filter(owner=user).order_by("-updated_at", "-pk")[:_LATEST]
        if user.is_authenticated
        else ()
    )
    context = {
        "form": form,
        "models": models,
        "latest": latest,
        "samples": samples(models),
        "submission": _submission(request) or secrets.token_hex(16),
        "asks_to_sign_in": asks_to_sign_in,
        "lacks_organisation": status == 403,
    }
    return render(request, "playground/playground.html", context, status=status)


def _answered(
    request: AuthenticatedHttpRequest | HttpRequest, found: Chat
) -> HttpResponse:
    """Go to the chat; a page without scripts gets its answers first."""
    is_live = Values(request.POST).has("live")
    errands = [] if is_live else _errands(request, found)
    if errands:
        async_to_sync(runs.bring_all)(errands)
    return redirect(f"{found.get_absolute_url()}#last")


def _errands(request: HttpRequest, found: Chat) -> list[runs.Errand]:
    """Take the answers of a chat that wait, each with its request and a key."""
    found.refresh_from_db(fields=["organisation"])
    organisation = found.organisation
    assert isinstance(request.user, User)  # noqa: S101 - owns the chat
    allowed = callable_by(request.user)
    if organisation not in allowed or organisation is None:
        # They left it, or may only pay its bills: nobody is called for.
        return []
    taken = services.claim(found)
    if not taken:
        return []
    secret = keys.secret_for(request.session, organisation, user=request.user)
    messages = list(found.messages.order_by("number", "column"))
    return [
        runs.Errand(answer.pk, secret, request_for(answer, messages))
        for answer in taken
    ]


def _payer(
    form: PromptForm, organisations: Sequence[Organisation]
) -> Organisation | None:
    """Return who pays for a valid form; without anybody the form says so."""
    chosen = form.cleaned_data.get("organisation")
    found = next(
        (org for org in organisations if not chosen or org.slug == chosen), None
    )
    if found is None:
        form.add_error(
            None,
            _(
                "None of your organisations lets you call models. "
                "Ask an owner for another role."
            ),
        )
    return found


def _count(user: User, answers: int) -> None:
    limiter.check(
        "playground-call", user.pk, limit=_CALLS_PER_MINUTE, period=60, cost=answers
    )


def _submission(request: HttpRequest) -> str:
    """Return which showing of a form was sent; sent twice, it is taken once."""
    return Values(request.POST).text("submission", most=64)  # the column's width


def _link(found: Chat) -> str:
    """Return the address a chat is shared by, if it is shared by one."""
    if found.sharing == Chat.Sharing.ORGANISATION:
        return f"{settings.SITE_URL}{found.get_absolute_url()}"
    if not found.share_token:
        return ""
    path = reverse("playground:shared", args=[found.share_token])
    return f"{settings.SITE_URL}{path}"


def _address(request: HttpRequest, found: Chat) -> str:
    token = Values(request.GET).text("share", most=40)  # the column's width
    return (
        reverse("playground:shared", args=[token])
        if token
        else found.get_absolute_url()
    )


def _wish(
    request: HttpRequest, models: Sequence[Model], organisations: Sequence[Organisation]
) -> dict[str, str]:
    """Return what the address asks for, and the organisation a person is in."""
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


def _models() -> list[Model]:
    """Return the models on offer that write; embeddings have nothing to say here."""
    return [model for model in offered_models() if model.writes]

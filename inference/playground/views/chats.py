"""What becomes of chats: listed, renamed, shared, forked, voted on, posted, deleted."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from accounts.decorators import sign_in_required
from accounts.models import Membership
from accounts.queries import current_organisation
from accounts.types import AuthenticatedHttpRequest
from core.reading import Values, cursor_of
from drafts import services as drafts
from drafts.slots import Slot
from edge import drafting
from edge.callers import place_of
from edge.pagination import paginate
from inference.catalog.models import Model
from inference.playground import services
from inference.playground.exceptions import NotYetRevealed
from inference.playground.forms import SharingForm, TitleForm
from inference.playground.models import Chat, Vote
from inference.playground.ranking import FEWEST, ranking
from inference.playground.transcripts import quoted
from inference.playground.views.asking import (
    callable_by,
    chat_page,
    own_chat,
    teams_of,
    visible_chat,
)
from stores import limiter

# As the console's other lists.
PAGE_SIZE = 30
# From one address; an office behind one reads a chat together, a guesser needs more.
_LINKS_PER_HOUR = 300
# A vote takes reading two answers; more than two a minute is no reading.
_VOTES_PER_HOUR = 120


@sign_in_required
@never_cache
@require_safe
def chat_list(request: AuthenticatedHttpRequest) -> HttpResponse:
    """List a person's chats, or those that colleagues share; the latest first."""
    of = Values(request.GET).choice("of", ("me", "team"), default="me")
    chats = Chat.objects.filter(owner=request.user)
    if of == "team":
        mine = Membership.objects.filter(user=request.user).values("organisation")
        chats = Chat.objects.filter(
            sharing=Chat.Sharing.ORGANISATION, shared_with__in=mine
        ).exclude(owner=request.user)
    page = paginate(
        chats.select_related("owner"),
        order_by=("-updated_at", "-pk"),
        cursor=cursor_of(request),
        page_size=PAGE_SIZE,
    )
    here = reverse("playground:chat-list")
    context = {
        "page": page,
        "of": of,
        "query": f"of={of}" if of == "team" else "",
        "tabs": [
            (here, _("Mine"), of == "me"),
            (f"{here}?of=team", _("Shared in my organisations"), of == "team"),
        ],
    }
    return render(request, "playground/chat_list.html", context)


@never_cache
@require_safe
def shared(request: HttpRequest, share: str) -> HttpResponseBase:
    """Show a chat to a visitor with its link, as far as the link reaches."""
    limiter.check(
        "playground-link",
        place_of(request),
        limit=_LINKS_PER_HOUR,
        period=3600,
    )
    chats = Chat.objects.filter(share_token=share)
    found = chats.visible_to(request.user, token=share).first()
    if found is None:
        return _not_there(request)
    return chat_page(request, found, token=share)


@sign_in_required
def _not_there(request: HttpRequest) -> HttpResponseBase:
    # Whether there is such a chat is told to nobody who has not signed in.
    raise Http404


@sign_in_required
@require_POST
def rename(request: AuthenticatedHttpRequest, chat_id: str) -> HttpResponse:
    """Give a chat another title."""
    found = own_chat(request, chat_id)
    form = TitleForm(request.POST)
    if form.is_valid():
        services.rename(found, form.cleaned_data["title"])
        drafting.accept(request)
    else:
        messages.error(request, str(form.errors["title"].as_text()))
    return redirect(found)


@sign_in_required
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: AuthenticatedHttpRequest, chat_id: str) -> HttpResponse:
    """Ask whether a chat is to go; a POST deletes it."""
    found = own_chat(request, chat_id)
    if request.method != "POST":
        return render(request, "playground/chat_delete.html", {"chat": found})
    services.delete(found)
    messages.success(
        request, _("The chat is deleted. What it cost stays on the usage page.")
    )
    return redirect("playground:chat-list")


@sign_in_required
@require_POST
def share(request: AuthenticatedHttpRequest, chat_id: str) -> HttpResponse:
    """Let others read a chat, or nobody any more."""
    found = own_chat(request, chat_id)
    form = SharingForm(request.POST, organisations=teams_of(callable_by(request.user)))
    if not form.is_valid():
        return chat_page(request, found, sharing=form, status=422)
    services.share(found, form.cleaned_data["sharing"], organisation=form.team)
    if form.cleaned_data["sharing"] == Chat.Sharing.PRIVATE:
        messages.success(request, _("Only you can read this chat now."))
    else:
        messages.success(
            request, _("The chat is shared. You can withdraw that at any time.")
        )
    return redirect(f"{found.get_absolute_url()}#sharing")


@sign_in_required
@require_POST
def fork(request: AuthenticatedHttpRequest, chat_id: str) -> HttpResponse:
    """Go on from one message in a chat of one's own."""
    found = visible_chat(request, chat_id)
    # Any key of a row, which is a bigint.
    wanted = Values(request.POST).whole("message", default=0, least=0, most=2**62)
    at = get_object_or_404(found.messages.all(), pk=wanted)
    organisation = current_organisation(request.user)
    if organisation not in callable_by(request.user):
        organisation = None  # type: ignore[assignment]
    made = services.fork(found, at=at, by=request.user, organisation=organisation)
    messages.success(request, _("This is a copy of your own, from that message on."))
    return redirect(f"{made.get_absolute_url()}#ask")


@sign_in_required
@require_POST
def vote(request: AuthenticatedHttpRequest, chat_id: str) -> HttpResponse:
    """Judge a blind comparison; the answer names the models."""
    found = own_chat(request, chat_id)
    columns = map(str, range(len(found.columns)))
    choices = (*columns, Vote.Verdict.TIE.value, Vote.Verdict.BAD.value)
    choice = Values(request.POST).choice("choice", choices)
    if not choice:
        return redirect(f"{found.get_absolute_url()}#vote")
    limiter.check(
        "playground-vote", request.user.pk, limit=_VOTES_PER_HOUR, period=3600
    )
    made = services.vote(found, choice, by=request.user)
    if made.is_counted:
        messages.success(
            request, _("Your vote counts in the ranking. The names are shown now.")
        )
    else:
        messages.info(
            request,
            _(
                "The names are shown now. This vote is not ranked: "
                "an answer was not whole, or named its model."
            ),
        )
    return redirect(f"{found.get_absolute_url()}#last")


@never_cache
@require_safe
def rankings(request: HttpRequest) -> HttpResponse:
    """Show which models people prefer in blind comparisons."""
    language = Values(request.GET).choice("language", ("en", "zh"))
    here = reverse("playground:ranking")
    titles = dict(Model.objects.values_list("slug", "title"))
    context = {
        "ranks": [
            (rank, titles.get(rank.model, rank.model)) for rank in ranking(language)
        ],
        "fewest": FEWEST,
        "tabs": [
            (here, _("All prompts"), not language),
            (f"{here}?language=en", _("English prompts"), language == "en"),
            (f"{here}?language=zh", _("Chinese prompts"), language == "zh"),
        ],
    }
    return render(request, "playground/ranking.html", context)


@sign_in_required
@require_POST
def post(request: AuthenticatedHttpRequest, chat_id: str) -> HttpResponse:
    """Put a chat into the draft of a new topic, where its author sees it first.

    Nothing is posted, and a draft that is there already stays.
    """
    found = own_chat(request, chat_id)
    if services.is_hidden(found):
        raise NotYetRevealed
    said = found.messages.order_by("number", "column")
    titles = dict(Model.objects.values_list("slug", "title"))
    text = quoted(list(said), titles, _("Me"))
    place = reverse("forum:topic-create")
    slot = Slot(owner=request.user.public_id, place=place)
    fields = {
        "kind": ["discussion"],
        "title": [found.title],
        "text": [f"{text}\n\n"],
    }
    drafts.keep(slot, fields, owner=drafts.Owner(request.user))
    return redirect(place)

"""The directory, and whom one follows, mutes and blocks."""

from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.decorators import sign_in_required
from accounts.models import User
from accounts.types import AuthenticatedHttpRequest
from community.forum.models import Topic
from community.people import services
from community.people.models import Stance
from community.people.queries import find_people, suggest_people
from core.reading import MOST_DIGITS, Values, cursor_of
from edge.pagination import paginate
from stores import limiter

# As long as a user name is.
MOST_WORDS = 40
# Longer numbers are no primary key, and ``Values`` reads none.
MOST_KEY = 10**MOST_DIGITS - 1


@require_safe
@sign_in_required
def directory(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Who is here, the newest first; by the beginning of a name."""
    words = Values(request.GET).text("q", most=MOST_WORDS)
    page = paginate(
        find_people(words),
        order_by=("-date_joined", "-pk"),
        cursor=cursor_of(request),
    )
    context = {"page": page, "words": words, "query": urlencode({"q": words})}
    return render(request, "people/directory.html", context)


@require_safe
@sign_in_required
def names(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Whom a name that is being typed may mean, as options of a list; a fragment.

    ``q`` is what stands behind the “@”, ``topic`` the topic it is written in. Raises
    ``RateLimited``.
    """
    # Two a second, for a minute: nobody types names faster, and copying the directory
    # this way is no quicker than reading its pages.
    limiter.check("names", request.user.pk, limit=120, period=60)
    values = Values(request.GET)
    words = values.text("q", most=MOST_WORDS)
    topic = None
    if values.has("topic"):
        visible = Topic.objects.visible_to(request.user).select_related("category")
        pk = values.whole("topic", default=0, least=0, most=MOST_KEY)
        topic = get_object_or_404(visible, pk=pk)
    people = suggest_people(words, to=request.user, topic=topic)
    return render(request, "people/_names.html", {"people": people})


@require_safe
@sign_in_required
def stance_list(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Whom one follows, mutes and blocks; nobody else sees it."""
    mine = Stance.objects.visible_to(request.user).select_related("person")
    page = paginate(mine, order_by=("-created_at", "-pk"), cursor=cursor_of(request))
    return render(request, "people/stance_list.html", {"page": page})


@require_POST
@sign_in_required
def stance_set(request: AuthenticatedHttpRequest, username: str) -> HttpResponse:
    """Follow, mute or block a person, or stop it."""
    person = get_object_or_404(User, username=username, is_active=True)
    values = Values(request.POST)
    wish = values.choice("kind", ("none", *Stance.Kind.values), default="none")
    kind = None if wish == "none" else Stance.Kind(wish)
    services.set_stance(person, by=request.user, kind=kind)
    messages.success(request, _said(kind, person))
    if values.flag("list"):
        return redirect("people:stance-list")
    return redirect(person.get_absolute_url())


def _said(kind: Stance.Kind | None, person: User) -> str:
    sentences = {
        Stance.Kind.FOLLOW: _("You follow %(name)s."),
        Stance.Kind.MUTE: _("You hear nothing of %(name)s any more."),
        Stance.Kind.BLOCK: _(
            "You hear nothing of %(name)s any more, and get no messages of theirs."
        ),
        None: _("Nothing is kept about %(name)s any more."),
    }
    return sentences[kind] % {"name": person.name}

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
from community.people import services
from community.people.models import Stance
from community.people.queries import find_people
from core.reading import Values, cursor_of
from edge.pagination import paginate

# As long as a user name is.
MOST_WORDS = 40


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

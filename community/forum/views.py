"""The forum's pages."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from accounts.decorators import own_address, sign_in_required
from accounts.types import AuthenticatedHttpRequest
from community.forum import permissions, services
from community.forum.cleaning import clean_title
from community.forum.forms import ReplyForm, TopicForm
from community.forum.lookups import (
    moved_place,
    post_place,
    reply_form,
    topic_page,
    visible_post,
    visible_topic,
)
from community.forum.models import (
    Category,
    Tag,
    Topic,
    TopicQuerySet,
    TopicUser,
    WatchLevel,
)
from community.forum.pages.topics import MOST_POSTS, show_topic, why_silent
from community.forum.queries import (
    PERIODS,
    SORTS,
    WITHOUT_SIGN_IN,
    alike,
    list_topics,
    liveliness,
    pinned_topics,
    rows_of,
    sidebar_of,
    without_muted,
)
from community.forum.watching import watch_level
from community.forum.windows import quoted
from core.errors import DomainError
from core.reading import Values, cursor_of
from edge import drafting
from edge.types import PageRequest
from knowledge.queries import what_next


@require_safe
def topic_list(request: PageRequest) -> HttpResponse:
    """All topics, in the order asked for."""
    visible = Topic.objects.visible_to(request.user)
    return _list(request, without_muted(visible, request.user), title=_("Community"))


@require_safe
def category_detail(request: PageRequest, slug: str) -> HttpResponse:
    """The topics of a category."""
    category = get_object_or_404(Category.objects.visible_to(request.user), slug=slug)
    visible = Topic.objects.visible_to(request.user).filter(category=category)
    return _list(
        request,
        visible,
        title=category.localised_name,
        lead=category.localised_description,
        category=category,
    )


@require_safe
def tag_detail(request: PageRequest, slug: str) -> HttpResponse:
    """The topics under a tag."""
    visible_tags = Tag.objects.visible_to(request.user)
    tag = visible_tags.filter(slug=slug).first()
    if tag is None:
        # Another name leads to the tag.
        tag = get_object_or_404(visible_tags, synonyms__slug=slug)
        response = redirect(tag, permanent=True)
        # It may be a tag of its own again: a browser has to ask.
        response["Cache-Control"] = "no-cache"
        return response
    visible = Topic.objects.visible_to(request.user)
    return _list(request, visible, title=f"#{tag.name}", tag=tag)


@require_http_methods(["GET", "POST"])
@sign_in_required(page=own_address)
def topic_create(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Ask a question or begin a discussion."""
    if request.method == "GET":
        form = TopicForm.asked_for(Values(request.GET), user=request.user)
        return _composer(request, form)
    if Values(request.POST).choice("act", ("template",)):
        form = TopicForm.with_template(request.POST, user=request.user)
        return _composer(request, form)
    form = TopicForm(request.POST, user=request.user)
    if form.is_valid():
        values = form.cleaned_data
        try:
            topic = services.create_topic(
                values["category"],
                author=request.user,
                title=values["title"],
                text=values["text"],
                kind=values["kind"],
                tags=values["tags"],
                pinned_days=values.get("pinned_days") or 0,
                poll=values["poll"],
                client_token=values["client_token"],
            )
        except DomainError as error:
            form.refuse(error)
        else:
            drafting.accept(request)
            return redirect(topic)
    return _composer(request, form, status=422)


@require_safe
def topic_detail(request: PageRequest, pk: str, slug: str = "") -> HttpResponse:
    """One topic with its answers or replies."""
    topic = visible_topic(request, int(pk))
    number = Values(request.GET).whole("n", default=0, least=0, most=MOST_POSTS)
    if topic.pk != int(pk) and (place := moved_place(request, int(pk), number or 1)):
        return place
    if slug != topic.slug:
        query = request.META.get("QUERY_STRING", "")
        address = topic.get_absolute_url() + (f"?{query}" if query else "")
        return redirect(address, permanent=True)
    if number > 1 and (place := moved_place(request, topic.pk, number)):
        return place
    request.activity_subject = f"topic:{topic.pk}"  # type: ignore[attr-defined]
    services.record_view(topic)
    form = ReplyForm()
    quote = Values(request.GET).whole("quote", default=0, least=1, most=MOST_POSTS)
    if quotation := quoted(topic, user=request.user, number=quote):
        form.quote(quotation)
    return show_topic(request, topic, form)


@require_POST
@sign_in_required(page=reply_form)
def reply_create(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Post a reply."""
    topic = visible_topic(request, pk)
    form = ReplyForm(request.POST)
    if form.is_valid():
        try:
            post = services.post_reply(
                topic,
                author=request.user,
                text=form.cleaned_data["text"],
                client_token=form.cleaned_data["client_token"],
            )
        except DomainError as error:
            form.refuse(error)
        else:
            drafting.accept(request)
            post.topic = topic
            return redirect(post)
    return show_topic(request, topic, form, status=422)


@require_POST
@sign_in_required(page=post_place)
def answer_accept(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Mark an answer as what solved the question."""
    answer = visible_post(request, pk)
    if not permissions.can_accept(request.user, answer.topic):
        raise PermissionDenied
    services.accept_answer(answer, by=request.user)
    return redirect(answer.topic)


@require_POST
@sign_in_required(page=topic_page)
def answer_unaccept(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Take the mark off again."""
    topic = visible_topic(request, pk)
    if not permissions.can_accept(request.user, topic):
        raise PermissionDenied
    services.unaccept_answer(topic, by=request.user)
    return redirect(topic)


@require_POST
@sign_in_required(page=topic_page)
def topic_watch(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Follow a topic, or stop."""
    topic = visible_topic(request, pk)
    level = Values(request.POST).choice("level", TopicUser.Level.values)
    if not level:
        raise PermissionDenied
    services.set_level(topic, user=request.user, level=level)
    return redirect(topic)


@require_safe
def latest(request: HttpRequest) -> HttpResponse:
    """The newest answered topics, as a fragment for other pages."""
    visible = Topic.objects.visible_to(request.user).listed()
    solved = visible.filter(solution__isnull=False).order_by("-bumped_at", "-pk")
    topics = list(solved.select_related("category", "author")[:5])
    if not topics:
        newest = visible.order_by("-bumped_at", "-pk")
        topics = list(newest.select_related("category", "author")[:5])
    return render(
        request, "forum/_rows.html", {"rows": rows_of(topics, user=request.user)}
    )


@require_safe
def numbers(request: HttpRequest) -> HttpResponse:
    """How lively the forum is, as a fragment for the home page."""
    return render(request, "forum/_numbers.html", liveliness(request.user))


@require_safe
def similar(request: HttpRequest) -> HttpResponse:
    """Topics like the title being typed."""
    # A paste may be long; the index looks at the first words of it.
    words = clean_title(Values(request.GET).text("title", most=10_000))[:200]
    hits = alike(words, user=request.user)
    return render(request, "forum/_similar.html", {"hits": hits})


@require_safe
def related(request: HttpRequest, pk: int) -> HttpResponse:
    """What others read next and topics about the same, for the topic's page."""
    topic = visible_topic(request, pk)
    hits = alike(topic.title, user=request.user, besides=topic.pk)
    following = what_next("topic", str(topic.pk), actor=request.user)
    context = {"hits": hits, "next_nodes": following}
    return render(request, "forum/_related.html", context)


def _composer(
    request: AuthenticatedHttpRequest, form: TopicForm, *, status: int = 200
) -> HttpResponse:
    context = {
        "form": form,
        "aside_title": _("What gets an answer soon"),
        "sanctioned": why_silent(request),
    }
    return render(request, "forum/topic_create.html", context, status=status)


def _list(
    request: PageRequest,
    visible: TopicQuerySet,
    *,
    title: str,
    lead: str = "",
    category: Category | None = None,
    tag: Tag | None = None,
) -> HttpResponse:
    allowed = SORTS if request.user.is_authenticated else WITHOUT_SIGN_IN
    asked = Values(request.GET)
    sort = asked.choice("sort", SORTS, default="latest")
    period = asked.choice("period", PERIODS, default="all")
    # Lists of one's own are no lists once one has signed out.
    sort = sort if sort in allowed else "latest"
    cursor = cursor_of(request)
    page = list_topics(
        visible, user=request.user, sort=sort, cursor=cursor, tag=tag, period=period
    )
    # A tag's list is short and has its own order: nothing is pinned to it.
    pinned = pinned_topics(visible) if sort == "latest" and tag is None else []
    # More may be pinned than stand on top: those are found where they belong.
    above = {topic.pk for topic in pinned}
    shown = [topic for topic in page.items if topic.pk not in above]
    on_top = [] if cursor else pinned
    query = request.GET.copy()
    query.pop("cursor", None)
    context = {
        "title": title,
        "lead": lead,
        "rows": rows_of([*on_top, *shown], user=request.user),
        "page": page,
        "query": query.urlencode(),
        "tabs": [(f"?sort={name}", SORTS[name], name == sort) for name in allowed],
        "periods": [
            (f"?sort=top&period={name}", label, name == period)
            for name, label in PERIODS.items()
            if sort == "top"
        ],
        "sort": sort,
        **sidebar_of(request.user),
        "category": category,
        "tag": tag,
        "watch_level": watch_level(category or tag, request.user),
        "watch_levels": WatchLevel.choices,
    }
    return render(request, "forum/topic_list.html", context)

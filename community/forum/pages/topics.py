"""The page of one topic, as its addresses and its forms show it."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from accounts.models import User
from community.forum import permissions, services
from community.forum.forms import ReplyForm, new_token
from community.forum.models import Category, Tag, Topic, WatchLevel
from community.forum.polls import PollRow
from community.forum.sharing import question_page, summary_of
from community.forum.windows import best_window_of, reader_of, window_of
from community.standing.exceptions import Sanctioned
from community.standing.queries import sanction_on
from core.reading import Values, cursor_of
from edge.types import PageRequest

# Faces that fit in a row at 320 pixels.
PEOPLE = 8
# How the replies of a topic may be ordered.
ORDERS = ("oldest", "votes")
# Numbers of posts in addresses; no topic comes near it.
MOST_POSTS = 999_999
# For how many days a topic may be pinned; 0 is until the pin is taken off. A
# day is an event, a week an announcement, a month a release.
PIN_DAYS = (0, 1, 7, 30)


@dataclass(frozen=True, slots=True)
class RefusedBallot:
    """What was chosen in a poll, and why that was no vote."""

    poll_id: int
    options: frozenset[int]
    reason: str

    def add_to(self, rows: Iterable[PollRow | None]) -> None:
        """Show it in the poll's own form."""
        for row in rows:
            if row is not None and row.poll.pk == self.poll_id:
                row.error, row.chosen = self.reason, self.options


def show_topic(
    request: PageRequest,
    topic: Topic,
    form: ReplyForm,
    *,
    refused: RefusedBallot | None = None,
    status: int = 200,
) -> HttpResponse:
    """Return the page of a topic, with what was typed or chosen and refused."""
    asked = Values(request.GET)
    number = asked.whole("n", default=0, least=0, most=MOST_POSTS)
    by_votes = asked.choice("sort", ORDERS, default="oldest") == "votes"
    reader = reader_of(topic, request.user)
    if by_votes:
        cursor = cursor_of(request)
        window = best_window_of(topic, user=request.user, cursor=cursor)
        # Of posts in another order only all or none have been read up to a number.
        is_whole = not window.next_cursor and not window.previous_cursor
        last_shown = topic.highest_number if is_whole else 1
    else:
        # A window that begins at the post itself hides what it answers.
        around = max(2, number - 3) if number else None
        window = window_of(topic, user=request.user, around=around)
        last_shown = max((row.post.number for row in window.posts), default=1)
        if window.next_number is None:
            # Hidden posts at the end are nothing to come back for.
            last_shown = topic.highest_number
    if request.user.is_authenticated:
        comments = [each.comment for row in window.rows for each in row.comments]
        services.mark_comments_read(comments, user=request.user)
    if request.user.is_authenticated and (
        reader is None or reader.last_read_number < last_shown
    ):
        services.mark_read(topic, user=request.user, number=last_shown)
    # What was there at the last visit; a hidden post is no place to jump to.
    begun = reader.last_read_number if reader else topic.highest_number
    unread = [
        row.post.number
        for row in window.posts
        # What solved a question stands above all others.
        if row.post.number > begun and not (row.is_solution and topic.is_question)
    ]
    if refused is not None:
        refused.add_to(row.poll for row in window.rows)
    authors = {row.post.author_id: row.post.author for row in window.rows}
    context = {
        "topic": topic,
        "window": window,
        "summary": summary_of(window),
        "question_page": question_page(topic, window),
        "people": list(authors.values())[:PEOPLE],
        "aside_title": _("About this topic"),
        "form": form,
        "tags": list(Tag.objects.filter(topic_tags__topic=topic).order_by("name")),
        "reader": reader,
        "watch_levels": WatchLevel.choices,
        "order_query": "sort=votes",
        # One for the page; each form adds the post it stands under.
        "comment_token": new_token(),
        "orders": [
            ("?", _("Oldest first"), not by_votes),
            ("?sort=votes", _("Most useful first"), by_votes),
        ],
        "first_unread": 0 if by_votes else min(unread, default=0),
        "further_unread": begun + 1
        if begun + 1 >= (window.next_number or math.inf)
        else 0,
        "can_accept": permissions.can_accept(request.user, topic),
        "can_moderate": permissions.can_moderate(request.user),
        "can_reply": permissions.can_reply(request.user, topic),
        "sanctioned": why_silent(request),
        **_of_idea(request, topic),
        **_for_moderators(request, topic),
    }
    return render(request, "forum/topic_detail.html", context, status=status)


def why_silent(request: PageRequest) -> str:
    """Return why the reader may not write here now, and until when; else nothing."""
    if not isinstance(request.user, User):
        return ""
    sanction = sanction_on(request.user)
    return str(Sanctioned(sanction)) if sanction else ""


def _of_idea(request: PageRequest, topic: Topic) -> dict[str, object]:
    if not topic.is_idea:
        return {}
    if isinstance(request.user, User):
        services.mark_decision_read(topic, user=request.user)
    return {
        "decisions": list(topic.decisions.select_related("by").order_by("-pk")),
        "can_decide": permissions.can_decide_idea(request.user, topic),
    }


def _for_moderators(request: PageRequest, topic: Topic) -> dict[str, object]:
    if not permissions.can_moderate(request.user):
        return {}
    return {
        "categories": Category.objects.all(),
        "joined": topic.merged.all(),
        "kinds": Topic.Kind.choices,
        "pin_days": PIN_DAYS,
    }

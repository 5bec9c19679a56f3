"""Polls over REST: asking, voting, ending, and who voted."""

from typing import Any

from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import caller
from community.forum import permissions, services
from community.forum.models import MOST_OPTIONS, Ballot, Poll, Post
from community.forum.poll_serializers import NewPollSerializer, poll_of
from community.forum.polls import PollRow, poll_rows
from community.forum.rest.reading import WRITES, visible_post
from core.reading import MOST_DIGITS
from edge.endpoints import Endpoint, PageQuery, PageSerializer, page_of, takes
from edge.pagination import paginate
from edge.rest import StrictSerializer


class BallotChoiceSerializer(StrictSerializer):
    """The options, by their ids, the caller votes for; none takes the vote back."""

    options = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=10**MOST_DIGITS - 1),
        max_length=MOST_OPTIONS,
    )


class OptionSerializer(serializers.Serializer[Any]):
    """An option, and how many chose it where the caller may know."""

    id = serializers.IntegerField(source="option.pk")
    text = serializers.CharField(source="option.text")
    votes = serializers.IntegerField(source="count", allow_null=True)
    is_mine = serializers.BooleanField()


class PollSerializer(serializers.Serializer[Any]):
    """A poll as the caller may see it."""

    post = serializers.IntegerField(source="poll.post_id")
    question = serializers.CharField(source="poll.question")
    options = OptionSerializer(many=True)
    most_choices = serializers.IntegerField(source="poll.most_choices")
    is_anonymous = serializers.BooleanField(source="poll.is_anonymous")
    results = serializers.CharField(source="poll.results")
    ends_at = serializers.DateTimeField(source="poll.ends_at", allow_null=True)
    has_ended = serializers.BooleanField(source="poll.has_ended")
    people = serializers.IntegerField(
        source="poll.ballot_count", help_text="How many voted."
    )
    has_voted = serializers.BooleanField()
    shows_results = serializers.BooleanField()


class BallotSerializer(serializers.Serializer[Any]):
    """A vote in a poll: whose, for what, and when."""

    poll = serializers.IntegerField(
        source="poll.post_id", help_text="The poll, by the id of its post."
    )
    question = serializers.CharField(source="poll.question")
    username = serializers.CharField(
        source="user.username",
        default=None,
        help_text="Null of an account that was deleted.",
    )
    options = serializers.ListField(source="chosen", child=serializers.CharField())
    voted_at = serializers.DateTimeField()


class BallotPageSerializer(PageSerializer):
    """A page of votes, the latest first."""

    results = BallotSerializer(many=True)


class PollDetail(Endpoint):
    """The poll of a post: reading, asking and removing it."""

    permission_classes = WRITES

    @extend_schema(operation_id="get_poll", responses=PollSerializer)
    def get(self, request: Request, pk: int) -> Response:
        return _answer(request, visible_post(request, pk))

    @extend_schema(operation_id="set_poll", responses=PollSerializer)
    @takes(NewPollSerializer)
    def put(self, request: Request, pk: int) -> Response:
        post = _own(request, pk)
        values = self.read_body()
        services.set_poll(post, poll_of(values), by=caller(request))
        return _answer(request, post)

    @extend_schema(operation_id="remove_poll", responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        poll = _poll(_own(request, pk))
        is_forced = permissions.can_moderate(request.user)
        services.remove_poll(poll, by=caller(request), is_forced=is_forced)
        return Response(status=204)


class PollVoting(Endpoint):
    """The caller's vote in a poll."""

    permission_classes = WRITES

    @extend_schema(
        operation_id="vote_in_poll",
        responses=PollSerializer,
    )
    @takes(BallotChoiceSerializer)
    def put(self, request: Request, pk: int) -> Response:
        post = visible_post(request, pk)
        options = self.read_body()["options"]
        services.set_ballot(_poll(post), by=caller(request), options=options)
        return _answer(request, post)

    @extend_schema(operation_id="take_poll_vote_back", responses=PollSerializer)
    def delete(self, request: Request, pk: int) -> Response:
        post = visible_post(request, pk)
        services.set_ballot(_poll(post), by=caller(request), options=())
        return _answer(request, post)


class PollEnding(Endpoint):
    """Letting nobody vote from now on."""

    permission_classes = WRITES

    @extend_schema(operation_id="end_poll", responses=PollSerializer)
    def post(self, request: Request, pk: int) -> Response:
        post = _own(request, pk)
        services.mark_ended(_poll(post), by=caller(request))
        return _answer(request, post)


class VoterList(Endpoint):
    """Who voted in a named poll whose results the caller may see."""

    query = PageQuery

    @extend_schema(operation_id="list_poll_votes", responses=BallotPageSerializer)
    def get(self, request: Request, pk: int) -> Response:
        poll = _poll(visible_post(request, pk))
        if poll.is_anonymous or not _row(request, poll).shows_results:
            raise Http404
        ballots = Ballot.objects.visible_to(request.user).filter(poll=poll)
        return Response(_page(ballots, self.asked["cursor"]))


class BallotList(Endpoint):
    """What the caller voted for in polls, to keep."""

    query = PageQuery
    permission_classes = [IsAuthenticated]

    @extend_schema(operation_id="list_my_poll_votes", responses=BallotPageSerializer)
    def get(self, request: Request) -> Response:
        ballots = Ballot.objects.visible_to(request.user).filter(user=caller(request))
        return Response(_page(ballots, self.asked["cursor"]))


def _page(ballots: Any, cursor: str) -> dict[str, Any]:
    related = ballots.select_related("user", "poll").prefetch_related("options")
    page = paginate(related, order_by=("-voted_at", "-pk"), cursor=cursor)
    return page_of(page, BallotSerializer)


def _own(request: Request, pk: int) -> Post:
    post = visible_post(request, pk)
    if not permissions.can_edit(request.user, post):
        raise PermissionDenied
    return post


def _poll(post: Post) -> Poll:
    poll = get_object_or_404(Poll, post=post)
    poll.post = post
    return poll


def _row(request: Request, poll: Poll) -> PollRow:
    return poll_rows([poll], user=request.user)[poll.post_id]


def _answer(request: Request, post: Post) -> Response:
    return Response(PollSerializer(_row(request, _poll(post))).data)

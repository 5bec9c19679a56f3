"""Moderation over REST: reports, the queue, and what is imposed on people."""

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import caller, has_scope
from accounts.models import User
from community.forum.models import Comment
from community.forum.permissions import can_moderate
from community.forum.rest.reading import visible_post
from community.moderation import services
from community.moderation.models import Case
from community.moderation.queries import list_cases
from community.moderation.serializers import (
    CasePageSerializer,
    CaseQuery,
    CaseSerializer,
    DecisionSerializer,
    FlagSerializer,
    NewFlagSerializer,
    NewSanctionSerializer,
    SanctionSerializer,
)
from community.standing import services as standing
from community.standing.models import Sanction
from edge.endpoints import Endpoint, page_of, takes


class IsModerator(BasePermission):
    """Lets in who looks after the community."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return can_moderate(request.user)


WRITES: list[type[BasePermission]] = [IsAuthenticated, has_scope("forum:write")]
MODERATES: list[type[BasePermission]] = [*WRITES, IsModerator]


class PostFlagging(Endpoint):
    """Reporting a post to the moderators."""

    permission_classes = WRITES

    @extend_schema(
        operation_id="flag_post",
        responses={201: FlagSerializer},
    )
    @takes(NewFlagSerializer)
    def post(self, request: Request, pk: int) -> Response:
        post = visible_post(request, pk)
        values = self.read_body()
        flag = services.raise_post_flag(post, by=caller(request), **values)
        return Response(FlagSerializer(flag).data, status=201)


class CommentFlagging(Endpoint):
    """Reporting a comment to the moderators."""

    permission_classes = WRITES

    @extend_schema(
        operation_id="flag_comment",
        responses={201: FlagSerializer},
    )
    @takes(NewFlagSerializer)
    def post(self, request: Request, pk: int) -> Response:
        visible = Comment.objects.visible_to(request.user).select_related("post")
        comment = get_object_or_404(visible, pk=pk)
        values = self.read_body()
        flag = services.raise_comment_flag(comment, by=caller(request), **values)
        return Response(FlagSerializer(flag).data, status=201)


class CaseList(Endpoint):
    """The queue of the moderators."""

    query = CaseQuery
    permission_classes = MODERATES

    @extend_schema(operation_id="list_cases", responses=CasePageSerializer)
    def get(self, request: Request) -> Response:
        page = list_cases(
            view=self.asked["view"],
            kind=self.asked.get("kind", ""),
            by=caller(request),
            cursor=self.asked["cursor"],
        )
        return Response(page_of(page, CaseSerializer))


class CaseDetail(Endpoint):
    """One case of the queue."""

    permission_classes = MODERATES

    @extend_schema(operation_id="get_case", responses=CaseSerializer)
    def get(self, request: Request, pk: int) -> Response:
        return _answer(request, pk)


class Deciding(Endpoint):
    """Deciding a case, and undoing that."""

    permission_classes = MODERATES

    @extend_schema(operation_id="decide_case", responses=CaseSerializer)
    @takes(DecisionSerializer)
    def put(self, request: Request, pk: int) -> Response:
        case = get_object_or_404(_cases(request), pk=pk)
        values = self.read_body()
        services.judge_case(case, by=caller(request), **values)
        return _answer(request, pk)

    @extend_schema(operation_id="reopen_case", responses=CaseSerializer)
    def delete(self, request: Request, pk: int) -> Response:
        case = get_object_or_404(_cases(request), pk=pk)
        services.reopen_case(case, by=caller(request))
        return _answer(request, pk)


class Claiming(Endpoint):
    """Saying that one is at a case, for half an hour; leaving it to others."""

    permission_classes = MODERATES

    @extend_schema(operation_id="claim_case", responses=CaseSerializer)
    def put(self, request: Request, pk: int) -> Response:
        case = get_object_or_404(_cases(request), pk=pk)
        services.hold_case(case, by=caller(request))
        return _answer(request, pk)

    @extend_schema(operation_id="unclaim_case", responses=CaseSerializer)
    def delete(self, request: Request, pk: int) -> Response:
        case = get_object_or_404(_cases(request), pk=pk)
        services.unclaim_case(case, by=caller(request))
        return _answer(request, pk)


class SanctionList(Endpoint):
    """What was imposed on a person, the last first, and imposing something."""

    permission_classes = MODERATES

    @extend_schema(
        operation_id="list_sanctions", responses=SanctionSerializer(many=True)
    )
    def get(self, request: Request, username: str) -> Response:
        person = _person(username)
        sanctions = Sanction.objects.visible_to(caller(request)).filter(user=person)
        # A person has few of them; a list that is longer is read in the browser.
        shown = sanctions.order_by("-created_at", "-pk")[:100]
        return Response(SanctionSerializer(shown, many=True).data)

    @extend_schema(
        operation_id="create_sanction",
        responses={201: SanctionSerializer},
    )
    @takes(NewSanctionSerializer)
    def post(self, request: Request, username: str) -> Response:
        person = _person(username)
        values = self.read_body()
        sanction = standing.sanction_person(person, by=caller(request), **values)
        return Response(SanctionSerializer(sanction).data, status=201)


class SanctionDetail(Endpoint):
    """One sanction, lifted by deleting it."""

    permission_classes = MODERATES

    @extend_schema(operation_id="lift_sanction", responses=SanctionSerializer)
    def delete(self, request: Request, pk: int) -> Response:
        visible = Sanction.objects.visible_to(caller(request))
        sanction = standing.lift_sanction(
            get_object_or_404(visible, pk=pk), by=caller(request)
        )
        return Response(SanctionSerializer(sanction).data)


def _cases(request: Request) -> QuerySet[Case]:
    cases = Case.objects.visible_to(caller(request))
    return cases.select_related(
        "subject", "claimed_by", "post__topic", "comment__post__topic"
    )


def _answer(request: Request, pk: int) -> Response:
    case = get_object_or_404(_cases(request), pk=pk)
    return Response(CaseSerializer(case).data)


def _person(username: str) -> User:
    return get_object_or_404(User, username=username, is_active=True)

"""Saved reports over REST, for staff: the same answers as on the pages."""

from typing import Any

from django.shortcuts import get_object_or_404
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import caller
from accounts.models import User
from analytics.asking import ask
from analytics.kinds import KINDS
from analytics.models import SavedReport
from analytics.saved import question_of
from core.errors import DomainError
from edge.endpoints import Endpoint, PageQuery, PageSerializer, page_of
from edge.pagination import paginate


class NotAskable(DomainError):
    """The words of a report are not a question any more."""

    code = "not_askable"
    status = 409
    message = _("This report cannot be asked any more. Open and save it again.")


class ReportSerializer(serializers.Serializer[Any]):
    """A saved report; ``url`` is its page."""

    id = serializers.CharField(source="public_id")
    kind = serializers.CharField()
    name = serializers.CharField()
    query = serializers.CharField()
    url = serializers.CharField(source="get_absolute_url")
    changed_at = serializers.DateTimeField()


class ReportPageSerializer(PageSerializer):
    """A page of reports, the newest first; ``next`` is a cursor."""

    results = ReportSerializer(many=True)


class AnswerSerializer(serializers.Serializer[Any]):
    """A report's answer as a table, the same as its CSV.

    ``as_of`` is up to when the events are known; a cell is a number, a text, a day as
    ``2026-01-31``, or null where there is no value.
    """

    report = ReportSerializer()
    as_of = serializers.DateTimeField(allow_null=True)
    columns = serializers.ListField(child=serializers.CharField())
    rows = serializers.ListField(
        child=serializers.ListField(child=serializers.JSONField(allow_null=True))
    )


class ReportList(Endpoint):
    """Every saved report."""

    query = PageQuery
    permission_classes = [IsAuthenticated]

    @extend_schema(operation_id="list_reports", responses=ReportPageSerializer)
    def get(self, request: Request) -> Response:
        page = paginate(
            SavedReport.objects.visible_to(_staff(request)),
            order_by=("-created_at", "-pk"),
            cursor=self.asked["cursor"],
        )
        return Response(page_of(page, ReportSerializer))


class ReportAnswer(Endpoint):
    """What a saved report says now."""

    permission_classes = [IsAuthenticated]

    @extend_schema(operation_id="answer_report", responses=AnswerSerializer)
    def get(self, request: Request, public_id: str) -> Response:
        report = get_object_or_404(
            SavedReport.objects.visible_to(_staff(request)), public_id=public_id
        )
        question = question_of(report)
        if question is None:
            raise NotAskable
        answer = ask(question)
        columns, *rows = KINDS[report.kind].cells(question, answer)
        values = {
            "report": report,
            "as_of": answer.as_of,
            "columns": columns,
            "rows": [[_plain(cell) for cell in row] for row in rows],
        }
        return Response(AnswerSerializer(values).data)


def _staff(request: Request) -> User:
    """Return who calls, of the staff; everybody else is refused."""
    who = caller(request)
    if not who.is_staff:
        raise PermissionDenied
    return who


def _plain(cell: Any) -> Any:
    return cell.isoformat() if hasattr(cell, "isoformat") else cell

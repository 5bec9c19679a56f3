"""What an endpoint of the REST API may be asked, in its address and in its body."""

from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from django.http import HttpRequest
from rest_framework import serializers
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from edge.pagination import CursorPage
from edge.rest import StrictSerializer

Operation = TypeVar("Operation", bound=Callable[..., Response])


class NoQuery(StrictSerializer):
    """The query of an endpoint that takes none."""


class NoBody(StrictSerializer):
    """The body of an operation that takes none."""


class PageQuery(StrictSerializer):
    """Where a page of a list begins."""

    cursor = serializers.CharField(
        default="",
        allow_blank=True,
        max_length=1000,
        help_text="Where the page begins: `next` or `previous` of another page.",
    )


class PageSerializer(serializers.Serializer[Any]):
    """A page of a list: its rows, and where its neighbours begin (null: there is none).

    Each list adds ``results``.
    """

    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)


def page_of(
    page: CursorPage[Any], kind: type[serializers.Serializer[Any]]
) -> dict[str, Any]:
    """Return a page as ``PageSerializer`` says it, each row written by ``kind``."""
    return {
        "next": page.next_cursor or None,
        "previous": page.previous_cursor or None,
        "results": kind(page.items, many=True).data,
    }


def takes(body: type[StrictSerializer]) -> Callable[[Operation], Operation]:
    """Say what an operation takes in its body; one that says nothing takes none."""

    def say(operation: Operation) -> Operation:
        operation.body = body  # type: ignore[attr-defined]
        return operation

    return say


class Endpoint(APIView):
    """An endpoint that takes what it declares and refuses anything else.

    ``query`` is what GET takes, described in the schema; ``asked`` its valid values.
    An operation that takes a body says so by ``takes``, and reads it by ``read_body``
    once it knows that the caller may.
    """

    query: ClassVar[type[StrictSerializer]] = NoQuery

    def body_of(self, method: str) -> type[StrictSerializer]:
        """Return what one of the operations takes in its body."""
        body: type[StrictSerializer] = getattr(
            getattr(self, method.lower()), "body", NoBody
        )
        return body

    def read_body(self, **context: Any) -> dict[str, Any]:
        """Return the valid values of what was sent. Raises ``ValidationError``."""
        kind = self.body_of(self.request.method or "")
        sent = self.request.data
        body = kind(data={} if sent is None else sent, context=context)
        body.is_valid(raise_exception=True)
        return dict(body.validated_data)

    def initialize_request(
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> Request:
        """Read forms, too, where nothing is taken, to name what is sent in one."""
        asked = super().initialize_request(request, *args, **kwargs)
        if self._takes_nothing(request):
            asked.parsers = [*self.get_parsers(), FormParser(), MultiPartParser()]
        return asked

    def check_permissions(self, request: Request) -> None:
        """Ask who may only for what there is: everything else is a 405 to everybody."""
        if hasattr(self, (request.method or "").lower()):
            super().check_permissions(request)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Read the query once the caller is known, allowed in and counted."""
        super().initial(request, *args, **kwargs)
        self._refuse_repeated(request)
        kind = self.query if request.method in {"GET", "HEAD"} else NoQuery
        query = kind(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        self.asked: dict[str, Any] = query.validated_data
        if self._takes_nothing(request):
            self.read_body()

    def _takes_nothing(self, request: HttpRequest | Request) -> bool:
        method = request.method or ""
        return hasattr(self, method.lower()) and self.body_of(method) is NoBody

    @staticmethod
    def _refuse_repeated(request: Request) -> None:
        """Refuse a parameter that is given twice: only one value would be honoured."""
        given = request.query_params.lists()
        twice = sorted(name for name, values in given if len(values) > 1)
        if twice:
            raise serializers.ValidationError(
                {name: ["Give it once."] for name in twice}, code="repeated"
            )

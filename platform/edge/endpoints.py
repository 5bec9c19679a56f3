"""What an endpoint of the REST API may be asked in its address."""

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.views import APIView

from edge.pagination import CursorPage
from edge.rest import StrictSerializer


class NoQuery(StrictSerializer):
    """The query of an endpoint that takes none."""


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


class Endpoint(APIView):
    """An endpoint that takes the query it declares and refuses any other.

    ``query`` is what GET takes, described in the schema; ``asked`` its valid values.
    """

    query: ClassVar[type[StrictSerializer]] = NoQuery

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

    @staticmethod
    def _refuse_repeated(request: Request) -> None:
        """Refuse a parameter that is given twice: only one value would be honoured."""
        given = request.query_params.lists()
        twice = sorted(name for name, values in given if len(values) > 1)
        if twice:
            raise serializers.ValidationError(
                {name: ["Give it once."] for name in twice}, code="repeated"
            )

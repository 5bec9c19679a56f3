"""REST errors in one shape: ``{"detail", "code", "errors"?}``."""

from typing import Any

from django.http import JsonResponse
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import exception_handler as default_handler

from core.errors import DomainError, unavailable

PREFIX = "/api/"


def refusal(
    code: str, detail: str, *, status: int, retry_after: int | None = None
) -> JsonResponse:
    """Return an error in the REST API's shape, for what no endpoint answers."""
    response = JsonResponse({"detail": detail, "code": code}, status=status)
    if retry_after is not None:
        response["Retry-After"] = str(retry_after)
    return response


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Translate refusals and DRF's own errors into the product's shape."""
    said = unavailable(error) or error
    if isinstance(said, DomainError):
        answer = Response({"detail": str(said), "code": said.code}, status=said.status)
        if said.retry_after is not None:
            answer["Retry-After"] = str(said.retry_after)
        return answer

    response = default_handler(error, context)
    if response is None:
        return None
    if isinstance(error, exceptions.ValidationError):
        response.data = {
            "detail": "The request has invalid fields.",
            "code": "invalid",
            "errors": error.get_full_details(),
        }
    else:
        detail = (
            response.data.get("detail", "") if isinstance(response.data, dict) else ""
        )
        response.data = {"detail": str(detail), "code": _code(error, response)}
    return response


def _code(error: Exception, response: Response) -> str:
    if response.status_code == status.HTTP_404_NOT_FOUND:
        return "not_found"
    detail = getattr(error, "detail", None)
    return str(getattr(detail, "code", "") or getattr(error, "default_code", "error"))


class StrictSerializer(Serializer[Any]):
    """A serializer that refuses fields it does not know."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            unknown = sorted(set(data) - set(self.fields))
            if unknown:
                raise exceptions.ValidationError(
                    {name: ["Unknown field."] for name in unknown}, code="unknown_field"
                )
        return super().to_internal_value(data)

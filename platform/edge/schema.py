"""How the OpenAPI description of the REST API is drawn up."""

from typing import Any, Literal, cast

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from edge.endpoints import Endpoint, NoBody, NoQuery
from edge.rest import PREFIX

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description=(
        "Up to 128 characters of your choice. A repeat with the same key and body "
        "within a day gets the first answer again and does nothing twice."
    ),
)


class ErrorSerializer(serializers.Serializer[Any]):
    """A refusal: a sentence for people, a stable code for programs."""

    detail = serializers.CharField()
    code = serializers.CharField()
    errors = serializers.DictField(  # type: ignore[assignment]
        required=False, help_text="What is wrong with each field."
    )


class Schema(AutoSchema):
    """Adds what every endpoint shares: its query, its body, idempotency and errors."""

    def get_override_parameters(self) -> list[Any]:
        """Return the parameters endpoints have without naming them."""
        parameters: list[Any] = []
        if self.method == "POST" and self.path.startswith(PREFIX):
            parameters.append(IDEMPOTENCY_KEY)
        query = getattr(self.view, "query", NoQuery)
        if self.method == "GET" and query().fields:
            parameters.append(query)
        return parameters

    def get_request_serializer(self) -> Any:
        """Return what an operation takes in its body, as it says so itself."""
        body = cast(Endpoint, self.view).body_of(self.method)
        return None if body is NoBody else body

    def _get_response_bodies(
        self, direction: Literal["request", "response"] = "response"
    ) -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        refusal = self._get_response_for_code(ErrorSerializer, "default")  # type: ignore[no-untyped-call]
        return {**bodies, "default": refusal}

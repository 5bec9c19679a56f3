"""Bodies of the REST API, measured before they are parsed."""

from collections.abc import Mapping
from typing import IO, Any

from rest_framework import exceptions, status
from rest_framework.parsers import BaseParser

from core import documents

# The longest post, 40 000 characters, with each of them escaped twelve bytes wide.
MAX_BODY = 1_000_000
# Far above the largest body an endpoint takes, a topic with its tags.
BOUNDS = documents.Bounds(depth=20, nodes=2_000, items=2_000)


class TooLarge(exceptions.APIException):
    """The body is longer than anything an endpoint reads."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"
    default_detail = f"The body is larger than {MAX_BODY} bytes."


class JSONParser(BaseParser):
    """Reads JSON that is measured first."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        body = stream.read(MAX_BODY + 1)
        if len(body) > MAX_BODY:
            raise TooLarge
        try:
            return documents.read(body, BOUNDS)
        except documents.BadDocument as error:
            raise exceptions.ParseError(str(error)) from error

from typing import Any

import pytest
from rest_framework import serializers
from rest_framework.request import Request

from core.reading import Values, cursor_of
from edge.endpoints import Endpoint
from edge.rest import StrictSerializer
from tools.lint.parameters import described, endpoints, undescribed

DESCRIBED: dict[str, Any] = {
    "parameters": [
        {"name": "sort", "in": "query"},
        {"name": "kind", "in": "header"},
    ]
}


class SortQuery(StrictSerializer):
    sort = serializers.CharField()


class Described(Endpoint):
    query = SortQuery

    def get(self, request: Request) -> str:
        return str(self.asked["sort"])


class Undeclared(Endpoint):
    query = SortQuery

    def get(self, request: Request) -> str:
        return str(self.asked.get("kind", self.asked["sort"]))


class Asked(Endpoint):
    query = SortQuery

    def get(self, request: Request) -> bool:
        return "kind" in self.asked


class PastTheQuery(Endpoint):
    def get(self, request: Request) -> str:
        return str(request.query_params["kind"])


class ByHelper(Endpoint):
    def get(self, request: Request) -> str:
        return _kind_of(request)


class ByCursor(Endpoint):
    def get(self, request: Request) -> str:
        return cursor_of(request)


def _kind_of(request: Request) -> str:
    values = Values(request.GET)
    return values.choice("kind", ("question",))


@pytest.mark.parametrize(
    ("view", "name"),
    [
        (Undeclared, "kind"),
        (Asked, "kind"),
        (PastTheQuery, "kind"),
        (ByHelper, "kind"),
        (ByCursor, "cursor"),
    ],
)
def test_a_parameter_that_is_read_and_not_described_is_named(
    view: type, name: str
) -> None:
    assert list(undescribed(view, DESCRIBED)) == [name]


def test_a_parameter_that_is_described_is_fine() -> None:
    assert undescribed(Described, DESCRIBED) == {}


def test_every_endpoint_is_looked_at() -> None:
    looked_at = dict(endpoints())

    assert len(looked_at) >= 12
    assert sum(bool(described(operation)) for operation in looked_at.values()) >= 4

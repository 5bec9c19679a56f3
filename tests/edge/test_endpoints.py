"""Every list of the REST API is told in one way, to its end."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from django.utils.module_loading import import_string
from rest_framework.serializers import Serializer

from edge.endpoints import PageSerializer, page_of
from edge.pagination import paginate
from tests.factories import forum


def kinds_of(parent: type[Serializer[Any]]) -> Iterator[type[Serializer[Any]]]:
    for kind in parent.__subclasses__():
        yield kind
        yield from kinds_of(kind)


def test_every_page_with_two_neighbours_is_the_one_kind_of_page() -> None:
    # Whatever an address answers with is imported by then.
    import_string("config.urls.urlpatterns")

    pages = {
        kind
        for kind in kinds_of(Serializer)
        if {"next", "previous"} <= kind._declared_fields.keys()
    }

    assert pages - {PageSerializer} == set(kinds_of(PageSerializer))
    assert len(pages) > 15
    for page in pages - {PageSerializer}:
        assert list(page._declared_fields) == ["next", "previous", "results"]
        assert "next" not in vars(page)


@pytest.mark.django_db
def test_a_page_leads_to_its_neighbours_and_ends(
    client: Client, person: Callable[..., Any]
) -> None:
    class Named(Serializer[Any]):
        """A row by its name."""

        def to_representation(self, instance: Any) -> Any:
            return {"name": instance.username}

    ada, ben, cem = person("ada"), person("ben"), person("cem")
    rows = type(ada).objects.filter(pk__in=[ada.pk, ben.pk, cem.pk])
    order: dict[str, Any] = {"order_by": ("username",), "page_size": 2}

    first = page_of(paginate(rows, **order), Named)
    last = page_of(paginate(rows, **order, cursor=first["next"]), Named)

    assert [row["name"] for row in first["results"]] == ["ada", "ben"]
    assert [row["name"] for row in last["results"]] == ["cem"]
    assert (first["previous"], last["next"]) == (None, None)
    assert last["previous"]
    forum.topic(ada)
    answered = client.get("/api/v1/topics/").json()
    assert list(answered) == ["next", "previous", "results"]
    assert (answered["next"], answered["previous"]) == (None, None)

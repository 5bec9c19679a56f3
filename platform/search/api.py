"""Searching over REST."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from edge.endpoints import Endpoint, PageQuery
from search.finding import search_page
from search.views import MOST_SEARCHED, PAGE_SIZE, TABS, count_search


class HitSerializer(serializers.Serializer[Any]):
    """One thing found, by its best part; ``snippet`` is HTML with ``<mark>``."""

    kind = serializers.CharField()
    title = serializers.CharField()
    heading = serializers.CharField()
    url = serializers.CharField()
    snippet = serializers.CharField()
    version = serializers.CharField()
    locale = serializers.CharField()
    share = serializers.FloatField(
        help_text="How much of what was asked it holds, from 0 to 1."
    )


class HitPageSerializer(serializers.Serializer[Any]):
    """A page of what was found, best first."""

    next = serializers.CharField(allow_null=True)
    results = HitSerializer(many=True)


class SearchQuery(PageQuery):
    """What to look for."""

    q = serializers.CharField(
        max_length=MOST_SEARCHED,
        help_text="Words, a question, phrases in quotes, and `author:`, `tag:`,"
        " `category:`, `solved:`, `before:`, `after:`, `in:title`.",
    )
    kind = serializers.ChoiceField(choices=[kind for kind in TABS if kind], default="")
    language = serializers.CharField(
        max_length=10, default="", help_text="What is in another one counts less."
    )


class Search(Endpoint):
    """What the caller may see that holds all, most or some of the words."""

    query = SearchQuery

    @extend_schema(operation_id="search", responses=HitPageSerializer)
    def get(self, request: Request) -> Response:
        count_search(request)
        kind = self.asked["kind"]
        found = search_page(
            request.user,
            self.asked["q"],
            kinds=[kind] if kind else None,
            preferred=self.asked["language"],
            cursor=self.asked["cursor"],
            page_size=PAGE_SIZE,
        )
        results = HitSerializer(found.items, many=True).data
        return Response({"next": found.next_cursor or None, "results": results})

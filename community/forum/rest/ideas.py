"""Ideas and templates over REST: what is wished for, and what topics begin with."""

from typing import Any

from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import caller
from community.forum import services
from community.forum.models import (
    MAX_TEMPLATE,
    MAX_WORD,
    Category,
    Topic,
    TopicTemplate,
)
from community.forum.queries import IDEA_SORTS, list_ideas
from community.forum.rest.places import require_staff
from community.forum.rest.reading import WRITES
from community.forum.serializers import TopicPageSerializer, TopicSerializer
from edge.endpoints import Endpoint, PageQuery, page_of, takes
from edge.rest import StrictSerializer


class IdeaQuery(PageQuery):
    """Which ideas, and in which order."""

    state = serializers.ChoiceField(choices=Topic.IdeaState.choices, default="open")
    sort = serializers.ChoiceField(choices=list(IDEA_SORTS), default="top")
    category = serializers.SlugField(required=False, max_length=80)


class IdeaDecisionSerializer(StrictSerializer):
    """What becomes of an idea, and a word with it; declined needs one."""

    state = serializers.ChoiceField(choices=Topic.IdeaState.choices)
    word = serializers.CharField(max_length=MAX_WORD, default="", allow_blank=True)


class TemplateSerializer(StrictSerializer):
    """What topics of one kind begin with, in English and in Chinese."""

    text = serializers.CharField(
        max_length=MAX_TEMPLATE, default="", allow_blank=True, trim_whitespace=False
    )
    text_zh = serializers.CharField(
        max_length=MAX_TEMPLATE, default="", allow_blank=True, trim_whitespace=False
    )


class MadeDecisionSerializer(serializers.Serializer[Any]):
    """A decision as it was made."""

    state = serializers.CharField()
    word = serializers.CharField()
    by = serializers.CharField(source="by.username")
    decided_at = serializers.DateTimeField()


class IdeaList(Endpoint):
    """The ideas in one state that the caller may see."""

    query = IdeaQuery

    @extend_schema(operation_id="list_ideas", responses=TopicPageSerializer)
    def get(self, request: Request) -> Response:
        topics = Topic.objects.visible_to(request.user)
        if "category" in self.asked:
            within = Category.objects.visible_to(request.user)
            category = within.filter(slug=self.asked["category"]).first()
            if category is None:
                raise serializers.ValidationError(
                    {"category": ["There is none of that name."]}
                )
            topics = topics.filter(category=category)
        page = list_ideas(
            topics,
            state=self.asked["state"],
            sort=self.asked["sort"],
            cursor=self.asked["cursor"],
        )
        return Response(page_of(page, TopicSerializer))


class IdeaDeciding(Endpoint):
    """What staff decided on an idea, the latest first; and deciding."""

    permission_classes = WRITES

    @extend_schema(
        operation_id="list_decisions", responses=MadeDecisionSerializer(many=True)
    )
    def get(self, request: Request, pk: int) -> Response:
        topic = get_object_or_404(Topic.objects.visible_to(request.user), pk=pk)
        decisions = topic.decisions.select_related("by").order_by("-pk")
        return Response(MadeDecisionSerializer(decisions, many=True).data)

    @extend_schema(
        operation_id="decide_idea",
        responses=TopicSerializer,
    )
    @takes(IdeaDecisionSerializer)
    def put(self, request: Request, pk: int) -> Response:
        topic = get_object_or_404(Topic.objects.visible_to(request.user), pk=pk)
        require_staff(request)
        values = self.read_body()
        services.set_idea_state(topic, by=caller(request), **values)
        topics = Topic.objects.select_related("category", "author")
        return Response(TopicSerializer(topics.get(pk=topic.pk)).data)


class Templating(Endpoint):
    """What topics of a kind begin with in a category; staff write it."""

    permission_classes = WRITES

    @extend_schema(operation_id="get_template", responses=TemplateSerializer)
    def get(self, request: Request, slug: str, kind: str) -> Response:
        category = _category(request, slug, kind)
        found = TopicTemplate.objects.filter(category=category, kind=kind).first()
        return Response(TemplateSerializer(found or TopicTemplate()).data)

    @extend_schema(
        operation_id="set_template",
        responses=TemplateSerializer,
    )
    @takes(TemplateSerializer)
    def put(self, request: Request, slug: str, kind: str) -> Response:
        category = _category(request, slug, kind)
        require_staff(request)
        values = self.read_body()
        services.set_template(category, kind=kind, by=caller(request), **values)
        return Response(values)


def _category(request: Request, slug: str, kind: str) -> Category:
    if kind not in Topic.Kind.values:
        raise Http404
    return get_object_or_404(Category.objects.visible_to(request.user), slug=slug)

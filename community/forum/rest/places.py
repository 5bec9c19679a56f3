"""Looking after categories and tags over REST: staff and moderators."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import caller, has_scope
from community.forum import permissions, services
from community.forum.cleaning import clean_title
from community.forum.models import KINDS, Access, Category, Tag, Topic, Visibility
from community.forum.services.categories import CategoryValues
from community.forum.tagging import MAX_NAME
from edge.endpoints import Endpoint, takes
from edge.rest import StrictSerializer

# The last place the page of categories knows, too.
LAST_PLACE = 9_999


class CategoryChangeSerializer(StrictSerializer):
    """What to change of a category; what is left out stays as it is."""

    name = serializers.CharField(max_length=80, required=False)
    name_zh = serializers.CharField(max_length=80, required=False, allow_blank=True)
    description = serializers.CharField(
        max_length=300, required=False, allow_blank=True
    )
    description_zh = serializers.CharField(
        max_length=300, required=False, allow_blank=True
    )
    kinds = serializers.ListField(
        child=serializers.ChoiceField(choices=Topic.Kind.choices),
        required=False,
        min_length=1,
        max_length=len(KINDS),
    )
    position = serializers.IntegerField(
        min_value=0, max_value=LAST_PLACE, required=False
    )
    visibility = serializers.ChoiceField(choices=Visibility.choices, required=False)
    topics_by = serializers.ChoiceField(choices=Access.choices, required=False)
    replies_by = serializers.ChoiceField(choices=Access.choices, required=False)

    def validate_kinds(self, value: list[str]) -> list[str]:
        return [kind for kind in KINDS if kind in value]


class NewCategorySerializer(CategoryChangeSerializer):
    """A category to make; its address, ``slug``, stays."""

    slug = serializers.SlugField(max_length=60)
    name = serializers.CharField(max_length=80)

    def validate_slug(self, value: str) -> str:
        if Category.objects.filter(slug=value).exists():
            raise serializers.ValidationError("Another category has this address.")
        return value


class FullCategorySerializer(serializers.Serializer[Any]):
    """A category with all that staff choose of it."""

    slug = serializers.CharField()
    name = serializers.CharField()
    name_zh = serializers.CharField()
    description = serializers.CharField()
    description_zh = serializers.CharField()
    kinds = serializers.ListField(child=serializers.CharField())
    position = serializers.IntegerField()
    visibility = serializers.CharField()
    topics_by = serializers.CharField()
    replies_by = serializers.CharField()
    topic_count = serializers.IntegerField()


class TagNameSerializer(StrictSerializer):
    """The name that is asked for."""

    name = serializers.CharField(max_length=MAX_NAME)

    def validate_name(self, value: str) -> str:
        return clean_title(value)


class FullTagSerializer(serializers.Serializer[Any]):
    """A tag, how many topics are under it, and its other names."""

    slug = serializers.CharField()
    name = serializers.CharField()
    topic_count = serializers.IntegerField()
    synonyms = serializers.SerializerMethodField()

    def get_synonyms(self, tag: Tag) -> list[str]:
        """The names that lead to it."""
        return list(tag.synonyms.order_by("name").values_list("name", flat=True))


class CategoryDetail(Endpoint):
    """One category: staff change it."""

    permission_classes = [IsAuthenticated, has_scope("forum:write")]

    @extend_schema(
        operation_id="change_category",
        responses=FullCategorySerializer,
    )
    @takes(CategoryChangeSerializer)
    def patch(self, request: Request, slug: str) -> Response:
        category = get_object_or_404(
            Category.objects.visible_to(request.user), slug=slug
        )
        require_staff(request)
        values = present_values(category) | self.read_body()
        services.edit_category(category, values, by=caller(request))  # type: ignore[arg-type]
        category.refresh_from_db()
        return Response(FullCategorySerializer(category).data)


class TagDetail(Endpoint):
    """One tag: moderators give it another name."""

    permission_classes = [IsAuthenticated, has_scope("forum:write")]

    @extend_schema(
        operation_id="rename_tag",
        responses=FullTagSerializer,
    )
    @takes(TagNameSerializer)
    def patch(self, request: Request, slug: str) -> Response:
        tag = _tag(request, slug)
        name = self.read_body()["name"]
        renamed = services.rename_tag(tag, name=name, by=caller(request))
        return Response(FullTagSerializer(renamed).data)


class TagNames(Endpoint):
    """The other names of a tag: adding one."""

    permission_classes = [IsAuthenticated, has_scope("forum:write")]

    @extend_schema(
        operation_id="add_synonym",
        responses={201: FullTagSerializer},
    )
    @takes(TagNameSerializer)
    def post(self, request: Request, slug: str) -> Response:
        tag = _tag(request, slug)
        name = self.read_body()["name"]
        services.add_synonym(tag, name=name, by=caller(request))
        return Response(FullTagSerializer(_fresh(tag)).data, status=201)


class TagMerging(Endpoint):
    """Putting the topics of a tag under another one."""

    permission_classes = [IsAuthenticated, has_scope("forum:write")]

    @extend_schema(
        operation_id="merge_tag",
        responses=FullTagSerializer,
    )
    @takes(TagNameSerializer)
    def put(self, request: Request, slug: str) -> Response:
        tag = _tag(request, slug)
        name = self.read_body()["name"]
        into = Tag.objects.filter(name__iexact=name).first()
        if into is None:
            raise serializers.ValidationError({"name": ["There is no such tag."]})
        merged = services.merge_tag(tag, into=into, by=caller(request))
        return Response(FullTagSerializer(_fresh(merged)).data)


def present_values(category: Category | None = None) -> CategoryValues:
    """Return what a category is, or what a new one begins with."""
    of = category or Category(position=Category.objects.count())
    return CategoryValues(
        name=of.name,
        name_zh=of.name_zh,
        description=of.description,
        description_zh=of.description_zh,
        kinds=of.kinds,
        position=of.position,
        visibility=of.visibility,
        topics_by=of.topics_by,
        replies_by=of.replies_by,
    )


def require_staff(request: Request) -> None:
    """Refuse who is no staff. Raises ``PermissionDenied``."""
    if not request.user.is_staff:
        raise PermissionDenied


def _tag(request: Request, slug: str) -> Tag:
    if not permissions.can_moderate(request.user):
        raise PermissionDenied
    return get_object_or_404(Tag, slug=slug, synonym_of=None)


def _fresh(tag: Tag) -> Tag:
    return Tag.objects.get(pk=tag.pk)

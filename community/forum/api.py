"""The forum over REST."""

from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotAuthenticated, PermissionDenied
from rest_framework.permissions import BasePermission, IsAuthenticatedOrReadOnly
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import caller, has_scope
from community.forum import permissions, services
from community.forum.forms import MAX_TEXT, checked_text, checked_title
from community.forum.models import Category, Post, Tag, Topic, TopicUser
from community.forum.queries import (
    PERIODS,
    SORTS,
    WITHOUT_SIGN_IN,
    list_topics,
)
from edge.endpoints import Endpoint, PageQuery
from edge.pagination import paginate
from edge.rest import StrictSerializer

M = TypeVar("M", bound=Model)
WRITES: list[type[BasePermission]] = [
    IsAuthenticatedOrReadOnly,
    has_scope("forum:write"),
]


class TopicSerializer(serializers.Serializer[Any]):
    """A topic as lists show it."""

    id = serializers.IntegerField(source="pk")
    kind = serializers.CharField()
    title = serializers.CharField()
    category = serializers.CharField(source="category.slug")
    author = serializers.CharField(source="author.username")
    url = serializers.CharField(source="get_absolute_url")
    reply_count = serializers.IntegerField()
    vote_score = serializers.IntegerField()
    is_solved = serializers.BooleanField()
    is_locked = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    bumped_at = serializers.DateTimeField()


class PostSerializer(serializers.Serializer[Any]):
    """A post: its Markdown and the HTML made of it.

    ``version`` tells this text from any other; an edit that names it is refused when
    the post says something else by then.
    """

    id = serializers.IntegerField(source="pk")
    topic = serializers.IntegerField(source="topic_id")
    number = serializers.IntegerField()
    author = serializers.CharField(source="author.username")
    text = serializers.CharField(source="source_md")
    html = serializers.CharField()
    vote_score = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    edited_at = serializers.DateTimeField(allow_null=True)
    is_hidden = serializers.BooleanField()
    version = serializers.CharField(source="fingerprint")


class TopicPageSerializer(serializers.Serializer[Any]):
    """A page of topics."""

    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
    results = TopicSerializer(many=True)


class PostPageSerializer(serializers.Serializer[Any]):
    """A page of posts, oldest first."""

    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
    results = PostSerializer(many=True)


class NewTopicSerializer(StrictSerializer):
    """A topic to open."""

    category = serializers.SlugField()
    kind = serializers.ChoiceField(choices=Topic.Kind.choices, default="question")
    title = serializers.CharField(max_length=200)
    text = serializers.CharField(max_length=MAX_TEXT)
    tags = serializers.ListField(
        child=serializers.CharField(max_length=40), max_length=5, default=list
    )
    client_token = serializers.CharField(max_length=64, default="")

    def validate_title(self, value: str) -> str:
        return checked_title(value)

    def validate_text(self, value: str) -> str:
        return checked_text(value)


class NewReplySerializer(StrictSerializer):
    """A reply to post."""

    text = serializers.CharField(max_length=MAX_TEXT)
    client_token = serializers.CharField(max_length=64, default="")

    def validate_text(self, value: str) -> str:
        return checked_text(value)


class TopicChangeSerializer(StrictSerializer):
    """What to change of a topic: authors title and tags, moderators the rest, too."""

    title = serializers.CharField(max_length=200, required=False)
    tags = serializers.ListField(
        child=serializers.CharField(max_length=40), max_length=5, required=False
    )
    category = serializers.SlugField(required=False)
    is_locked = serializers.BooleanField(required=False)
    is_pinned = serializers.BooleanField(required=False)

    def validate_title(self, value: str) -> str:
        return checked_title(value)


class PostChangeSerializer(StrictSerializer):
    """What a post is to say, and which ``version`` that was made from."""

    text = serializers.CharField(max_length=MAX_TEXT)
    reason = serializers.CharField(max_length=200, default="", allow_blank=True)
    version = serializers.CharField(max_length=64, default="", allow_blank=True)

    def validate_text(self, value: str) -> str:
        return checked_text(value)


class WatchSerializer(StrictSerializer):
    """How closely the caller follows a topic."""

    level = serializers.ChoiceField(choices=TopicUser.Level.choices)


class CategorySerializer(serializers.Serializer[Any]):
    """A category, in the language asked for."""

    slug = serializers.CharField()
    name = serializers.CharField(source="localised_name")
    description = serializers.CharField(source="localised_description")
    visibility = serializers.CharField()
    topic_count = serializers.IntegerField()
    url = serializers.CharField(source="get_absolute_url")


class TagSerializer(serializers.Serializer[Any]):
    """A tag, and how many topics under it the caller may read."""

    slug = serializers.CharField()
    name = serializers.CharField()
    topic_count = serializers.IntegerField(source="shown_count")
    url = serializers.CharField(source="get_absolute_url")


class TagPageSerializer(serializers.Serializer[Any]):
    """A page of tags, by name."""

    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
    results = TagSerializer(many=True)


class VoteSerializer(StrictSerializer):
    """A vote: 1, -1, or 0 to take it back."""

    value = serializers.ChoiceField(choices=[1, 0, -1])


class TopicQuery(PageQuery):
    """Which topics, and in which order."""

    sort = serializers.ChoiceField(
        choices=list(SORTS),
        default="latest",
        help_text="`unread` and `mine` are the caller's own.",
    )
    period = serializers.ChoiceField(
        choices=list(PERIODS), default="all", help_text="What `top` is the best of."
    )
    category = serializers.SlugField(required=False, max_length=80)
    tag = serializers.SlugField(required=False, max_length=80, allow_unicode=True)


class TopicList(Endpoint):
    """The topics the caller may see, and opening one."""

    query = TopicQuery
    permission_classes = WRITES

    @extend_schema(operation_id="list_topics", responses=TopicPageSerializer)
    def get(self, request: Request) -> Response:
        is_own = self.asked["sort"] not in WITHOUT_SIGN_IN
        if is_own and not request.user.is_authenticated:
            raise NotAuthenticated
        topics = Topic.objects.visible_to(request.user)
        if "category" in self.asked:
            category = Category.objects.visible_to(request.user).filter(
                slug=self.asked["category"]
            )
            topics = topics.filter(category=_known(category, "category"))
        tag = None
        if "tag" in self.asked:
            tags = Tag.objects.visible_to(request.user)
            tag = _known(tags.filter(slug=self.asked["tag"]), "tag")
        page = list_topics(
            topics,
            user=request.user,
            sort=self.asked["sort"],
            cursor=self.asked["cursor"],
            tag=tag,
            period=self.asked["period"],
        )
        return Response(_page(page, TopicSerializer))

    @extend_schema(
        operation_id="create_topic",
        request=NewTopicSerializer,
        responses={201: TopicSerializer},
    )
    def post(self, request: Request) -> Response:
        values = _valid(NewTopicSerializer, request)
        categories = Category.objects.visible_to(request.user)
        category = get_object_or_404(categories, slug=values.pop("category"))
        topic = services.create_topic(category, author=caller(request), **values)
        return Response(TopicSerializer(topic).data, status=201)


class TopicDetail(Endpoint):
    """One topic, and changing what it is called and where it stands."""

    permission_classes = WRITES

    @extend_schema(operation_id="get_topic", responses=TopicSerializer)
    def get(self, request: Request, pk: int) -> Response:
        return Response(TopicSerializer(_topic(request, pk)).data)

    @extend_schema(
        operation_id="change_topic",
        request=TopicChangeSerializer,
        responses=TopicSerializer,
    )
    def patch(self, request: Request, pk: int) -> Response:
        topic = _topic(request, pk)
        by = caller(request)
        opening = get_object_or_404(Post.objects.visible_to(by), topic=topic, number=1)
        opening.topic = topic
        changes = _valid(TopicChangeSerializer, request)
        is_staffs = not changes.keys() <= {"title", "tags"}
        if not permissions.can_edit(by, opening) or (
            is_staffs and not permissions.can_moderate(by)
        ):
            raise PermissionDenied
        category = None
        if "category" in changes:
            named = Category.objects.visible_to(by).filter(slug=changes["category"])
            category = _known(named, "category")
        services.edit_topic(
            topic,
            by=by,
            title=changes.get("title", ""),
            tags=changes.get("tags"),
            category=category,
            is_locked=changes.get("is_locked"),
            is_pinned=changes.get("is_pinned"),
        )
        return Response(TopicSerializer(_topic(request, pk)).data)


class Watching(Endpoint):
    """How closely the caller follows a topic."""

    permission_classes = WRITES

    @extend_schema(
        operation_id="watch_topic", request=WatchSerializer, responses=WatchSerializer
    )
    def put(self, request: Request, pk: int) -> Response:
        topic = _topic(request, pk)
        level = _valid(WatchSerializer, request)["level"]
        services.set_level(topic, user=caller(request), level=level)
        return Response({"level": level})


class CategoryList(Endpoint):
    """The categories the caller may see, in their order."""

    @extend_schema(
        operation_id="list_categories", responses=CategorySerializer(many=True)
    )
    def get(self, request: Request) -> Response:
        categories = Category.objects.visible_to(request.user)
        return Response(CategorySerializer(categories, many=True).data)


class TagList(Endpoint):
    """The tags of topics the caller may read, by name."""

    query = PageQuery

    @extend_schema(operation_id="list_tags", responses=TagPageSerializer)
    def get(self, request: Request) -> Response:
        page = paginate(
            Tag.objects.visible_to(request.user),
            order_by=("name", "pk"),
            cursor=self.asked["cursor"],
        )
        return Response(_page(page, TagSerializer))


class PostDetail(Endpoint):
    """One post: reading, changing and deleting it."""

    permission_classes = WRITES

    @extend_schema(operation_id="get_post", responses=PostSerializer)
    def get(self, request: Request, pk: int) -> Response:
        return Response(PostSerializer(_post(request, pk)).data)

    @extend_schema(
        operation_id="change_post",
        request=PostChangeSerializer,
        responses=PostSerializer,
    )
    def patch(self, request: Request, pk: int) -> Response:
        post = _post(request, pk)
        if not permissions.can_edit(request.user, post):
            raise PermissionDenied
        changes = _valid(PostChangeSerializer, request)
        services.edit_post(
            post,
            editor=caller(request),
            text=changes["text"],
            reason=changes["reason"],
            base=changes["version"],
        )
        return Response(PostSerializer(_post(request, pk)).data)

    @extend_schema(operation_id="delete_post", responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        post = _post(request, pk)
        if not permissions.can_hide(request.user, post):
            raise PermissionDenied
        services.hide_post(post, by=caller(request), reason="")
        return Response(status=204)


class ReplyList(Endpoint):
    """The posts of a topic, and replying to it."""

    query = PageQuery
    permission_classes = WRITES

    @extend_schema(operation_id="list_posts", responses=PostPageSerializer)
    def get(self, request: Request, pk: int) -> Response:
        topic = get_object_or_404(Topic.objects.visible_to(request.user), pk=pk)
        posts = Post.objects.visible_to(request.user).filter(topic=topic)
        page = paginate(
            posts.select_related("author"),
            order_by=("number", "pk"),
            cursor=self.asked["cursor"],
        )
        return Response(_page(page, PostSerializer))

    @extend_schema(
        operation_id="create_reply",
        request=NewReplySerializer,
        responses={201: PostSerializer},
    )
    def post(self, request: Request, pk: int) -> Response:
        topic = get_object_or_404(Topic.objects.visible_to(request.user), pk=pk)
        values = _valid(NewReplySerializer, request)
        post = services.post_reply(topic, author=caller(request), **values)
        return Response(PostSerializer(post).data, status=201)


class Acceptance(Endpoint):
    """Marking the answer that solved a question, and taking the mark off."""

    permission_classes = WRITES

    @extend_schema(
        operation_id="accept_answer", request=None, responses=TopicSerializer
    )
    def put(self, request: Request, pk: int) -> Response:
        answer = self._answer(request, pk)
        services.accept_answer(answer, by=caller(request))
        return self._topic(answer)

    @extend_schema(operation_id="unaccept_answer", responses=TopicSerializer)
    def delete(self, request: Request, pk: int) -> Response:
        answer = self._answer(request, pk)
        if answer.topic.solution_id == answer.pk:
            services.unaccept_answer(answer.topic, by=caller(request))
        return self._topic(answer)

    def _answer(self, request: Request, pk: int) -> Post:
        answer = _post(request, pk)
        if not permissions.can_accept(request.user, answer.topic):
            raise PermissionDenied
        return answer

    def _topic(self, answer: Post) -> Response:
        topics = Topic.objects.select_related("category", "author")
        return Response(TopicSerializer(topics.get(pk=answer.topic_id)).data)


class Voting(Endpoint):
    """The caller's vote on a post."""

    permission_classes = WRITES

    @extend_schema(
        operation_id="vote", request=VoteSerializer, responses=PostSerializer
    )
    def put(self, request: Request, pk: int) -> Response:
        value = _valid(VoteSerializer, request)["value"]
        post = services.vote(_post(request, pk), by=caller(request), value=value)
        return Response(PostSerializer(post).data)


def _topic(request: Request, pk: int) -> Topic:
    visible = Topic.objects.visible_to(request.user)
    return get_object_or_404(visible.select_related("category", "author"), pk=pk)


def _post(request: Request, pk: int) -> Post:
    visible = Post.objects.visible_to(request.user)
    return get_object_or_404(visible.select_related("topic", "author"), pk=pk)


def _known(named: QuerySet[M], field: str) -> M:
    """Return the one object a query names. What may not be seen is not there."""
    found = named.first()
    if found is None:
        raise serializers.ValidationError({field: ["There is none of that name."]})
    return found


def _valid(kind: type[StrictSerializer], request: Request) -> dict[str, Any]:
    serializer = kind(data=request.data)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def _page(page: Any, kind: type[serializers.Serializer[Any]]) -> dict[str, Any]:
    return {
        "next": page.next_cursor or None,
        "previous": page.previous_cursor or None,
        "results": kind(page.items, many=True).data,
    }

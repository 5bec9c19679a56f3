"""The forum over REST: topics, their posts, and where they stand."""

from typing import TypeVar

from django.db.models import Model, Q, QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotAuthenticated, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import caller
from community.forum import permissions, services
from community.forum.models import Category, Post, Tag, Topic
from community.forum.queries import WITHOUT_SIGN_IN, list_topics
from community.forum.rest.places import (
    FullCategorySerializer,
    NewCategorySerializer,
    present_values,
    require_staff,
)
from community.forum.rest.reading import WRITES, visible_post
from community.forum.serializers import (
    CategorySerializer,
    NewReplySerializer,
    NewTopicSerializer,
    PostChangeSerializer,
    PostPageSerializer,
    PostQuery,
    PostSerializer,
    TagPageSerializer,
    TagSerializer,
    TopicChangeSerializer,
    TopicPageSerializer,
    TopicQuery,
    TopicSerializer,
    VoteSerializer,
    WatchSerializer,
)
from edge.endpoints import Endpoint, PageQuery, page_of, takes
from edge.pagination import paginate

M = TypeVar("M", bound=Model)


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
            named = Q(slug=self.asked["tag"]) | Q(synonyms__slug=self.asked["tag"])
            tag = _known(tags.filter(named).distinct(), "tag")
        page = list_topics(
            topics,
            user=request.user,
            sort=self.asked["sort"],
            cursor=self.asked["cursor"],
            tag=tag,
            period=self.asked["period"],
        )
        return Response(page_of(page, TopicSerializer))

    @extend_schema(
        operation_id="create_topic",
        responses={201: TopicSerializer},
    )
    @takes(NewTopicSerializer)
    def post(self, request: Request) -> Response:
        values = self.read_body()
        categories = Category.objects.visible_to(request.user)
        category = get_object_or_404(categories, slug=values.pop("category"))
        taken = permissions.kinds_open_to(caller(request), category)
        if taken and values["kind"] not in taken:
            raise serializers.ValidationError(
                {"kind": [f"In this category these are opened: {', '.join(taken)}."]}
            )
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
        responses=TopicSerializer,
    )
    @takes(TopicChangeSerializer)
    def patch(self, request: Request, pk: int) -> Response:
        topic = _topic(request, pk)
        by = caller(request)
        opening = get_object_or_404(Post.objects.visible_to(by), topic=topic, number=1)
        opening.topic = topic
        changes = self.read_body()
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
            pinned_until=changes.get("pinned_until"),
            kind=changes.get("kind", ""),
        )
        return Response(TopicSerializer(_topic(request, pk)).data)


class Watching(Endpoint):
    """How closely the caller follows a topic."""

    permission_classes = WRITES

    @extend_schema(operation_id="watch_topic", responses=WatchSerializer)
    @takes(WatchSerializer)
    def put(self, request: Request, pk: int) -> Response:
        topic = _topic(request, pk)
        level = self.read_body()["level"]
        services.set_level(topic, user=caller(request), level=level)
        return Response({"level": level})


class CategoryList(Endpoint):
    """The categories the caller may see, in their order; staff make one."""

    permission_classes = WRITES

    @extend_schema(
        operation_id="list_categories", responses=CategorySerializer(many=True)
    )
    def get(self, request: Request) -> Response:
        categories = Category.objects.visible_to(request.user)
        return Response(CategorySerializer(categories, many=True).data)

    @extend_schema(
        operation_id="create_category",
        responses={201: FullCategorySerializer},
    )
    @takes(NewCategorySerializer)
    def post(self, request: Request) -> Response:
        require_staff(request)
        typed = self.read_body()
        slug = typed.pop("slug")
        values = present_values() | typed
        category = services.create_category(slug, values, by=caller(request))  # type: ignore[arg-type]
        return Response(FullCategorySerializer(category).data, status=201)


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
        return Response(page_of(page, TagSerializer))


class PostDetail(Endpoint):
    """One post: reading, changing and deleting it."""

    permission_classes = WRITES

    @extend_schema(operation_id="get_post", responses=PostSerializer)
    def get(self, request: Request, pk: int) -> Response:
        return Response(PostSerializer(visible_post(request, pk)).data)

    @extend_schema(
        operation_id="change_post",
        responses=PostSerializer,
    )
    @takes(PostChangeSerializer)
    def patch(self, request: Request, pk: int) -> Response:
        post = visible_post(request, pk)
        if not permissions.can_edit(request.user, post):
            raise PermissionDenied
        changes = self.read_body()
        services.edit_post(
            post,
            editor=caller(request),
            text=changes["text"],
            reason=changes["reason"],
            base=changes["version"],
        )
        return Response(PostSerializer(visible_post(request, pk)).data)

    @extend_schema(operation_id="delete_post", responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        post = visible_post(request, pk)
        if not permissions.can_hide(request.user, post):
            raise PermissionDenied
        services.hide_post(post, by=caller(request), reason="")
        return Response(status=204)


class ReplyList(Endpoint):
    """The posts of a topic, and replying to it."""

    query = PostQuery
    permission_classes = WRITES

    @extend_schema(operation_id="list_posts", responses=PostPageSerializer)
    def get(self, request: Request, pk: int) -> Response:
        topic = get_object_or_404(Topic.objects.visible_to(request.user), pk=pk)
        posts = Post.objects.visible_to(request.user).filter(topic=topic)
        by_votes = self.asked["sort"] == "votes"
        page = paginate(
            posts.select_related("author").prefetch_related("reaction_counts"),
            order_by=("-vote_score", "number") if by_votes else ("number", "pk"),
            cursor=self.asked["cursor"],
        )
        return Response(page_of(page, PostSerializer))

    @extend_schema(
        operation_id="create_reply",
        responses={201: PostSerializer},
    )
    @takes(NewReplySerializer)
    def post(self, request: Request, pk: int) -> Response:
        topic = get_object_or_404(Topic.objects.visible_to(request.user), pk=pk)
        values = self.read_body()
        post = services.post_reply(topic, author=caller(request), **values)
        return Response(PostSerializer(post).data, status=201)


class Acceptance(Endpoint):
    """Marking the answer that solved a question, and taking the mark off."""

    permission_classes = WRITES

    @extend_schema(operation_id="accept_answer", responses=TopicSerializer)
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
        answer = visible_post(request, pk)
        if not permissions.can_accept(request.user, answer.topic):
            raise PermissionDenied
        return answer

    def _topic(self, answer: Post) -> Response:
        topics = Topic.objects.select_related("category", "author")
        return Response(TopicSerializer(topics.get(pk=answer.topic_id)).data)


class Voting(Endpoint):
    """The caller's vote on a post."""

    permission_classes = WRITES

    @extend_schema(operation_id="vote", responses=PostSerializer)
    @takes(VoteSerializer)
    def put(self, request: Request, pk: int) -> Response:
        value = self.read_body()["value"]
        post = services.vote(visible_post(request, pk), by=caller(request), value=value)
        return Response(PostSerializer(post).data)


def _topic(request: Request, pk: int) -> Topic:
    visible = Topic.objects.visible_to(request.user)
    return get_object_or_404(visible.select_related("category", "author"), pk=pk)


def _known(named: QuerySet[M], field: str) -> M:
    """Return the one object a query names. What may not be seen is not there."""
    found = named.first()
    if found is None:
        raise serializers.ValidationError({field: ["There is none of that name."]})
    return found

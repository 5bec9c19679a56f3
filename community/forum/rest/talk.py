"""Comments, reactions and bookmarks over REST."""

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import caller, has_scope
from community.forum import permissions, services
from community.forum.models import Bookmark, Comment, Reaction
from community.forum.rest.reading import WRITES, visible_post
from community.forum.serializers import (
    BookmarkPageSerializer,
    BookmarkSerializer,
    CommentPageSerializer,
    CommentSerializer,
    CommentTextSerializer,
    NewBookmarkSerializer,
    NewCommentSerializer,
    PostSerializer,
)
from edge.endpoints import Endpoint, PageQuery, page_of, takes
from edge.pagination import paginate


class CommentList(Endpoint):
    """The comments under a post, and writing one."""

    query = PageQuery
    permission_classes = WRITES

    @extend_schema(operation_id="list_comments", responses=CommentPageSerializer)
    def get(self, request: Request, pk: int) -> Response:
        comments = Comment.objects.visible_to(request.user)
        page = paginate(
            comments.filter(post=visible_post(request, pk)).select_related("author"),
            order_by=("number", "pk"),
            cursor=self.asked["cursor"],
        )
        return Response(page_of(page, CommentSerializer))

    @extend_schema(
        operation_id="create_comment",
        responses={201: CommentSerializer},
    )
    @takes(NewCommentSerializer)
    def post(self, request: Request, pk: int) -> Response:
        post = visible_post(request, pk)
        values = self.read_body()
        if not permissions.can_comment(request.user, post):
            raise PermissionDenied
        comment = services.post_comment(post, author=caller(request), **values)
        return Response(CommentSerializer(comment).data, status=201)


class CommentDetail(Endpoint):
    """One comment: reading, changing and deleting it."""

    permission_classes = WRITES

    @extend_schema(operation_id="get_comment", responses=CommentSerializer)
    def get(self, request: Request, pk: int) -> Response:
        return Response(CommentSerializer(_comment(request, pk)).data)

    @extend_schema(
        operation_id="change_comment",
        responses=CommentSerializer,
    )
    @takes(CommentTextSerializer)
    def patch(self, request: Request, pk: int) -> Response:
        comment = _comment(request, pk)
        if comment.author_id != caller(request).pk:
            raise PermissionDenied
        text = self.read_body()["text"]
        services.edit_comment(comment, editor=caller(request), text=text)
        return Response(CommentSerializer(_comment(request, pk)).data)

    @extend_schema(operation_id="delete_comment", responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        comment = _comment(request, pk)
        if not permissions.can_hide_comment(request.user, comment):
            raise PermissionDenied
        services.hide_comment(comment, by=caller(request))
        return Response(status=204)


class Reacting(Endpoint):
    """The caller's reaction of one kind to a post."""

    permission_classes = WRITES

    @extend_schema(operation_id="react", responses=PostSerializer)
    def put(self, request: Request, pk: int, kind: str) -> Response:
        return self._set(request, pk, kind, is_on=True)

    @extend_schema(operation_id="unreact", responses=PostSerializer)
    def delete(self, request: Request, pk: int, kind: str) -> Response:
        return self._set(request, pk, kind, is_on=False)

    def _set(self, request: Request, pk: int, kind: str, *, is_on: bool) -> Response:
        post = visible_post(request, pk)
        if kind not in Reaction.Kind.values:
            raise NotFound
        services.set_reaction(
            post, by=caller(request), kind=Reaction.Kind(kind), is_on=is_on
        )
        return Response(PostSerializer(visible_post(request, pk)).data)


class BookmarkList(Endpoint):
    """The posts the caller keeps."""

    query = PageQuery
    permission_classes = [IsAuthenticated]

    @extend_schema(operation_id="list_bookmarks", responses=BookmarkPageSerializer)
    def get(self, request: Request) -> Response:
        kept = Bookmark.objects.visible_to(caller(request))
        page = paginate(
            kept.select_related("post__topic"),
            order_by=("-created_at", "-pk"),
            cursor=self.asked["cursor"],
        )
        return Response(page_of(page, BookmarkSerializer))


class Bookmarking(Endpoint):
    """Keeping a post, and letting go of it."""

    permission_classes = [IsAuthenticated, has_scope("forum:write")]

    @extend_schema(
        operation_id="set_bookmark",
        responses=BookmarkSerializer,
    )
    @takes(NewBookmarkSerializer)
    def put(self, request: Request, pk: int) -> Response:
        post = visible_post(request, pk)
        values = self.read_body()
        kept = services.set_bookmark(post, user=caller(request), **values)
        kept.post = post
        return Response(BookmarkSerializer(kept).data)

    @extend_schema(operation_id="remove_bookmark", responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        services.remove_bookmark(visible_post(request, pk), user=caller(request))
        return Response(status=204)


def _comment(request: Request, pk: int) -> Comment:
    visible = Comment.objects.visible_to(request.user)
    return get_object_or_404(
        visible.select_related("post__topic__category", "author"), pk=pk
    )

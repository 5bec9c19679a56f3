"""Where topics stand: categories and tags, and who may see into them."""

from typing import Self

from django.contrib.auth.models import AnonymousUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts.models import User

Person = User | AnonymousUser


class Visibility(models.TextChoices):
    """Who may see a category; the same words the search index uses."""

    PUBLIC = "public", _("Everybody")
    MEMBERS = "members", _("Signed-in people")
    STAFF = "staff", _("Staff")


class Access(models.TextChoices):
    """Who may write in a category they see."""

    MEMBERS = "members", _("Signed-in people")
    TEAM = "team", _("Moderators and staff")


def visibilities_of(user: Person) -> list[str]:
    """Return which categories ``user`` may see into."""
    if user.is_staff or getattr(user, "is_moderator", False):
        return [*Visibility.values]
    if user.is_authenticated:
        return [Visibility.PUBLIC, Visibility.MEMBERS]
    return [Visibility.PUBLIC]


# Which counter of a tag holds the topics of a category, and of those open to more.
COUNTED = {
    Visibility.PUBLIC: "public_count",
    Visibility.MEMBERS: "members_count",
    Visibility.STAFF: "topic_count",
}


# What may be opened in a category; those of ``Topic.Kind``, in its order.
KINDS = ("question", "discussion", "idea", "announcement")


def every_kind() -> list[str]:
    """Return what a new category takes: all there is."""
    return [*KINDS]


class CategoryQuerySet(models.QuerySet["Category"]):
    def visible_to(self, user: Person) -> Self:
        """Categories ``user`` may see."""
        return self.filter(visibility__in=visibilities_of(user))

    def open_to(self, user: Person) -> Self:
        """Categories ``user`` may see and open topics in."""
        visible = self.visible_to(user)
        if user.is_staff or getattr(user, "is_moderator", False):
            return visible
        return visible.filter(topics_by=Access.MEMBERS)


class Category(models.Model):
    """A part of the forum."""

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=80)
    name_zh = models.CharField(max_length=80, blank=True)
    description = models.CharField(max_length=300, blank=True)
    description_zh = models.CharField(max_length=300, blank=True)
    visibility = models.CharField(
        max_length=10, choices=Visibility.choices, default=Visibility.PUBLIC
    )
    topics_by = models.CharField(
        max_length=10,
        choices=Access.choices,
        default=Access.MEMBERS,
        db_default=Access.MEMBERS,
    )
    replies_by = models.CharField(
        max_length=10,
        choices=Access.choices,
        default=Access.MEMBERS,
        db_default=Access.MEMBERS,
    )
    # The kinds of topics that are opened here. Moderators move any topic here.
    kinds = ArrayField(models.CharField(max_length=12), default=every_kind)
    position = models.PositiveIntegerField(default=0)
    topic_count = models.PositiveIntegerField(default=0)

    objects = CategoryQuerySet.as_manager()

    class Meta:
        ordering = ["position", "slug"]
        verbose_name_plural = "categories"
        constraints = [
            models.CheckConstraint(
                condition=Q(topics_by__in=["members", "team"])
                & Q(replies_by__in=["members", "team"]),
                name="forum_category_access",
            ),
            models.CheckConstraint(
                condition=Q(kinds__contained_by=every_kind(), kinds__len__gt=0),
                name="forum_category_kinds",
            ),
        ]

    def __str__(self) -> str:
        return self.localised_name

    def get_absolute_url(self) -> str:
        return f"/forum/c/{self.slug}/"

    @property
    def localised_name(self) -> str:
        is_chinese = (get_language() or "").startswith("zh")
        return (self.name_zh if is_chinese else "") or self.name

    @property
    def localised_description(self) -> str:
        is_chinese = (get_language() or "").startswith("zh")
        return (self.description_zh if is_chinese else "") or self.description


class TagQuerySet(models.QuerySet["Tag"]):
    def visible_to(self, user: Person) -> Self:
        """Tags of topics ``user`` may read; the name of a tag says something, too.

        ``shown_count`` is how many topics those are.
        """
        widest = visibilities_of(user)[-1]
        counted = self.annotate(shown_count=F(COUNTED[Visibility(widest)]))
        return counted.filter(shown_count__gt=0)


class Tag(models.Model):
    """A word topics are found by."""

    slug = models.SlugField(max_length=40, unique=True, allow_unicode=True)
    name = models.CharField(max_length=40)
    # What the team may read; what members may; what everybody may.
    topic_count = models.PositiveIntegerField(default=0)
    members_count = models.PositiveIntegerField(default=0, db_default=0)
    public_count = models.PositiveIntegerField(default=0, db_default=0)
    # The tag this is another name of; then it has no topics itself.
    synonym_of = models.ForeignKey(
        "self", on_delete=models.CASCADE, null=True, blank=True, related_name="synonyms"
    )

    objects = TagQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("name"), name="forum_tag_name_ci"),
            models.CheckConstraint(
                condition=Q(synonym_of=None)
                | Q(topic_count=0, members_count=0, public_count=0)
                & ~Q(synonym_of=F("id")),
                name="forum_tag_synonym",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return f"/forum/tag/{self.slug}/"

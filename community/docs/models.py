from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.clock import now

# A version is one part of an address, and sorts by its numbers.
MAX_LABEL = 40
VERSION_NAME = r"^[A-Za-z0-9][A-Za-z0-9.-]{0,39}$"

# The languages pages are written in; the first stands in for the others.
LOCALES = ("en", "zh-hans")


class Version(models.Model):
    """One edition of the documentation, such as 1.0."""

    class Status(models.TextChoices):
        PREVIEW = "preview", _("Preview")
        STABLE = "stable", _("Stable")
        OLD = "old", _("No longer maintained")

    slug = models.CharField(max_length=40, unique=True)
    label = models.CharField(max_length=MAX_LABEL)
    status = models.CharField(max_length=10, choices=Status.choices)
    is_default = models.BooleanField(default=False)
    # Newer versions have higher keys; the switch lists them first.
    sort_key = models.CharField(max_length=400)

    class Meta:
        ordering = ["-sort_key"]
        constraints = [
            models.CheckConstraint(
                condition=Q(slug__regex=VERSION_NAME), name="docs_version_name"
            ),
            models.UniqueConstraint(
                fields=["is_default"],
                condition=Q(is_default=True),
                name="docs_version_one_default",
            ),
        ]

    def __str__(self) -> str:
        return self.label


class PageQuerySet(models.QuerySet["Page"]):
    def published(self) -> Self:
        """Pages that exist in the source they were imported from."""
        return self.filter(removed_at=None)


class Page(models.Model):
    """One page of a version in one language; imported from a Markdown file."""

    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="pages")
    locale = models.CharField(max_length=10)
    path = models.CharField(max_length=200)
    parent = models.CharField(max_length=200, blank=True)
    position = models.PositiveIntegerField()
    # Addresses it had in this version before; they lead to it.
    formerly = ArrayField(models.CharField(max_length=200), default=list, db_default=[])
    title = models.CharField(max_length=200)
    description = models.CharField(max_length=300, blank=True)
    source_md = models.TextField()
    html = models.TextField()
    plain = models.TextField()
    outline = models.JSONField(default=list)
    render_version = models.PositiveIntegerField()
    helpful_yes = models.PositiveIntegerField(default=0)
    helpful_no = models.PositiveIntegerField(default=0)
    updated_at = models.DateTimeField(default=now)
    removed_at = models.DateTimeField(null=True, blank=True)

    objects = PageQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["version", "locale", "path"], name="docs_page_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["version", "locale", "position"], name="docs_page_order"
            ),
            GinIndex(fields=["formerly"], name="docs_page_formerly"),
        ]

    def __str__(self) -> str:
        return f"{self.version_id}/{self.locale}/{self.path}"

    def get_absolute_url(self) -> str:
        return f"/docs/{self.version.slug}/{self.path}/"


class Vote(models.Model):
    """Whether a page helped a reader; one vote each, changeable."""

    page = models.ForeignKey(Page, on_delete=models.CASCADE, related_name="votes")
    # A user's id, or a browser's for those who are not signed in.
    voter = models.CharField(max_length=60)
    is_helpful = models.BooleanField()
    voted_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["page", "voter"], name="docs_vote_once")
        ]

    def __str__(self) -> str:
        return f"{self.voter}: {self.is_helpful}"

"""Where brought things come from: what the other forum called them, and whose they are.

Each row of another forum is known by its key there, once for a source. That makes a
second run change nothing, and answers the old addresses.
"""

from typing import Self

from django.db import models
from django.db.models import Q

from accounts.models import User
from community.forum.models import Category, Comment, Post, Topic
from core.clock import now

# A number, or GitHub's node id.
MAX_KEY = 120


class ForumSource(models.Model):
    """A forum that moved in; its name is a part of its old addresses here."""

    class Format(models.TextChoices):
        DISCOURSE = "discourse", "Discourse"
        STACK_EXCHANGE = "stackexchange", "Stack Exchange"
        GITHUB = "github", "GitHub Discussions"

    slug = models.SlugField(max_length=20, unique=True)
    format = models.CharField(max_length=20, choices=Format.choices)
    # What people know it by.
    name = models.CharField(max_length=80)
    created_at = models.DateTimeField(default=now)

    def __str__(self) -> str:
        return self.name


class ImportedPersonQuerySet(models.QuerySet["ImportedPerson"]):
    def unclaimed(self) -> Self:
        """People who wrote there and whom nobody here says they are."""
        return self.filter(claimed_by=None)


class ImportedPerson(models.Model):
    """A person who wrote there, and the account here that proved to be theirs."""

    source = models.ForeignKey(
        ForumSource, on_delete=models.PROTECT, related_name="people"
    )
    key = models.CharField(max_length=MAX_KEY)
    # What stands for them here while nobody has claimed what they wrote.
    placeholder = models.OneToOneField(
        User, on_delete=models.PROTECT, related_name="imported"
    )
    # Of the address they had there, keyed; the address itself is not kept.
    email_digest = models.CharField(max_length=64, blank=True)
    # Their number at GitHub, which never changes.
    github_id = models.CharField(max_length=40, blank=True)
    claimed_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    claimed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=now)

    objects = ImportedPersonQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "imported people"
        constraints = [
            models.UniqueConstraint(
                fields=["source", "key"], name="imports_importedperson_once"
            ),
            models.CheckConstraint(
                condition=Q(claimed_by=None, claimed_at=None)
                | Q(claimed_by__isnull=False, claimed_at__isnull=False),
                name="imports_importedperson_claimed",
            ),
        ]
        indexes = [
            models.Index(
                fields=["email_digest"],
                condition=~Q(email_digest=""),
                name="imports_person_email",
            ),
            models.Index(
                fields=["github_id"],
                condition=~Q(github_id=""),
                name="imports_person_github",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source_id}:{self.key}"

    @property
    def author_id(self) -> int:
        """Whose what they wrote is now: the account's, or the placeholder's."""
        return self.claimed_by_id or self.placeholder_id


class ImportedCategory(models.Model):
    """A category of there, and where its topics went."""

    source = models.ForeignKey(ForumSource, on_delete=models.PROTECT, related_name="+")
    key = models.CharField(max_length=MAX_KEY)
    category = models.ForeignKey(Category, on_delete=models.CASCADE, related_name="+")

    class Meta:
        verbose_name_plural = "imported categories"
        constraints = [
            models.UniqueConstraint(
                fields=["source", "key"], name="imports_importedcategory_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.source_id}:{self.key}"


class ImportedTopic(models.Model):
    """A topic of there. While it is here, no run brings it again."""

    source = models.ForeignKey(ForumSource, on_delete=models.PROTECT, related_name="+")
    key = models.CharField(max_length=MAX_KEY)
    topic = models.OneToOneField(
        Topic, on_delete=models.CASCADE, related_name="imported"
    )
    person = models.ForeignKey(
        ImportedPerson, on_delete=models.PROTECT, related_name="topics"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source", "key"], name="imports_importedtopic_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.source_id}:{self.key}"


class ImportedPost(models.Model):
    """A post of there, and who wrote it there."""

    source = models.ForeignKey(ForumSource, on_delete=models.PROTECT, related_name="+")
    key = models.CharField(max_length=MAX_KEY)
    post = models.OneToOneField(Post, on_delete=models.CASCADE, related_name="imported")
    person = models.ForeignKey(
        ImportedPerson, on_delete=models.PROTECT, related_name="posts"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source", "key"], name="imports_importedpost_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.source_id}:{self.key}"


class ImportedComment(models.Model):
    """A comment of there, and who wrote it there."""

    source = models.ForeignKey(ForumSource, on_delete=models.PROTECT, related_name="+")
    key = models.CharField(max_length=MAX_KEY)
    comment = models.OneToOneField(
        Comment, on_delete=models.CASCADE, related_name="imported"
    )
    person = models.ForeignKey(
        ImportedPerson, on_delete=models.PROTECT, related_name="comments"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source", "key"], name="imports_importedcomment_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.source_id}:{self.key}"

from typing import Self

from django.contrib.auth.models import AnonymousUser
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import F

from accounts.models import User
from core.clock import now

# A digest of 128 bits, in hexadecimal.
DIGEST_LENGTH = 32


class TitleWords(models.Func):
    """The words of a vector that stand in the title: those of weight A."""

    template = "ts_filter(%(expressions)s, '{a}')"
    output_field = SearchVectorField()


class Audience(models.TextChoices):
    """Who may find an entry."""

    PUBLIC = "public"
    MEMBERS = "members"
    STAFF = "staff"


def audiences_of(actor: User | AnonymousUser) -> list[str]:
    """Return the audiences ``actor`` belongs to."""
    if actor.is_staff or getattr(actor, "is_moderator", False):
        return [*Audience.values]
    if actor.is_authenticated:
        return [Audience.PUBLIC, Audience.MEMBERS]
    return [Audience.PUBLIC]


class EntryQuerySet(models.QuerySet["IndexEntry"]):
    def visible_to(self, actor: User | AnonymousUser) -> Self:
        """Entries ``actor`` may find."""
        return self.filter(audience__in=audiences_of(actor))


class IndexEntry(models.Model):
    """One part (a section, a post) of one thing that can be found."""

    kind = models.CharField(max_length=20)
    object_id = models.BigIntegerField()
    part = models.IntegerField(default=0)
    url = models.CharField(max_length=500)
    title = models.CharField(max_length=300)
    heading = models.CharField(max_length=300, blank=True)
    text = models.TextField()
    locale = models.CharField(max_length=10, blank=True)
    version = models.CharField(max_length=40, blank=True)
    audience = models.CharField(max_length=10, choices=Audience.choices)
    labels = ArrayField(models.CharField(max_length=40), default=list)
    boost = models.FloatField(default=1.0)
    # As it is written, for quoting; nothing where ``text`` is.
    source = models.TextField(blank=True)
    # Questions it answers, in words that need not be on the page; shown nowhere.
    asked = ArrayField(models.TextField(), default=list, db_default=[])
    # Of what is embedded (``meaning.texts_of``); empty: it is found by words alone.
    digest = models.CharField(max_length=DIGEST_LENGTH, blank=True, db_index=True)
    vector = SearchVectorField()
    indexed_at = models.DateTimeField(auto_now=True)

    objects = EntryQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "object_id", "part", "locale", "version"],
                name="search_indexentry_once",
            )
        ]
        indexes = [
            GinIndex(fields=["vector"], name="search_entry_vector"),
            # A first part has the title: the words of titles alone, so that what stands
            # in texts costs nothing where titles are compared.
            GinIndex(
                TitleWords(F("vector")),
                condition=models.Q(part=0),
                name="search_entry_titles",
            ),
        ]
        verbose_name_plural = "index entries"

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id}.{self.part}"


class RealField(models.FloatField[float, float]):
    """A float of 32 bits: what embedding models give, at half the room."""

    def db_type(self, connection: object) -> str:
        return "real"


class Embedding(models.Model):
    """What a text means to a model. Kept by its digest, for every text alike.

    Arrays, not pgvector's own type, so that a server without it will do; where it is,
    it multiplies them (``meaning.Dot``).
    """

    model = models.CharField(max_length=120)
    digest = models.CharField(max_length=DIGEST_LENGTH)
    vector = ArrayField(RealField())
    made_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["model", "digest"], name="search_embedding_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.model} {self.digest}"

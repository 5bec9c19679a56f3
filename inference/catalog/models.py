import re
from collections.abc import Mapping
from typing import Self
from urllib.parse import quote, urlsplit

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from core.clock import now
from inference.catalog.pricing import ORDINARY, PARTS, amount_of, discounted, rates_of

# What the names of models in use elsewhere are made of: ``Qwen/Qwen2.5-7B:free``.
NAME_LENGTH = 120
NAME = re.compile(rf"[A-Za-z0-9_.:/@-]{{1,{NAME_LENGTH}}}")
# The same, said by what SQL refuses: every other character, and an address that a
# browser would write another way or that is one of the product's own.
MISNAMED = r"[^A-Za-z0-9_.:/@-]|^[/_]|/$|//|(^|/)[.]{1,2}(/|$)"

# Of fewer calls a share or a 95th of a hundred is chance.
FEWEST_CALLS = 20

# Marks, among its options, a deployment that make run serves: its address changes with
# every start.
SERVED_HERE = {"served_here": True}


class ModelQuerySet(models.QuerySet["Model"]):
    def offered(self) -> Self:
        """Models on the public list: active, with a way to run them."""
        return self.filter(
            status=Model.Status.ACTIVE, deployments__is_enabled=True
        ).distinct()


class Model(models.Model):
    """A model on offer, open or premium."""

    class Edition(models.TextChoices):
        OPEN = "open", _("Open")
        PREMIUM = "premium", _("Premium")

    class Status(models.TextChoices):
        DRAFT = "draft", _("Draft")
        ACTIVE = "active", _("Active")
        RETIRED = "retired", _("Retired")

    slug = models.CharField(max_length=NAME_LENGTH, unique=True)
    title = models.CharField(max_length=120)
    edition = models.CharField(max_length=10, choices=Edition.choices)
    status = models.CharField(max_length=10, choices=Status.choices)
    summary = models.CharField(max_length=300)
    summary_zh = models.CharField(max_length=300, blank=True)
    description = models.TextField(blank=True)
    description_zh = models.TextField(blank=True)
    licence = models.CharField(max_length=80, blank=True)
    owned_by = models.CharField(max_length=80, default="doorstone")
    # Of a model whose weights anybody can have: its maker's card, where the file is
    # and how large, and the steps to run it elsewhere, as Markdown.
    card_url = models.URLField(blank=True, db_default="")
    download_url = models.URLField(blank=True, db_default="")
    download_bytes = models.PositiveBigIntegerField(null=True, blank=True)
    self_hosting = models.TextField(blank=True, db_default="")
    self_hosting_zh = models.TextField(blank=True, db_default="")
    # What it can take beside text: see ``gateway.needs``. Empty is text alone.
    capabilities = models.JSONField(default=list, blank=True)
    context_tokens = models.PositiveIntegerField()
    max_output_tokens = models.PositiveIntegerField()
    # What a request without ``max_tokens`` is taken to need until it has ended.
    default_output_tokens = models.PositiveIntegerField()
    bytes_per_token = models.FloatField(default=3.5)
    # The models that may answer in its place, by name and in order: where none of its
    # servers does, or a prompt is too long for it. Callers pay this model's price, so
    # one is left out that is dearer than so many per cent of it.
    fallbacks = models.JSONField(
        default=list, blank=True, db_default=models.Value([], models.JSONField())
    )
    fallback_ceiling = models.PositiveIntegerField(default=100, db_default=100)
    released_at = models.DateTimeField(default=now)

    objects = ModelQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(slug="") & ~Q(slug__regex=MISNAMED),
                name="catalog_model_name",
            )
        ]

    def __str__(self) -> str:
        return self.slug

    def get_absolute_url(self) -> str:
        return path_of(self.slug)

    @property
    def is_premium(self) -> bool:
        return self.edition == self.Edition.PREMIUM

    @property
    def writes(self) -> bool:
        """Tell whether it answers in text; else it embeds, ranks or judges only."""
        able = set(self.capabilities)
        reads = able & {"embeddings", "rerank", "moderation"}
        return not reads or bool(able & {"chat", "completions"})

    @property
    def card_host(self) -> str:
        return urlsplit(self.card_url).netloc

    @property
    def download_host(self) -> str:
        return urlsplit(self.download_url).netloc

    @property
    def localised_self_hosting(self) -> str:
        return self._localised("self_hosting")

    @property
    def localised_summary(self) -> str:
        return self._localised("summary")

    @property
    def localised_description(self) -> str:
        return self._localised("description")

    def _localised(self, name: str) -> str:
        is_chinese = (get_language() or "").startswith("zh")
        text = getattr(self, f"{name}_zh") if is_chinese else ""
        return str(text or getattr(self, name))


class Deployment(models.Model):
    """One place that runs a model."""

    class Provider(models.TextChoices):
        OPENAI = "openai", _("OpenAI-compatible server")
        DOCS_ASSISTANT = "docs_assistant", _("Documentation assistant")

    class OnDisconnect(models.TextChoices):
        ABORT = "abort", _("Stop the upstream")
        DRAIN = "drain", _("Read to the end")

    model = models.ForeignKey(
        Model, on_delete=models.CASCADE, related_name="deployments"
    )
    provider = models.CharField(max_length=20, choices=Provider.choices)
    base_url = models.URLField(blank=True)
    upstream_model = models.CharField(max_length=120, blank=True)
    # Encrypted with FIELD_KEYS; never shown again.
    credential = models.TextField(blank=True)
    options = models.JSONField(default=dict, blank=True)
    weight = models.PositiveIntegerField(default=1)
    priority = models.PositiveIntegerField(default=0)
    is_enabled = models.BooleanField(default=True)
    on_disconnect = models.CharField(
        max_length=10, choices=OnDisconnect.choices, default=OnDisconnect.ABORT
    )
    # In seconds. A stream has to begin and may not fall silent; a whole answer has
    # no beginning to wait for, so it has a time in all.
    connect_timeout = models.FloatField(default=3)
    first_byte_timeout = models.FloatField(default=120)
    idle_timeout = models.FloatField(default=90)
    total_timeout = models.FloatField(default=600)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(provider="openai") | ~Q(base_url=""),
                name="catalog_deployment_address",
            )
        ]

    def __str__(self) -> str:
        return f"{self.model_id} on {self.provider}"


class DeploymentPause(models.Model):
    """Why staff have a deployment left alone for now.

    Unlike one that is not in use it stays a part of its model: where all of them are
    paused, callers are told to come back, not that there is no such model.
    """

    deployment = models.OneToOneField(
        Deployment, on_delete=models.CASCADE, primary_key=True, related_name="pause"
    )
    reason = models.CharField(max_length=300)
    paused_by = models.ForeignKey(
        "accounts.User", on_delete=models.SET_NULL, null=True, related_name="+"
    )
    paused_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(reason=""), name="catalog_pause_has_reason"
            )
        ]

    def __str__(self) -> str:
        return f"{self.deployment_id} since {self.paused_at:%Y-%m-%d %H:%M}"


class CompatibilityCard(models.Model):
    """What a deployment did when it was last tried; gone once it is changed.

    ``findings`` are rows of check, outcome and the server's words; ``error`` is the
    sentence that says why it could not be tried at all.
    """

    deployment = models.OneToOneField(
        Deployment, on_delete=models.CASCADE, primary_key=True, related_name="card"
    )
    examined_at = models.DateTimeField()
    capabilities = models.JSONField(default=list)
    context_tokens = models.PositiveIntegerField(default=0)
    findings = models.JSONField(default=list)
    error = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"{self.deployment_id} at {self.examined_at:%Y-%m-%d %H:%M}"


class ModelChange(models.Model):
    """What changed of a model that callers notice; its prices tell of themselves."""

    class What(models.TextChoices):
        PUBLISHED = "published", _("Published")
        RETIRED = "retired", _("Retired")
        EDITION = "edition", _("Edition")
        LICENCE = "licence", _("Licence")
        CAPABILITIES = "capabilities", _("What it can do")
        CONTEXT = "context_tokens", _("Context in tokens")
        LONGEST = "max_output_tokens", _("Longest answer in tokens")

    model = models.ForeignKey(Model, on_delete=models.CASCADE, related_name="changes")
    at = models.DateTimeField(default=now)
    what = models.CharField(max_length=20, choices=What.choices)
    before = models.CharField(max_length=300, blank=True)
    after = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes = [models.Index(fields=["model", "-at"], name="catalog_change_model")]

    def __str__(self) -> str:
        return f"{self.model_id}: {self.what}"


class ModelFigures(models.Model):
    """How a model has done of late, as it was measured: see ``usage.figures``.

    Times and speed are those of the last week's streams, what was answered that of
    ninety days. Nothing where nobody called.
    """

    model = models.OneToOneField(
        Model, on_delete=models.CASCADE, primary_key=True, related_name="figures"
    )
    measured_at = models.DateTimeField()
    streams = models.PositiveIntegerField(default=0)
    first_token_p50_ms = models.PositiveIntegerField(null=True, blank=True)
    first_token_p95_ms = models.PositiveIntegerField(null=True, blank=True)
    tokens_per_second = models.FloatField(null=True, blank=True)
    calls = models.PositiveBigIntegerField(default=0)
    unanswered = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.model_id} at {self.measured_at:%Y-%m-%d %H:%M}"

    @property
    def is_timed(self) -> bool:
        """Whether there were enough streams to speak of a 95th of a hundred."""
        return self.streams >= FEWEST_CALLS

    @property
    def answered_percent(self) -> float | None:
        """Return the share of calls that the model's servers answered."""
        if self.calls < FEWEST_CALLS:
            return None
        return 100 * (1 - self.unanswered / self.calls)


class ModelDay(models.Model):
    """How many calls a model had on a day (UTC), and how many it did not answer."""

    model = models.CharField(max_length=NAME_LENGTH)
    day = models.DateField()
    calls = models.PositiveIntegerField()
    unanswered = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["model", "day"], name="catalog_modelday_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.model} on {self.day}"


class PriceVersion(models.Model):
    """What a model's tokens are sold for and cost from one moment on.

    Billionths of a US dollar per million tokens. Never changed once it has
    begun: what was used keeps its price. Two prices of a model never overlap in
    time; the migration holds that in SQL, since it takes no extension that way.
    """

    model = models.ForeignKey(Model, on_delete=models.CASCADE, related_name="prices")
    valid_from = models.DateTimeField()
    valid_to = models.DateTimeField(null=True, blank=True)
    price_in = models.BigIntegerField()
    price_cached_in = models.BigIntegerField()
    price_out = models.BigIntegerField()
    cost_in = models.BigIntegerField()
    cost_cached_in = models.BigIntegerField()
    cost_out = models.BigIntegerField()
    # Parts with a price of their own; without one they are sold as the rest.
    price_cache_write_in = models.BigIntegerField(null=True, blank=True)
    price_audio_in = models.BigIntegerField(null=True, blank=True)
    price_image_in = models.BigIntegerField(null=True, blank=True)
    price_reasoning_out = models.BigIntegerField(null=True, blank=True)
    price_audio_out = models.BigIntegerField(null=True, blank=True)
    price_image_out = models.BigIntegerField(null=True, blank=True)
    cost_cache_write_in = models.BigIntegerField(null=True, blank=True)
    cost_audio_in = models.BigIntegerField(null=True, blank=True)
    cost_image_in = models.BigIntegerField(null=True, blank=True)
    cost_reasoning_out = models.BigIntegerField(null=True, blank=True)
    cost_audio_out = models.BigIntegerField(null=True, blank=True)
    cost_image_out = models.BigIntegerField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    price_in__gte=0,
                    price_cached_in__gte=0,
                    price_out__gte=0,
                    cost_in__gte=0,
                    cost_cached_in__gte=0,
                    cost_out__gte=0,
                ),
                name="catalog_priceversion_positive",
            ),
            # SQL takes what is unknown, as a rate of null, for no violation.
            models.CheckConstraint(
                condition=Q(
                    **{
                        f"{side}_{name}__gte": 0
                        for side in ("price", "cost")
                        for name in PARTS
                    }
                ),
                name="catalog_priceversion_parts_positive",
            ),
        ]
        triggers = [
            pgtrigger.Protect(
                name="keep_rates",
                operation=pgtrigger.Delete,
                # What nothing can have been sold at yet may be withdrawn.
                condition=pgtrigger.Condition("OLD.valid_from <= clock_timestamp()"),
            ),
            pgtrigger.Protect(
                name="fixed_rates",
                operation=pgtrigger.Update,
                # Only its end may still be set.
                condition=pgtrigger.AnyChange(exclude=["valid_to"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model_id} from {self.valid_from:%Y-%m-%d}"

    @property
    def has_not_begun(self) -> bool:
        return self.valid_from > now()

    @property
    def price(self) -> tuple[int, ...]:
        """The rates it is sold for (see ``pricing.rates_of``)."""
        return self._rates("price")

    @property
    def cost(self) -> tuple[int, ...]:
        """The rates it costs us."""
        return self._rates("cost")

    def price_of(
        self,
        tokens_in: int,
        tokens_cached: int,
        tokens_out: int,
        parts: Mapping[str, int] | None = None,
        *,
        discount_bps: int = 0,
    ) -> int:
        """Return what usage is sold for, in billionths of a dollar.

        ``discount_bps`` is what a buyer's list takes off, in hundredths of a percent.
        """
        return amount_of(
            discounted(self.price, discount_bps),
            tokens_in=tokens_in,
            tokens_cached=tokens_cached,
            tokens_out=tokens_out,
            parts=parts,
        )

    def cost_of(
        self,
        tokens_in: int,
        tokens_cached: int,
        tokens_out: int,
        parts: Mapping[str, int] | None = None,
    ) -> int:
        """Return what usage costs us, in billionths of a dollar."""
        return amount_of(
            self.cost,
            tokens_in=tokens_in,
            tokens_cached=tokens_cached,
            tokens_out=tokens_out,
            parts=parts,
        )

    def _rates(self, side: str) -> tuple[int, ...]:
        return rates_of(
            [getattr(self, f"{side}_{name}") for name in ORDINARY],
            [getattr(self, f"{side}_{name}") for name in PARTS],
        )


def is_name(name: str) -> bool:
    """Tell whether a model may be called that: it works in every address."""
    return NAME.fullmatch(name) is not None and re.search(MISNAMED, name) is None


def path_of(name: str) -> str:
    """Return the address of a model's page."""
    return f"/models/{quote(name, safe='/:@')}/"

"""What a process knows without asking: keys, plans and models, for seconds.

A key or plan that changes is announced through Redis and forgotten at once;
without Redis the copies end by themselves after ``KEY_SECONDS``. Without
PostgreSQL nothing can change, so the copies are good for a while longer.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from asgiref.sync import sync_to_async
from django.db import Error as DatabaseError
from django.db import close_old_connections
from django.db.models import Manager, Sum
from django.utils import timezone

from core.errors import Unavailable
from entitlements.credit import NO_CREDIT, Credit
from entitlements.features import Features
from entitlements.queries import entitlements_for, hint_for
from inference.budgets.queries import hard_limits
from inference.catalog.models import Deployment, Model
from inference.catalog.pricing import amount_of, worst_of
from inference.catalog.queries import current_prices
from inference.keys import secrets
from inference.keys.models import ApiKey
from inference.protocol import errors
from inference.stored.models import Storage
from inference.transcripts.models import TranscriptChoice
from inference.usage.models import UsageHour
from inference.usage.room import credit_now, spent_in_month

# How long a revoked key may still be used where Redis announces nothing.
KEY_SECONDS = 5.0
CATALOGUE_SECONDS = 3.0  # three queries for each process, and no more often than that
MAX_UNKNOWN = 10_000  # a few megabytes of names that open nothing
# Copies are used so much longer while the database cannot be asked.
OUTAGE_SECONDS = 60.0
MAX_READS = 5  # changes come by the second at most, a read takes milliseconds
# Keys that look right and are not, from one address and minute.
UNKNOWN_PER_MINUTE = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRules:
    """What a key is held to beside its plan. None, or empty, holds it to nothing."""

    scopes: frozenset[str] = frozenset()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    origins: frozenset[str] = frozenset()
    # Kinds of personal data that models are not shown.
    hidden_data: frozenset[str] = frozenset()
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrent_requests: int | None = None
    project_id: int | None = None
    project_name: str = ""
    project_limit_nano: int | None = None
    # Who made the key; nobody, of a service account.
    member_id: int | None = None
    member_limit_nano: int | None = None
    organisation_limit_nano: int | None = None


NO_RULES = KeyRules()


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the key, its organisation and what that may do."""

    key_id: int
    digest: str
    organisation_id: int
    organisation_slug: str
    features: Features
    allowed_models: frozenset[str]
    monthly_limit_nano: int | None
    expires_at: datetime | None
    locale: str
    # Whether its organisation chose to have responses kept.
    stores_responses: bool = False
    # … and to have what its calls say kept.
    keeps_transcripts: bool = False
    rules: KeyRules = NO_RULES
    # What a refusal adds; it is never asked for anything else.
    hint: errors.Hint | None = None
    credit: Credit = NO_CREDIT

    def most_of(self, month: str) -> int:
        """Return the most that its organisation's month may come to, in billionths."""
        return self.credit.most_of(month, self.features.monthly_allowance_nano)

    def require(self, scope: str) -> None:
        """Raise ``APIError`` for what the key is not for."""
        if self.rules.scopes and scope not in self.rules.scopes:
            raise errors.missing_scope(scope)

    def may_call_from(self, address: str) -> bool:
        """Tell whether the key may be used from an address."""
        if not self.rules.networks:
            return True
        try:
            found = ip_address(address)
        except ValueError:
            return False
        # Of a socket that takes both: ``::ffff:10.0.0.1``.
        found = getattr(found, "ipv4_mapped", None) or found
        return any(found in network for network in self.rules.networks)

    def may_see(self, slug: str) -> bool:
        """Tell whether the key is for this model."""
        return not self.allowed_models or slug in self.allowed_models


@dataclass(frozen=True, slots=True)
class OfferedModel:
    """A model that can be called, with its price and the places that run it."""

    slug: str
    edition: str
    owned_by: str
    created: int
    context_tokens: int
    max_output_tokens: int
    default_output_tokens: int
    bytes_per_token: float
    # Rates for the prompt, its cached part, the answer and their parts (``rates_of``).
    price_version_id: int
    price: tuple[int, ...]
    cost: tuple[int, ...]
    deployments: tuple[Deployment, ...]
    capabilities: frozenset[str] = frozenset()
    # Fields beyond the known ones that every one of its deployments takes.
    accepts: frozenset[str] = frozenset()
    # Models that may answer in its place, in order, if their rates are at most so many
    # per cent of its own.
    fallbacks: tuple[str, ...] = ()
    fallback_ceiling: int = 100

    @property
    def is_premium(self) -> bool:
        return self.edition == Model.Edition.PREMIUM

    def price_of(
        self,
        tokens_in: int,
        cached: int,
        tokens_out: int,
        parts: Mapping[str, int] | None = None,
    ) -> int:
        """Return what tokens are sold for, in billionths of a dollar."""
        return amount_of(
            self.price,
            tokens_in=tokens_in,
            tokens_cached=cached,
            tokens_out=tokens_out,
            parts=parts,
        )

    def cost_of(
        self,
        tokens_in: int,
        cached: int,
        tokens_out: int,
        parts: Mapping[str, int] | None = None,
    ) -> int:
        """Return what tokens cost us, in billionths of a dollar."""
        return amount_of(
            self.cost,
            tokens_in=tokens_in,
            tokens_cached=cached,
            tokens_out=tokens_out,
            parts=parts,
        )

    def may_stand_in_for(self, asked: "OfferedModel") -> bool:
        """Tell whether no token of this model is dearer than the other's ceiling."""
        return all(
            mine * 100 <= theirs * asked.fallback_ceiling
            for mine, theirs in zip(self.price[:3], asked.price[:3], strict=True)
        )

    def worst_price_of(
        self, tokens_in: int, tokens_out: int, parts: tuple[str, ...] = ()
    ) -> int:
        """Return the most that tokens are sold for, if any may be one of ``parts``."""
        return worst_of(
            self.price, tokens_in=tokens_in, tokens_out=tokens_out, parts=parts
        )


@dataclass(slots=True)
class _Copy:
    caller: Caller | None
    ends_at: float


@dataclass(slots=True)
class Directory:
    """The process's copies."""

    callers: dict[str, _Copy] = field(default_factory=dict)
    models: dict[str, OfferedModel] = field(default_factory=dict)
    models_end_at: float = 0.0
    # Grows with every announcement: what was read before one may be outdated.
    generation: int = 0
    unknown: dict[str, tuple[float, int]] = field(default_factory=dict)
    _loading: dict[tuple[str, int], "asyncio.Future[Any]"] = field(default_factory=dict)

    async def authenticate(self, secret: str, address: str) -> Caller:
        """Return who calls with a key. Raises ``Unavailable``, and ``APIError``."""
        caller = await self.caller(secret, address)
        if caller is None:
            raise errors.invalid_key(secret)
        if not caller.may_call_from(address):
            raise errors.address_not_allowed(address)
        return caller

    async def caller(self, secret: str, address: str = "") -> Caller | None:
        """Return who a key belongs to; junk costs no query.

        Raises ``Unavailable``, and ``APIError`` for an address that guesses.
        """
        if not secrets.is_well_formed(secret):
            return None
        digest = secrets.digest(secret)
        if digest not in self.callers:
            self._refuse_guessing(address)
        caller = await self.caller_of(digest)
        if caller is None:
            self._record_unknown(address)
        return caller

    async def caller_of(self, digest: str) -> Caller | None:
        """Return whose key has a digest, if it opens anything now."""
        copy = self.callers.get(digest)
        now = time.monotonic()
        if copy is None or copy.ends_at < now:
            try:
                copy = await self._read_caller(digest)
            except DatabaseError as error:
                if copy is None or copy.ends_at + OUTAGE_SECONDS < now:
                    raise Unavailable from error
        caller = copy.caller
        if (
            caller is not None
            and caller.expires_at
            and caller.expires_at <= timezone.now()
        ):
            return None
        return caller

    async def offered(self) -> dict[str, OfferedModel]:
        """Return the models on offer by slug. Raises ``Unavailable``."""
        if self.models_end_at < time.monotonic():
            try:
                models = await self._fresh("catalogue", load_models)
            except DatabaseError as error:
                if not self.models:
                    raise Unavailable from error
                return self.models
            self.models = models
            self.models_end_at = time.monotonic() + CATALOGUE_SECONDS
        return self.models

    def forget_key(self, digest: str) -> None:
        self.generation += 1
        self.callers.pop(digest, None)

    def forget_organisation(self, organisation_id: int) -> None:
        self.generation += 1
        for digest, copy in list(self.callers.items()):
            if copy.caller and copy.caller.organisation_id == organisation_id:
                del self.callers[digest]

    def forget_models(self) -> None:
        self.generation += 1
        self.models_end_at = 0.0

    def forget_everything(self) -> None:
        """Announcements may have been missed."""
        self.generation += 1
        self.models_end_at = 0.0
        for copy in self.callers.values():
            copy.ends_at = min(copy.ends_at, time.monotonic())

    async def _read_caller(self, digest: str) -> _Copy:
        caller = await self._fresh(digest, lambda: load_caller(digest))
        if len(self.callers) > MAX_UNKNOWN:
            self.callers.clear()
        copy = _Copy(caller, time.monotonic() + KEY_SECONDS)
        self.callers[digest] = copy
        return copy

    def _refuse_guessing(self, address: str) -> None:
        ends_at, count = self.unknown.get(address, (0.0, 0))
        wait = ends_at - time.monotonic()
        if wait > 0 and count >= UNKNOWN_PER_MINUTE:
            raise errors.too_many_unknown_keys(wait)

    def _record_unknown(self, address: str) -> None:
        now = time.monotonic()
        ends_at, count = self.unknown.get(address, (0.0, 0))
        if ends_at < now:
            if len(self.unknown) > MAX_UNKNOWN:
                self.unknown.clear()
            ends_at, count = now + 60, 0
        self.unknown[address] = (ends_at, count + 1)

    async def _fresh(self, name: str, load: Callable[[], Any]) -> Any:
        """Load something; what changes meanwhile is loaded again."""
        # A key revoked while it was being read must not come back with the answer.
        for _ in range(MAX_READS):
            generation = self.generation
            value = await self._once(name, load)
            if generation == self.generation:
                break
        return value

    async def _once(self, name: str, load: Callable[[], Any]) -> Any:
        """Load something once, however many wait for it."""
        # After an announcement nobody waits for what was asked before it.
        key = (name, self.generation)
        pending = self._loading.get(key)
        if pending is None:
            pending = asyncio.ensure_future(in_thread(load))
            self._loading[key] = pending
            pending.add_done_callback(lambda _: self._loading.pop(key, None))
        return await asyncio.shield(pending)


async def in_thread(function: Callable[..., Any], *arguments: Any) -> Any:
    """Run a database function off the event loop."""

    def run() -> Any:
        close_old_connections()
        try:
            return function(*arguments)
        finally:
            close_old_connections()

    return await sync_to_async(run, thread_sensitive=False)()


def load_caller(digest: str) -> Caller | None:
    """Read a key and what its organisation may do."""
    key = (
        ApiKey.objects.usable()
        .select_related("organisation", "created_by", "project")
        .filter(digest=digest)
        .first()
    )
    if key is None:
        return None
    features = entitlements_for(key.organisation_id)
    return Caller(
        key_id=key.pk,
        digest=digest,
        organisation_id=key.organisation_id,
        organisation_slug=key.organisation.slug,
        features=features,
        allowed_models=frozenset(key.allowed_models),
        monthly_limit_nano=key.monthly_limit_nano if key.is_limit_hard else None,
        expires_at=key.expires_at,
        locale=key.created_by.locale if key.created_by else "",
        stores_responses=_has(Storage.objects, key.organisation_id),
        keeps_transcripts=_has(TranscriptChoice.objects, key.organisation_id),
        rules=_rules_of(key),
        hint=_hint_of(key),
        credit=credit_now(key.organisation_id, features.monthly_allowance_nano),
    )


def _has(choices: Manager[Any], organisation_id: int) -> bool:
    return choices.filter(pk=organisation_id).exists()


def _hint_of(key: ApiKey) -> errors.Hint | None:
    hint = hint_for(key.organisation_id)
    if hint is None:
        return None
    locale = key.created_by.locale if key.created_by else ""
    text = hint.text_zh if locale.startswith("zh") else hint.text_en
    return errors.Hint(text, hint.url)


def _rules_of(key: ApiKey) -> KeyRules:
    project = key.project
    of_organisation, of_member = hard_limits(key.organisation_id, key.created_by_id)
    return KeyRules(
        scopes=frozenset(key.scopes),
        networks=tuple(ip_network(each) for each in key.networks),
        origins=frozenset(key.origins),
        hidden_data=frozenset(key.hidden_data),
        requests_per_minute=key.requests_per_minute,
        tokens_per_minute=key.tokens_per_minute,
        concurrent_requests=key.concurrent_requests,
        project_id=project.pk if project else None,
        project_name=project.name if project else "",
        project_limit_nano=(
            project.monthly_limit_nano if project and project.is_limit_hard else None
        ),
        member_id=key.created_by_id,
        member_limit_nano=of_member,
        organisation_limit_nano=of_organisation,
    )


def load_models() -> dict[str, OfferedModel]:
    """Read every model on offer. Three queries."""
    prices = {price.model_id: price for price in current_prices()}
    models = Model.objects.filter(status=Model.Status.ACTIVE).prefetch_related(
        "deployments"
    )
    offered = {}
    for model in models:
        deployments = tuple(d for d in model.deployments.all() if d.is_enabled)
        price = prices.get(model.pk)
        if price is None or not deployments:
            continue
        offered[model.slug] = OfferedModel(
            slug=model.slug,
            edition=model.edition,
            owned_by=model.owned_by,
            created=int(model.released_at.timestamp()),
            context_tokens=model.context_tokens,
            max_output_tokens=model.max_output_tokens,
            default_output_tokens=model.default_output_tokens,
            bytes_per_token=model.bytes_per_token,
            price_version_id=price.pk,
            price=price.price,
            cost=price.cost,
            deployments=deployments,
            capabilities=frozenset(model.capabilities),
            accepts=frozenset.intersection(*map(_accepts, deployments)),
            fallbacks=tuple(model.fallbacks),
            fallback_ceiling=model.fallback_ceiling,
        )
    return offered


def _accepts(deployment: Deployment) -> frozenset[str]:
    names = deployment.options.get("accepts")
    return frozenset(map(str, names)) if isinstance(names, list) else frozenset()


def load_spent(
    organisation_id: int,
    key_id: int,
    project_id: int | None = None,
    member_id: int | None = None,
) -> tuple[int, int, int, int]:
    """Return what was used this month, durably.

    By the organisation, the key, its project, and all the keys of who made it.
    """
    now = timezone.now()
    spent = spent_in_month(organisation_id, now.date().replace(day=1))
    start = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    hours = UsageHour.objects.filter(organisation_id=organisation_id, hour__gte=start)
    by_key = hours.filter(key_id=key_id).aggregate(sum=Sum("price_nano"))["sum"]
    by_project = (
        hours.filter(key__project_id=project_id).aggregate(sum=Sum("price_nano"))["sum"]
        if project_id
        else 0
    )
    by_member = (
        hours.filter(key__created_by_id=member_id).aggregate(sum=Sum("price_nano"))[
            "sum"
        ]
        if member_id
        else 0
    )
    return spent, int(by_key or 0), int(by_project or 0), int(by_member or 0)

"""Reading keys, plans and models from PostgreSQL, for the copies of a process."""

from ipaddress import ip_network
from typing import Any

from django.db.models import Manager, Prefetch

from entitlements.queries import entitlements_for, hint_for, own_prices_for
from inference.budgets.queries import hard_limits
from inference.catalog.models import Deployment, Model
from inference.catalog.queries import current_prices
from inference.directory.callers import Caller, KeyRules
from inference.directory.offers import OfferedModel
from inference.keys.models import ApiKey
from inference.protocol import errors
from inference.stored.models import Storage
from inference.transcripts.models import TranscriptChoice
from inference.usage.room import credit_now


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
        prices=own_prices_for(key.organisation_id),
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
        cache_seconds=key.cache_seconds,
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
    places = Deployment.objects.select_related("pause")
    models = Model.objects.filter(status=Model.Status.ACTIVE).prefetch_related(
        Prefetch("deployments", queryset=places)
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
            paused=frozenset(d.pk for d in deployments if hasattr(d, "pause")),
        )
    return offered


def _accepts(deployment: Deployment) -> frozenset[str]:
    names = deployment.options.get("accepts")
    return frozenset(map(str, names)) if isinstance(names, list) else frozenset()

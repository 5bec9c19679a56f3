"""Every change that staff make to what is offered, with its entry in the audit log.

No key and no address with one is ever written there.
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from accounts.models import User
from audit import services as audit
from core.crypto import encrypt
from inference.catalog import options
from inference.catalog import services as catalog
from inference.catalog.models import (
    CompatibilityCard,
    Deployment,
    Model,
    PriceVersion,
)
from inference.catalog.publishing import check_model
from inference.offering.exceptions import NameTaken
from inference.providers import adding, gguf
from inference.providers.compatibility import Incompatible, Report


def create_model(
    *,
    kind: str,
    address: str,
    secret: str,
    key_header: str,
    upstream: str,
    wish: adding.Wish,
    by: User,
) -> Model:
    """Try a server's model and write it as a draft.

    Raises ``NameTaken``, ``InvalidModel``, and ``Incompatible`` for a server that
    cannot run it; then nothing is written.
    """
    needs = options.merged({}, {"key_header": key_header})
    place = adding.place_at(adding.address_of(kind, address), secret, needs)
    listed = adding.listed_at(place, patience=adding.PAGE_PATIENCE)
    chosen = adding.chosen(listed, upstream)
    wish = adding.described(wish, kind, chosen)
    if Model.objects.filter(slug=wish.name).exists():
        raise NameTaken
    # Before the server is asked for a minute, what could be refused at once.
    check_model(
        wish.name,
        {
            "context_tokens": 1,
            "max_output_tokens": 1,
            "default_output_tokens": 1,
            **wish.fields,
        },
    )
    report = adding.examine(
        place, chosen, listed[chosen], patience=adding.PAGE_PATIENCE
    )
    if kind == "ollama" and not wish.context_tokens:
        report.context_tokens = adding.CONTEXT
    with transaction.atomic():
        model = adding.offer(place, report, wish)
        audit.record(
            "model.created",
            actor=by,
            target=model.slug,
            after={"deployment": place.base_url, "upstream": chosen},
        )
    return model


@transaction.atomic
def set_model(model: Model, fields: Mapping[str, Any], *, by: User) -> Model:
    """Change what is said of a model. Raises ``InvalidModel``."""
    changed = _changed(model, fields)
    if not changed:
        return model
    before = {name: _plain(getattr(model, name)) for name in changed}
    model = catalog.update_model(model, **{name: fields[name] for name in changed})
    audit.record(
        "model.changed",
        actor=by,
        target=model.slug,
        before=before,
        after={name: _plain(fields[name]) for name in changed},
    )
    return model


@transaction.atomic
def publish_model(model: Model, *, by: User) -> None:
    """Put a model on the list. Raises ``NotReady``."""
    catalog.release(model)
    audit.record(
        "model.published", actor=by, target=model.slug, before={"status": model.status}
    )


@transaction.atomic
def retire_model(model: Model, *, by: User) -> None:
    """Take a model off the list, its addresses and keys with it."""
    catalog.retire(model)
    audit.record(
        "model.retired", actor=by, target=model.slug, before={"status": model.status}
    )
    transaction.on_commit(lambda: gguf.forget(model.slug))


@transaction.atomic
def add_deployment(
    model: Model, fields: Mapping[str, Any], *, secret: str, by: User
) -> Deployment:
    """Give a model one more place that runs it. Raises ``InvalidModel``."""
    key = encrypt(secret) if secret else ""
    place = catalog.add_deployment(model, credential=key, **fields)
    audit.record(
        "deployment.added",
        actor=by,
        target=model.slug,
        after={**_described(place), "key": bool(secret)},
    )
    return place


@transaction.atomic
def set_deployment(
    place: Deployment, fields: Mapping[str, Any], *, secret: str | None, by: User
) -> Deployment:
    """Change a deployment; ``secret`` replaces its key, "" removes it, None keeps it.

    A key stays with the address it was given for: at another one it is taken away.
    Raises ``InvalidModel``.
    """
    changed = {name: fields[name] for name in _changed(place, fields)}
    moves = "base_url" in changed
    if secret is not None or (moves and place.credential):
        changed["credential"] = encrypt(secret) if secret else ""
    if not changed:
        return place
    before = _described(place)
    edited = catalog.update_deployment(place, **changed)
    audit.record(
        "deployment.key_replaced"
        if set(changed) == {"credential"}
        else "deployment.changed",
        actor=by,
        target=place.model.slug,
        before=before,
        after={**_described(edited), "key_replaced": "credential" in changed},
    )
    return edited


@transaction.atomic
def remove_deployment(place: Deployment, *, by: User) -> None:
    """Take a deployment and its key away."""
    catalog.remove_deployment(place)
    audit.record(
        "deployment.removed",
        actor=by,
        target=place.model.slug,
        before=_described(place),
    )


def examine_deployment(place: Deployment, *, by: User) -> CompatibilityCard:
    """Try a deployment the way the gateway calls it, and keep what was found.

    What it needs beside its address is kept in its options.
    """
    # The examination sets what it learns on the row it is given.
    tried = Deployment.objects.select_related("model").get(pk=place.pk)
    report: Report | None = None
    error = ""
    try:
        name, entry = _listed(tried)
        report = adding.examine(tried, name, entry, patience=adding.PAGE_PATIENCE)
    except Incompatible as no:
        error = str(no)
    with transaction.atomic():
        if report and report.options:
            needs = options.merged(place.options, report.options)
            catalog.update_deployment(place, options=needs)
        card = (
            adding.write_card(place, report)
            if report
            else catalog.record_card(place, error=error)
        )
        audit.record(
            "deployment.tested",
            actor=by,
            target=place.model.slug,
            after={"deployment": place.pk, "works": not card.error},
        )
    return card


@transaction.atomic
def set_price(
    model: Model, rates: catalog.Rates, *, valid_from: datetime | None, by: User
) -> PriceVersion:
    """Begin a price now or at a moment to come. Raises ``PriceInThePast``."""
    price = catalog.set_price(model, rates, valid_from=valid_from)
    audit.record(
        "price.set",
        actor=by,
        target=model.slug,
        after={
            "from": price.valid_from.isoformat(),
            **{
                name: getattr(rates, name)
                for name in catalog.Rates.__dataclass_fields__
                if getattr(rates, name) is not None
            },
        },
    )
    return price


@transaction.atomic
def remove_price(price: PriceVersion, *, by: User) -> None:
    """Take back a price that has not begun. Raises ``PriceHasBegun``."""
    catalog.remove_price(price)
    audit.record(
        "price.withdrawn",
        actor=by,
        target=price.model.slug,
        before={"from": price.valid_from.isoformat()},
    )


def _changed(row: Model | Deployment, fields: Mapping[str, Any]) -> list[str]:
    return [name for name, value in fields.items() if getattr(row, name) != value]


def _described(place: Deployment) -> dict[str, Any]:
    """Return what of a deployment may stand in the log."""
    names = ("base_url", "upstream_model", "priority", "weight", "is_enabled")
    described = {name: getattr(place, name) for name in names}
    return {"deployment": place.pk, **described, "options": _plain(place.options)}


def _plain(value: Any) -> Any:
    """Return a value as the audit log takes it: numbers, strings and flags."""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return "; ".join(f"{name}: {_plain(each)}" for name, each in value.items())
    if isinstance(value, (date, Decimal, float)):
        return str(value)
    return value


def _listed(place: Deployment) -> tuple[str, dict[str, Any]]:
    """Return what a server calls the model, and what it tells of it.

    Raises ``Incompatible``. Who names the model needs no list of them.
    """
    wanted = place.upstream_model or place.model.slug
    try:
        listed = adding.listed_at(place, patience=adding.LIST_PATIENCE)
    except Incompatible:
        if not place.upstream_model:
            raise
        return wanted, {}
    return adding.chosen(listed, wanted), listed[wanted]

"""What a model has to be like before it is offered."""

from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.urls import Resolver404, resolve
from django.utils.translation import gettext as _

from inference.catalog.addresses import AddressDenied, check_address
from inference.catalog.exceptions import InvalidModel
from inference.catalog.models import Deployment, Model, is_name, path_of
from inference.catalog.options import wrong_option

TIMEOUTS = (
    "connect_timeout",
    "first_byte_timeout",
    "idle_timeout",
    "total_timeout",
)


def check_model(slug: str, fields: dict[str, Any]) -> None:
    """Raise ``InvalidModel`` for a name or a value that would not work everywhere."""
    if not is_name(slug) or not _leads_to_its_page(slug):
        raise InvalidModel(
            _(
                "A model's name has 1 to 120 letters, digits and . _ : / @ -, begins with "
                "none of / and _, and is no address that the site has itself."
            ),
            field="slug",
        )
    present = Model.objects.filter(slug=slug).first()
    model = present or Model(slug=slug, status=Model.Status.ACTIVE)
    for name, value in fields.items():
        _require_field(Model, name)
        setattr(model, name, value)
    _check(model, exclude=["slug"])
    if not (
        0
        < model.default_output_tokens
        <= model.max_output_tokens
        <= model.context_tokens
    ):
        raise InvalidModel(
            _(
                "default_output_tokens is at least 1 and at most max_output_tokens, which "
                "is at most context_tokens."
            ),
            field="default_output_tokens",
        )
    if not isinstance(model.capabilities, list) or not all(
        isinstance(word, str) for word in model.capabilities
    ):
        raise InvalidModel(_("capabilities is a list of words."), field="capabilities")
    if not isinstance(model.fallbacks, list) or not all(
        isinstance(name, str) and is_name(name) and name != slug
        for name in model.fallbacks
    ):
        raise InvalidModel(
            _("fallbacks is a list of other models' names."), field="fallbacks"
        )
    if not model.bytes_per_token > 0:
        raise InvalidModel(_("bytes_per_token is above 0."), field="bytes_per_token")


def check_rates(rates: Any) -> None:
    """Raise ``InvalidModel`` for a price or a cost below nothing."""
    for name in rates.__dataclass_fields__:
        rate = getattr(rates, name)
        if rate is not None and rate < 0:
            raise InvalidModel(_("A price cannot be negative."), field=name)


def check_deployment(place: Deployment) -> None:
    """Raise ``InvalidModel`` for a deployment that no call could reach."""
    # Names without a dot, as containers have them, are no URLs to Django.
    _check(place, exclude=["model", "base_url"])
    if place.provider == Deployment.Provider.OPENAI and not _is_address(place.base_url):
        raise InvalidModel(
            _(
                "base_url is an address such as http://127.0.0.1:8100/v1, without a key."
            ),
            field="base_url",
        )
    _check_reachable(place.base_url)
    if not isinstance(place.options, dict):
        raise InvalidModel(_("options is an object."), field="options")
    if wrong := wrong_option(place.options):
        raise InvalidModel(
            _(
                "There is no such option of a deployment, or not with this value: %(name)s."
            )
            % {"name": wrong},
            field="options",
        )
    for name in TIMEOUTS:
        if not 0 < getattr(place, name) < 86_400:
            raise InvalidModel(_("A timeout is above 0 and below a day."), field=name)


def _leads_to_its_page(slug: str) -> bool:
    """Tell whether the address of a model's page is nobody else's."""
    try:
        found = resolve(path_of(slug))
    except Resolver404:
        return False
    return found.view_name == "catalog:model-detail" and found.kwargs == {"slug": slug}


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        has_port = parts.port is None or parts.port > 0
    except ValueError:
        return False
    return (
        parts.scheme in {"http", "https"}
        and bool(parts.hostname)
        and has_port
        and not (parts.username or parts.password or parts.query or parts.fragment)
        and not any(character.isspace() for character in text)
    )


def _check_reachable(base_url: str) -> None:
    """Refuse an address that no call would be sent to; names are looked at then."""
    try:
        check_address(urlsplit(base_url).hostname or "")
    except AddressDenied as error:
        raise InvalidModel(
            _("base_url is an address where no model's server is."), field="base_url"
        ) from error


def _require_field(kind: type[Model], name: str) -> None:
    try:
        kind._meta.get_field(name)  # noqa: SLF001 - documented by Django
    except FieldDoesNotExist as error:
        raise InvalidModel(_("A model has no such field."), field=name) from error


def _check(row: Model | Deployment, exclude: list[str]) -> None:
    try:
        row.full_clean(
            exclude=exclude, validate_unique=False, validate_constraints=False
        )
    except ValidationError as error:
        name, messages = next(iter(error.message_dict.items()))
        raise InvalidModel(f"{name}: {messages[0]}", field=name) from error

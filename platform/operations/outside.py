"""Whom the product asks: Stripe, and the servers that run models."""

import urllib.error
import urllib.request

from cryptography.fernet import InvalidToken
from django.conf import settings

from billing.stripe import products
from billing.stripe.exceptions import StripeError
from inference.catalog.alarms import refusals
from inference.catalog.models import SERVED_HERE, Deployment, Model
from inference.providers.keyring import keys_of
from operations.findings import PATIENCE, Said, failure, first_line, ok, warning


def look_at_stripe() -> Said:
    if not settings.STRIPE_SECRET_KEY:
        yield failure(
            "STRIPE_SECRET_KEY is not set, so nobody can subscribe: copy it from "
            "Stripe's dashboard."
        )
        return
    if not settings.STRIPE_WEBHOOK_SECRETS:
        yield failure(
            "STRIPE_WEBHOOK_SECRETS is not set, so every webhook is refused: copy the "
            f"signing secret of the endpoint {settings.SITE_URL}/hooks/stripe/."
        )
    try:
        # The cheapest question there is; no price has this name.
        products.find_price("doorstone-doctor")
    except StripeError as error:
        reason = first_line(error.details.get("reason", error))
        yield failure(
            f"Stripe does not accept our calls ({reason}): check "
            "STRIPE_SECRET_KEY, STRIPE_API_BASE and the way out of this machine."
        )
    else:
        where = settings.STRIPE_API_BASE or "api.stripe.com"
        yield ok(f"Stripe answers at {where}.")


def look_at_upstreams() -> Said:
    """Every server that is to run models. Any HTTP answer counts as reachable.

    What the gateway was refused with since yesterday is remembered for staff.
    """
    listed = Deployment.objects.filter(model__status=Model.Status.ACTIVE)
    deployments = listed.filter(is_enabled=True).select_related("model")
    remote = [each for each in deployments if each.base_url]
    refused = refusals(each.pk for each in remote)
    for each in remote:
        if each.pk in refused:
            yield failure(
                f"{each.base_url} (for {each.model.slug}) refused us with "
                f"{refused[each.pk]}: check its credential, address, account and "
                "upstream_model, then publish the model again."
            )
            continue
        try:
            request = _models_of(each)
        except InvalidToken:
            yield failure(
                f"The key of {each.base_url} (for {each.model.slug}) cannot be read "
                "with FIELD_KEYS: put the old key back, or publish the model again."
            )
            continue
        try:
            _KEPT_HERE.open(request, timeout=PATIENCE).close()
        except urllib.error.HTTPError as error:
            if error.code in {401, 403}:
                yield failure(
                    f"{each.base_url} (for {each.model.slug}) refuses our key with "
                    f"{error.code}: publish the model again with the right one."
                )
                continue
            if error.code >= 500:
                yield warning(
                    f"{each.base_url} (for {each.model.slug}) answers {error.code}: "
                    "look into that server's log."
                )
                continue
        except (OSError, ValueError) as error:
            yield failure(
                f"{each.base_url} (for {each.model.slug}) does not answer "
                f"({first_line(error)}): start it, or disable the deployment."
            )
            continue
        yield ok(f"{each.base_url} answers for {each.model.slug}.")
    resting = listed.filter(is_enabled=False, options__contains=SERVED_HERE)
    for each in resting.select_related("model"):
        yield warning(
            f"{each.model.slug} is not served now, so it is not on the list: "
            "`make run` serves it, unless MODELS=0 or its first lines say why not."
        )
    if not deployments:
        yield warning("No model has a deployment: run manage.py catalog ensure.")
    elif not remote:
        yield ok("Every model runs in this product; no server to reach.")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A server's key is for that server, not for where it would send us."""

    def redirect_request(self, *_answer: object) -> None:
        return None


_KEPT_HERE = urllib.request.build_opener(_NoRedirect)


def _models_of(place: Deployment) -> urllib.request.Request:
    """Return the request for what a server lists, with its own key."""
    headers = {}
    if place.credential:
        headers["authorization"] = f"Bearer {next(iter(keys_of(place.credential)), '')}"
    address = f"{place.base_url.rstrip('/')}/models"
    return urllib.request.Request(address, headers=headers)  # noqa: S310 - staff's

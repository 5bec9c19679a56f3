"""Models, keys and usage, as small as they can be."""

import itertools
from datetime import datetime
from typing import Any

from django.utils import timezone

from accounts.models import Organisation, User
from inference.catalog import services as catalog
from inference.catalog.models import Deployment, Model
from inference.keys.models import ApiKey
from inference.keys.services import create_key
from inference.transcripts import services as transcripts
from inference.transcripts.models import Transcript, TranscriptChoice
from inference.usage import recording
from inference.usage.models import UsageEvent

RATES = catalog.Rates.from_dollars("1", "2", "0.5", "1")
_numbers = itertools.count(1)


def offered_model(slug: str = "tiny", **fields: Any) -> Model:
    """Offer a model that the documentation assistant runs."""
    values: dict[str, Any] = {
        "title": slug.title(),
        "edition": Model.Edition.OPEN,
        "summary": f"The model {slug}.",
        "context_tokens": 8_000,
        "max_output_tokens": 1_000,
        "default_output_tokens": 100,
        "capabilities": ["chat", "streaming"],
        "deployments": [{"provider": Deployment.Provider.DOCS_ASSISTANT}],
        "rates": RATES,
    }
    return catalog.publish_model(slug, **{**values, **fields})


def key_of(organisation: Organisation, by: User, **fields: Any) -> ApiKey:
    """Make a key whose secret nobody needs."""
    key, _secret = create_key(
        organisation, by=by, **{"name": f"Key {next(_numbers)}", **fields}
    )
    return key


def used(
    organisation: Organisation,
    key: ApiKey | None = None,
    *,
    at: datetime | None = None,
    **fields: Any,
) -> UsageEvent:
    """Record one call as the gateway does, hours and month included."""
    values: dict[str, Any] = {
        "request_id": f"req_{next(_numbers):08}",
        "occurred_at": at or timezone.now(),
        "organisation_id": organisation.pk,
        "key_id": key.pk if key else None,
        "model": "tiny",
        "edition": "open",
        "price_version_id": 1,
        "status": "ok",
        "is_stream": False,
        "is_estimated": False,
        "tokens_in": 100,
        "tokens_cached": 0,
        "tokens_out": 50,
        "price_nano": 200_000,
        "cost_nano": 100_000,
        "first_byte_ms": 20,
        "total_ms": 120,
    }
    usage = recording.Usage(**{**values, **fields})
    recording.record([usage])
    return UsageEvent.objects.get(pk=usage.request_id)


def transcript_of(call: UsageEvent, answer: bytes = b"{}") -> Transcript:
    """Keep what a call said, for an organisation that chose so."""
    organisation_id = call.organisation_id
    TranscriptChoice.objects.get_or_create(pk=organisation_id, defaults={"days": 7})
    transcripts.keep(
        [transcripts.Taken(call.request_id, organisation_id, b"{}", answer)]
    )
    return Transcript.objects.get(pk=call.request_id)

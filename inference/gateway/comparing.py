"""Our sums beside those of the servers that ran the models, once a night.

A server that exports what it has read and written (vLLM, SGLang, llama.cpp and TGI do)
is asked for it where its deployment says ``options["sums"] = "metrics"``: on a server
that others use as well, the two have nothing to do with each other.
"""

import asyncio
import logging
import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import QuerySet, Sum
from django.utils import timezone

from inference.catalog.models import Deployment
from inference.providers.base import UpstreamFailed
from inference.providers.openai import OpenAIProvider
from inference.usage.checks import CHECKS
from inference.usage.models import UpstreamSum, UsageEvent

logger = logging.getLogger(__name__)
# Counters of what was read and written, and whether what a cache had is in the first.
COUNTERS = (
    ("vllm:prompt_tokens_total", "vllm:generation_tokens_total", True),
    ("sglang:prompt_tokens_total", "sglang:generation_tokens_total", True),
    ("llamacpp:prompt_tokens_total", "llamacpp:tokens_predicted_total", False),
    ("tgi_request_input_length_sum", "tgi_request_generated_tokens_sum", True),
)
# What runs while two clocks are read is on one side only, and what a caller broke off
# is an estimate: a few calls' worth, or one in fifty of many.
SHARE = 0.02
TOKENS = 2_000  # an answer or two of the longest that are usual
# As many as the columns hold, and more than a server writes in its life.
MOST_COUNTED = 10**18
# As Prometheus writes numbers; the infinite and NaN are some of them.
_LINE = re.compile(
    r"^([A-Za-z_:][\w:]*)(?:\{([^}]*)\})?[ \t]+"
    r"([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|[+-]?Inf|NaN)(?=\s|$)",
    re.MULTILINE,
)
_MODEL = re.compile(r'model(?:_name)?="([^"]*)"')


def compare_all() -> list[UpstreamSum]:
    """Compare every deployment that says it can be; return what was read."""
    deployments = Deployment.objects.filter(
        provider=Deployment.Provider.OPENAI, options__sums="metrics", is_enabled=True
    )
    return [found for found in map(_compare, deployments) if found is not None]


def check_sums() -> int:
    """Prove the last two days' sums; return how many do not add up."""
    start = timezone.now() - timedelta(days=2)
    since = start.replace(minute=0, second=0, microsecond=0)
    count = 0
    for rule in CHECKS:
        for what in rule(since):
            count += 1
            extra = {"rule": rule.__name__, "what": what}
            logger.error("usage.does_not_add_up", extra=extra)
    return count


def _compare(deployment: Deployment) -> UpstreamSum | None:
    """Read a server's counters and hold them against our rows since the last time."""
    at = timezone.now()
    try:
        text = asyncio.run(_metrics_of(deployment))
        tokens_in, tokens_out, has_cached = counted_in(text, deployment.upstream_model)
    except (UpstreamFailed, LookupError) as error:
        logger.warning(
            "usage.not_compared",
            extra={"deployment": deployment.pk, "error": str(error)},
        )
        return None
    before = (
        UpstreamSum.objects.filter(deployment_id=deployment.pk).order_by("-pk").first()
    )
    own_in, own_out = _own(deployment, before, at, has_cached=has_cached)
    found = UpstreamSum(
        deployment_id=deployment.pk,
        read_at=at,
        counter_in=tokens_in,
        counter_out=tokens_out,
        own_in=own_in,
        own_out=own_out,
    )
    if before is not None and before.counter_out <= tokens_out:
        found.tokens_in = tokens_in - before.counter_in
        found.tokens_out = tokens_out - before.counter_out
        found.is_off = not (
            _agree(found.tokens_in, own_in) and _agree(found.tokens_out, own_out)
        )
    found.save()
    if found.is_off:
        logger.error(
            "usage.differs",
            extra={
                "deployment": deployment.pk,
                "theirs": [found.tokens_in, found.tokens_out],
                "ours": [own_in, own_out],
            },
        )
    return found


def counted_in(text: str, upstream_model: str) -> tuple[int, int, bool]:
    """Return what a server read and wrote, and whether that has what a cache spared.

    Raises ``LookupError`` where it exports neither, or what is no count.
    """
    for name_in, name_out, has_cached in COUNTERS:
        read = list(_values(text, name_in, upstream_model))
        written = list(_values(text, name_out, upstream_model))
        if read and written:
            return _count(read), _count(written), has_cached
    raise LookupError("no counter of tokens")


def _count(values: list[float]) -> int:
    """Return the sum of counters; one server's nonsense must not stop the others'."""
    total = sum(values)
    if not 0 <= total <= MOST_COUNTED:
        raise LookupError(f"a counter of {total} tokens")
    return round(total)


def _values(text: str, name: str, upstream_model: str) -> Iterator[float]:
    for found in _LINE.finditer(text):
        if found.group(1) != name:
            continue
        model = _MODEL.search(found.group(2) or "")
        if model is None or not upstream_model or model.group(1) == upstream_model:
            yield float(found.group(3))


def _own(
    deployment: Deployment,
    before: UpstreamSum | None,
    at: datetime,
    *,
    has_cached: bool,
) -> tuple[int, int]:
    """Return what our rows say since the last reading."""
    if before is None:
        return 0, 0
    rows: QuerySet[UsageEvent] = UsageEvent.objects.filter(
        deployment_id=deployment.pk, occurred_at__gte=before.read_at, occurred_at__lt=at
    )
    sums = rows.aggregate(
        read=Sum("tokens_in"), cached=Sum("tokens_cached"), written=Sum("tokens_out")
    )
    read = (sums["read"] or 0) - (0 if has_cached else sums["cached"] or 0)
    return read, sums["written"] or 0


def _agree(theirs: int, ours: int) -> bool:
    return abs(theirs - ours) <= TOKENS + SHARE * max(theirs, ours)


async def _metrics_of(deployment: Deployment) -> str:
    provider = OpenAIProvider()
    try:
        return await provider.metrics(deployment)
    finally:
        await provider.close()

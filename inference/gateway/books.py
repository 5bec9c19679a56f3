"""The books of the gateway: one row for each request that was admitted."""

import logging
import time

from inference.gateway.errors import GatewayError
from inference.gateway.metering import Tokens
from inference.gateway.settlement import Settlement
from inference.gateway.upstreams import Work
from inference.usage.models import UsageEvent
from inference.usage.recording import Usage

logger = logging.getLogger(__name__)
NOTHING = Tokens(0, 0, 0)


class Books:
    """Settles requests, answered or not, each once."""

    def __init__(self, settlement: Settlement) -> None:
        self.settlement = settlement

    def settle(
        self,
        work: Work,
        status: str,
        tokens: Tokens,
        *,
        error_code: str | None = None,
    ) -> None:
        """Have a request's usage written down, once."""
        if work.is_settled:
            return
        work.is_settled = True
        rates = work.model.rates
        counts = (tokens.prompt, tokens.cached, tokens.completion)
        work.price_nano = rates.price_of(*counts)
        if tokens.complaint:
            logger.warning(
                "usage.estimated",
                extra={
                    "call": work.reservation.request_id,
                    "deployment": work.deployment.pk if work.deployment else None,
                    "complaint": tokens.complaint,
                },
            )
        self.settlement.settle(
            Usage(
                request_id=work.reservation.request_id,
                occurred_at=work.occurred_at,
                organisation_id=work.caller.organisation_id,
                key_id=work.caller.key_id,
                model=work.model.slug,
                edition=work.model.edition,
                price_version_id=rates.version_id,
                status=status,
                is_stream=work.call.is_stream,
                is_estimated=tokens.is_estimated,
                tokens_in=tokens.prompt,
                tokens_cached=tokens.cached,
                tokens_out=tokens.completion,
                price_nano=work.price_nano,
                cost_nano=rates.cost_of(*counts) + rates.cost_of(work.lost_in, 0, 0),
                first_byte_ms=work.first_byte_ms,
                total_ms=int((time.perf_counter() - work.started) * 1000),
                client_request_id=work.client_request_id,
                error_code=error_code or "",
            ),
            work.reservation,
        )

    def fail(self, work: Work, status: str, error: GatewayError) -> None:
        """Write down a request that nothing was delivered for: it is free."""
        self.settle(work, status, NOTHING, error_code=error.code)

    def leave(self, work: Work) -> None:
        """Write down a request whose caller left before anything came."""
        if work.deployment is not None and not work.is_settled:
            work.lost_in += work.bounds.estimated_in
        self.settle(work, UsageEvent.Status.CLIENT_ABORT, NOTHING)

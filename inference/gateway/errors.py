"""Refusals in OpenAI's shape."""

from collections.abc import Mapping

import orjson


class GatewayError(Exception):
    """An answer other than the one asked for.

    ``headers`` are added to the response. The body is
    ``{"error": {"message", "type", "param", "code"}}``.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind
        self.code = code
        self.param = param
        self.headers = dict(headers or {})

    def body(self) -> bytes:
        return orjson.dumps(
            {
                "error": {
                    "message": self.message,
                    "type": self.kind,
                    "param": self.param,
                    "code": self.code,
                }
            }
        )

    def event(self) -> bytes:
        """Return the error as an event of a stream that has already begun."""
        return b"data: " + self.body() + b"\n\n"


def missing_key() -> GatewayError:
    return GatewayError(
        401,
        "You didn't provide an API key. Send it as `Authorization: Bearer ds_live_…`.",
        headers={"www-authenticate": "Bearer"},
    )


def invalid_key(secret: str) -> GatewayError:
    # Unknown, revoked and expired look the same: which it is, is the owner's affair.
    shown = f"{secret[:8]}…{secret[-4:]}" if len(secret) > 16 else "…"
    return GatewayError(
        401,
        f"Incorrect API key provided: {shown}. You find your keys in the console.",
        code="invalid_api_key",
        headers={"www-authenticate": "Bearer"},
    )


def model_not_found(model: str) -> GatewayError:
    return GatewayError(
        404,
        f"The model `{model[:100]}` does not exist or you do not have access to it.",
        code="model_not_found",
        param="model",
    )


def model_requires_plan(model: str, pricing_url: str) -> GatewayError:
    return GatewayError(
        403,
        f"The model `{model}` is a premium model that your plan does not include. "
        f"Subscribe at {pricing_url} and call it again.",
        code="model_requires_plan",
        param="model",
    )


def bad_request(
    message: str, param: str | None = None, code: str | None = None
) -> GatewayError:
    return GatewayError(400, message, param=param, code=code)


def too_large(limit: int) -> GatewayError:
    return GatewayError(
        413,
        f"The request body is larger than {limit // 1_000_000} MB.",
        code="request_too_large",
    )


def rate_limited(what: str, wait: float, limit: int) -> GatewayError:
    words = {
        "requests": f"{limit} requests per minute",
        "tokens": f"{limit} tokens per minute",
        "concurrency": f"{limit} requests at the same time",
    }
    kind = "tokens" if what == "tokens" else "requests"
    return GatewayError(
        429,
        f"Rate limit reached: your plan allows {words[what]}. "
        f"Please try again in {wait:.3f}s.",
        kind=kind,
        code="rate_limit_exceeded",
        headers={
            "retry-after": str(max(1, int(wait + 0.999))),
            "retry-after-ms": str(max(1, int(wait * 1000 + 0.999))),
        },
    )


def quota_exhausted(billing_url: str) -> GatewayError:
    return GatewayError(
        429,
        "You exceeded your current quota: this month's allowance is used up. "
        f"See your plan and usage at {billing_url}",
        kind="insufficient_quota",
        code="insufficient_quota",
        headers={"x-should-retry": "false"},
    )


def limiter_unavailable() -> GatewayError:
    return GatewayError(
        503,
        "The request could not be admitted right now. Please try again.",
        kind="server_error",
        code="limiter_unavailable",
        headers={"retry-after": "1"},
    )


def upstream_error(
    message: str = "The model failed to answer. Please try again.",
) -> GatewayError:
    return GatewayError(502, message, kind="server_error", code="upstream_error")


def upstream_auth() -> GatewayError:
    # Never 401: the caller would go and replace a key that is right.
    return GatewayError(
        502,
        "The model's server refused our credentials. We have been told.",
        kind="server_error",
        code="upstream_auth",
    )


def upstream_timeout() -> GatewayError:
    return GatewayError(
        504,
        "The model did not begin to answer in time. Please try again.",
        kind="server_error",
        code="upstream_timeout",
    )


def upstream_rate_limited(retry_after: str) -> GatewayError:
    seconds = min(int(retry_after), 60) if retry_after.isdigit() else 5
    return GatewayError(
        429,
        "The model is at its own limit. Please try again shortly.",
        kind="requests",
        code="upstream_rate_limited",
        headers={"retry-after": str(seconds)},
    )


def no_deployment(wait: float) -> GatewayError:
    return GatewayError(
        503,
        "No server of this model is healthy right now. Please try again shortly.",
        kind="server_error",
        code="no_deployment",
        headers={"retry-after": str(max(1, int(wait + 0.999)))},
    )


def shutting_down() -> GatewayError:
    return GatewayError(
        503,
        "The server is restarting. Please try again.",
        kind="server_error",
        code="server_shutdown",
        headers={"retry-after": "1"},
    )


def internal_error(request_id: str) -> GatewayError:
    return GatewayError(
        500,
        f"Something went wrong on our side. Mention {request_id} when you ask about it.",
        kind="server_error",
        code="internal_error",
    )

"""Refusals in Stripe's own error envelope."""

from typing import Any


class ApiError(Exception):
    """A refusal: what the SDK turns into one of its exception classes."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        keep_changes: bool = False,
        **extra: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.code = code
        self.param = param
        # A declined card is refused, yet the failed attempt itself is history.
        self.keep_changes = keep_changes
        self.extra = extra

    def body(self, request_id: str) -> dict[str, Any]:
        """The JSON that goes over the wire."""
        error: dict[str, Any] = {"type": self.kind, "message": str(self)}
        if self.code:
            error["code"] = self.code
            error["doc_url"] = f"https://stripe.com/docs/error-codes/{self.code}"
        if self.param:
            error["param"] = self.param
        error.update(self.extra)
        if request_id:
            error["request_log_url"] = f"/_emulator/?request={request_id}"
        return {"error": error}


class InvalidParameter(ApiError):
    """The parameters never passed validation, so the answer is not replayed."""


class CardDeclined(ApiError):
    """The bank said no, or wants to see the customer first."""

    def __init__(
        self,
        message: str,
        *,
        code: str,
        decline_code: str | None = None,
        keep_changes: bool = False,
    ) -> None:
        extra = {"decline_code": decline_code} if decline_code else {}
        super().__init__(
            message,
            status=402,
            kind="card_error",
            code=code,
            keep_changes=keep_changes,
            **extra,
        )
        self.decline_code = decline_code


def missing(kind: str, identifier: str, param: str = "id") -> ApiError:
    """The error for an object that is not there."""
    name = kind.rsplit(".", 1)[-1]
    return ApiError(
        f"No such {name}: '{identifier}'",
        status=404,
        code="resource_missing",
        param=param,
    )

"""The response object and the items of its output."""

from dataclasses import dataclass
from typing import Any

from inference.protocol.chunks import Said, Told
from inference.protocol.responses.requests import Asked

Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Frame:
    """What is known of a response before its first word. Times in Unix seconds."""

    request_id: str
    model: str
    created: int
    asked: Asked

    @property
    def response_id(self) -> str:
        return f"resp_{self._hex}"

    @property
    def _hex(self) -> str:
        return self.request_id.removeprefix("req_")

    def named(self, prefix: str, index: int) -> str:
        """Return the id of the output item at ``index``."""
        return f"{prefix}_{self._hex}{index:02x}"

    def response(self, status: str, output: list[Item]) -> dict[str, Any]:
        return {
            "id": self.response_id,
            "object": "response",
            "created_at": self.created,
            "status": status,
            "error": None,
            "incomplete_details": None,
            "model": self.model,
            "output": output,
            "usage": None,
            **self.asked.echo,
        }


def status_of(said: Said) -> tuple[str, dict[str, str] | None]:
    """Return how a response ended, and why where it is incomplete."""
    if said.finish == "length":
        return "incomplete", {"reason": "max_output_tokens"}
    if said.finish == "content_filter":
        return "incomplete", {"reason": "content_filter"}
    return "completed", None


def usage(told: Told) -> dict[str, Any]:
    return {
        "input_tokens": told.tokens_in,
        "input_tokens_details": {"cached_tokens": told.cached, "cache_write_tokens": 0},
        "output_tokens": told.tokens_out,
        "output_tokens_details": {"reasoning_tokens": told.thought or 0},
        "total_tokens": told.tokens_in + told.tokens_out,
    }


def error(code: str | None, message: str) -> dict[str, str]:
    """Return the error of a response that failed, in the codes OpenAI uses."""
    return {"code": _CODES.get(code or "", "server_error"), "message": message}


_CODES = {
    "context_length_exceeded": "context_length_exceeded",
    "content_policy_violation": "invalid_prompt",
    "upstream_rate_limited": "rate_limit_exceeded",
}

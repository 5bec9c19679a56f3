"""Whose fault a failed attempt is, by evidence, and what the caller is told of it.

What a caller's own request brought about must not close a model for others; a dead
server or credential must not be taken for the caller's mistake. Both roads, whole
answers and streams, are judged here.
"""

import enum
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson

from inference.catalog.models import Deployment
from inference.directory.offers import OfferedModel
from inference.protocol import errors
from inference.protocol.errors import APIError
from inference.protocol.requests import CHAT, PROMPTS
from inference.providers.base import UpstreamFailed, is_answered
from inference.providers.wire import Unreadable, loads
from inference.routing.redaction import redact


class Blame(enum.Enum):
    """Who brought a failure about."""

    CALLER = "caller"
    # The upstream's own limit.
    BUSY = "busy"
    # What staff have to put right: a key, an account, an address, a model's name.
    OURS = "ours"
    SERVER = "server"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from a failed attempt.

    ``is_certain`` tells that no request can have brought it about, so that one is
    evidence for all. ``may_go_on`` allows another deployment, ``may_repeat`` the
    same one once more.
    """

    blame: Blame
    error: APIError
    may_go_on: bool = False
    may_repeat: bool = False
    is_certain: bool = False
    original: str = ""


@dataclass(frozen=True, slots=True)
class ReportedError:
    """An upstream's error, whatever shape it came in."""

    message: str = ""
    kind: str = ""
    code: str = ""
    param: str = ""

    def speaks_of(self, pattern: "re.Pattern[str]") -> bool:
        return any(map(pattern.search, (self.code, self.kind, self.message[:4000])))


_CONTEXT = re.compile(
    r"context_length|exceed_context|context (?:length|window|size|limit)|maximum context|"
    r"available context|prompt is too long|input is too long|too many (?:input )?tokens|"
    r"longer than the (?:model|maximum)|reduce the length|maximum input length|"
    r"exceeds? the maximum number of tokens allowed|`inputs` tokens|too many tokens|"
    r"range of input length|current length is \d+ while limit|prompt exceeds max|"
    r"prompt 超长|输入.{0,10}超(?:长|过)|超(?:过|出).{0,20}(?:上下文|最大长度|长度限制)",
    re.IGNORECASE,
)
# What servers say it holds, and how many tokens they counted in the prompt.
_HELD = re.compile(
    r"(?:context (?:length|window|size|limit)|model length|maximum length|"
    r"input length|limit)(?: is| of)?\s*\(?(\d{2,9})|must be <= (\d{2,9})|"
    r"tokens allowed \((\d{2,9})|cannot exceed (\d{2,9})|> (\d{2,9})(?: maximum|,)|"
    r"with (\d{2,9}) maximum context|should be \[\d, ?(\d{2,9})\]",
    re.IGNORECASE,
)
_ASKED = re.compile(
    r"(\d{1,9}) (?:in|tokens for) the completion|limit: \d{1,9} \+ (\d{1,9}) >|"
    r"tokens and (\d{1,9}) `max_new_tokens`|is too large: (\d{1,9})",
    re.IGNORECASE,
)
_COUNTED = re.compile(
    r"resulted in (\d{1,9})|\((\d{1,9}) in (?:the|your) (?:messages|prompt)|"
    r"has (\d{1,9}) input tokens|(?:request|input|prompt) \((?:length )?(\d{1,9})|"
    r"too long: (\d{1,9}) tokens|token count \((\d{1,9})|received (\d{1,9})|"
    r"(\d{1,9}) tokens from the input|Given: (\d{1,9})|contains (\d{1,9}) tokens|"
    r"current length is (\d{1,9})|context limit: (\d{1,9}) \+",
    re.IGNORECASE,
)
_MODERATION = re.compile(
    r"content[_ -]?(?:policy|filter|management|moderation)|moderat|safety|flagged|"
    r"harmful|inappropriate|policy[_ ]violation|sensitive|data_inspection|违规|敏感|不安全",
    re.IGNORECASE,
)
_UNSUPPORTED = re.compile(
    r"not (?:currently )?support|unsupported|not implemented|does not (?:accept|allow)",
    re.IGNORECASE,
)
_TOO_LARGE = re.compile(
    r"request too large|too large for|reduce (?:the|your)", re.IGNORECASE
)
# The codes of OpenAI's that tell a program what to correct.
CODES = {
    *("invalid_value", "invalid_type", "invalid_json", "missing_required_parameter"),
    *("unknown_parameter", "unsupported_parameter", "unsupported_value"),
    *("string_above_max_length", "string_too_short", "array_above_max_length"),
    *("array_below_min_length", "integer_above_max_value", "integer_below_min_value"),
    *("decimal_above_max_value", "decimal_below_min_value", "invalid_image"),
    *("invalid_image_format", "invalid_image_url", "image_too_large"),
    *("invalid_base64_image", "invalid_function_parameters", "tool_use_failed"),
    *("json_validate_failed", "invalid_request", "invalid_prompt"),
}
# Said of refusals that came without a reason.
_REFUSED = {
    "request_too_large": "The request is larger than the model's server takes.",
    "content_policy_violation": "The model's provider refused what the request says.",
}
# An account of ours that has nothing left, whatever status it is told with.
_UNPAID = re.compile(
    r"insufficient_quota|check your plan and billing|credit balance is too low|"
    r"arrearage|insufficient (?:balance|credits)|余额不足|欠费",
    re.IGNORECASE,
)
_PARAM = re.compile(r"[A-Za-z_]\w{0,40}(?:[.\[]\w{1,40}\]?){0,6}")
# What only staff can put right, said with the status of a caller's mistake. Which model
# its server runs, and with which key, is nothing a caller chose.
_OURS = {
    *("api_key_invalid", "invalid_api_key", "invalid_authentication", "key_expired"),
    *("model_not_found", "model_decommissioned", "model_deprecated", "model_not_exist"),
    *("billing_not_active", "billing_hard_limit_reached", "account_deactivated"),
}
_OURS_BEGINS = re.compile(
    r"(?:the |this |your |an? )?(?:invalid |incorrect )?api[_ -]?key\b|"
    r"your account is not active|"
    # Of a model's name, not of what a model wrote.
    r"(?:the |this |requested )*model(?:\s+\S{1,120})?\s+"
    r"(?:(?:was |is |could )?not (?:be )?found|(?:does not|doesn't|not) exist|"
    r"has been (?:decommissioned|deprecated|retired|removed))|"
    r"(?:no such|unknown|invalid) model(?: id| name)?(?:\s*[:'\"`]|\.?$)|"
    r"\S{1,120} is not a valid model\b|"
    r"模型[\s:：'\"`「“]*[\w.:/@-]{0,120}[\s'\"`」”]*不存在|无效的(?:api|密钥|令牌)",
    re.IGNORECASE | re.ASCII,
)
_CREDENTIAL = {401, 402, 403}
# Waits, locks and queues of a server's own.
_PASSING = {408, 409, 424, 425, 498, 499}
_UNAVAILABLE = {503, 529}


def judge(
    failure: UpstreamFailed,
    *,
    deployment: Deployment,
    model: OfferedModel,
    fields: frozenset[str] = frozenset(),
    hidden: tuple[str, ...] = (),
) -> Verdict:
    """Return what follows from a failure; ``fields`` are those the caller sent."""
    if failure.is_timeout:
        # It may be running still: once is enough.
        return Verdict(Blame.SERVER, errors.upstream_timeout())
    if failure.is_unreachable:
        return Verdict(
            Blame.SERVER,
            errors.upstream_error(),
            may_go_on=True,
            may_repeat=True,
            is_certain=True,
        )
    said = read_error(failure.body)
    status = failure.status
    if is_answered(status):
        # The body says what the status should have said before it.
        status = _status_in(failure.body)
    original = " ".join(filter(None, (said.code, said.kind, said.message)))[:500]
    where = next((name for name in PROMPTS.values() if name in fields), PROMPTS[CHAT])
    verdict = _verdict(status, failure, said, model, where)
    if verdict.blame is Blame.CALLER and not verdict.error.message:
        verdict.error.message = redact(
            said.message,
            renamed={
                deployment.upstream_model: model.slug,
                urlsplit(deployment.base_url).hostname or "": "…",
            },
            hidden=(*hidden, deployment.base_url),
        ) or _REFUSED.get(verdict.error.code or "", "The model refused the request.")
        if _PARAM.fullmatch(said.param) and re.split(r"[.\[]", said.param)[0] in fields:
            verdict.error.param = said.param
    if failure.was_run:
        # It was bought: nowhere else, and not again.
        return Verdict(verdict.blame, verdict.error, original=original)
    return Verdict(
        verdict.blame,
        verdict.error,
        verdict.may_go_on,
        verdict.may_repeat,
        verdict.is_certain,
        original,
    )


def _verdict(
    status: int,
    failure: UpstreamFailed,
    said: ReportedError,
    model: OfferedModel,
    where: str,
) -> Verdict:
    """Judge an answer by its status and its words; the prompt is ``where``."""
    if status in {400, 403, 409, 422, 451} and (
        said.speaks_of(_MODERATION) or status == 451
    ):
        return _callers(400, "content_policy_violation")
    if status in {400, 413, 422, 500} and said.speaks_of(_CONTEXT):
        return Verdict(Blame.CALLER, _too_long(said, model, where))
    if _is_unpaid(status, said):
        return Verdict(Blame.OURS, errors.upstream_auth(), may_go_on=True)
    if status in {400, 422} and _is_ours(said):
        return Verdict(Blame.OURS, errors.upstream_error(), may_go_on=True)
    if status in _PASSING:
        return Verdict(Blame.SERVER, errors.upstream_error(), may_go_on=True)
    if status in {400, 422}:
        return _callers(400, said.code if said.code in CODES else None)
    if status == 413:
        return _callers(413, "request_too_large")
    if status == 501 or (status in {404, 405, 500} and said.speaks_of(_UNSUPPORTED)):
        return _callers(400, "unsupported_capability")
    if status in _CREDENTIAL:
        # Some servers refuse words like this, too: a look at the server finds out.
        return Verdict(Blame.OURS, errors.upstream_auth(), may_go_on=True)
    if status == 429:
        error = errors.upstream_rate_limited(failure.retry_after)
        # One huge request over a limit says nothing of the next small one.
        blame = Blame.CALLER if said.speaks_of(_TOO_LARGE) else Blame.BUSY
        return Verdict(blame, error, may_go_on=True)
    if status in _UNAVAILABLE:
        error = errors.upstream_unavailable(failure.retry_after)
        return Verdict(Blame.SERVER, error, may_go_on=True, may_repeat=True)
    if status == 504:
        return Verdict(Blame.SERVER, errors.upstream_timeout())
    if 300 <= status < 500:
        # An address or a model that is not there is nothing a caller chose.
        return Verdict(Blame.OURS, errors.upstream_error(), may_go_on=True)
    return Verdict(
        Blame.SERVER,
        errors.upstream_error(),
        may_go_on=True,
        # 500 is as likely this request's doing as the server's.
        may_repeat=status == 502,
    )


def _is_unpaid(status: int, said: ReportedError) -> bool:
    if status == 429:
        return said.speaks_of(_UNPAID)
    # A 400 may repeat what the caller wrote: only how it begins counts.
    begins = re.match(
        r"(?:your )?(?:credit balance is too low|account.{0,20}欠费)",
        said.message,
        re.IGNORECASE,
    )
    return status == 400 and bool(begins or said.code.lower() == "arrearage")


def _is_ours(said: ReportedError) -> bool:
    """Tell whether a refusal is of our key or our model; only how it begins counts."""
    return (
        not {said.code.lower(), said.kind.lower()}.isdisjoint(_OURS)
        or _OURS_BEGINS.match(said.message) is not None
    )


def _too_long(said: ReportedError, model: OfferedModel, where: str) -> APIError:
    """Return the refusal, with the numbers of the server that counted."""
    message = said.message[:2000]
    limit = _number(_HELD.search(message)) or model.context_tokens
    prompt = _number(_COUNTED.search(message))
    answer = _number(_ASKED.search(message))
    if limit > model.context_tokens:
        # More than we say ourselves: it is some other number.
        limit = model.context_tokens
    if prompt is None or prompt + (answer or 0) <= limit:
        # Numbers that do not say what is too long are left out.
        prompt = answer = None
    return errors.ContextExceeded(limit, prompt=prompt, answer=answer, param=where)


def _number(found: "re.Match[str] | None") -> int | None:
    if found is None:
        return None
    return next(int(group) for group in found.groups() if group)


def _callers(status: int, code: str | None) -> Verdict:
    return Verdict(Blame.CALLER, APIError(status, "", code=code))


def read_error(body: bytes) -> ReportedError:
    """Read an error in any of the shapes servers give it."""
    try:
        value = loads(body)
    except Unreadable:
        text = body[:2000].decode("utf-8", "replace")
        # A proxy's page says nothing of the request.
        return ReportedError() if text.lstrip().startswith("<") else ReportedError(text)
    if isinstance(value, list) and value:
        value = value[0]
    if not isinstance(value, dict):
        return ReportedError(value if isinstance(value, str) else "")
    # OpenAI's; a bare text; FastAPI's; the flat one of older vLLM.
    found = value.get("error") or value.get("detail") or value.get("errors") or value
    if isinstance(found, list):
        return ReportedError("; ".join(filter(None, map(_complaint, found[:5]))))
    if isinstance(found, str):
        return ReportedError(found)
    if not isinstance(found, dict):
        return ReportedError()
    if isinstance(found.get("message"), dict):
        # Mistral's: FastAPI's complaints in the place of a text.
        return read_error(orjson.dumps(found["message"]))
    return ReportedError(
        message=_text(found.get("message") or found.get("msg") or found.get("detail")),
        kind=_text(found.get("type")),
        code=_text(found.get("code")),
        param=_text(found.get("param")),
    )


def _complaint(item: Any) -> str:
    """Return one of FastAPI's complaints without the input it repeats."""
    if not isinstance(item, dict):
        return item if isinstance(item, str) else ""
    where = item.get("loc")
    # That it was in the body goes without saying.
    where = where[1:] if isinstance(where, list) and where[:1] == ["body"] else where
    place = ".".join(map(str, where)) if isinstance(where, list) else ""
    said = _text(item.get("msg") or item.get("message"))
    return f"{place}: {said}" if place else said


def _text(value: Any) -> str:
    return str(value) if isinstance(value, str | int) else ""


def _status_in(body: bytes) -> int:
    """Return the status that an error inside an answer stands for."""
    said = read_error(body)
    if re.fullmatch(r"[45][0-9]{2}", said.code):
        return int(said.code)
    if re.search(r"bad_?request|invalid_request", said.kind, re.IGNORECASE):
        return 400
    if said.code in CODES or said.speaks_of(_CONTEXT):
        return 400
    if re.search(r"rate_?limit", f"{said.kind} {said.code}", re.IGNORECASE):
        return 429
    if "overloaded" in f"{said.kind} {said.code}".lower():
        return 529
    return 500

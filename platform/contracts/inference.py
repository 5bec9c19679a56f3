"""What happened at the gateway."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyCreated:
    """A user created an API key for an organisation."""

    actor: ClassVar[str] = "user_id"
    key_id: int
    organisation_id: int
    user_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyRevoked:
    """A key was taken out of use."""

    actor: ClassVar[str] = "user_id"
    key_id: int
    organisation_id: int
    user_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstCallSucceeded:
    """A person's first successful call for an organisation.

    ``user_id`` made the key; None where they were gone when the call was written.
    ``occurred_at`` is the ISO time of the call, which is told some seconds later.
    """

    actor: ClassVar[str] = "user_id"
    organisation_id: int
    user_id: int | None
    model: str
    occurred_at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageAggregated:
    """The usage of one organisation and model in one closed window.

    ``window`` is the ISO start of the window; a later fact for the same window
    carries only what was added since, with the next ``revision``.
    """

    organisation_id: int
    model: str
    edition: str
    window: str
    revision: int
    requests: int
    tokens_in: int
    tokens_out: int
    price_nano: int
    cost_nano: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelsCompared:
    """A person judged a blind comparison; ``models`` are names with commas between.

    ``winner`` is one of them for the verdict "win", and empty for "tie" and "bad".
    """

    actor: ClassVar[str] = "user_id"
    user_id: int
    organisation_id: int | None
    models: str
    winner: str
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRefused:
    """Calls of an organisation were refused for want of a plan, or of allowance.

    ``code`` is what the caller was told: ``model_requires_plan`` or
    ``insufficient_quota``. It is told about once a day for each, not for each call.
    """

    organisation_id: int
    code: str
    day: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetReached:
    """A month's usage reached a share of a budget: 50, 80 or 100 per cent.

    ``scope`` is ``organisation``, ``project``, ``key`` or ``member``, ``target_id``
    its row; ``month`` as ``2026-05``; money in billionths of a US dollar. Told once
    for each month, limit and share, also when usage is corrected below it later.
    """

    organisation_id: int
    scope: str
    target_id: int
    month: str
    percent: int
    limit_nano: int
    spent_nano: int
    is_hard: bool

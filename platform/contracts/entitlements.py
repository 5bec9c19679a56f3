"""What an organisation may do changed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class EntitlementsChanged:
    """An organisation's entitlements were replaced by revision ``revision``."""

    organisation_id: int
    revision: int
    plan: str
    plan_before: str = ""

"""Who calls: a key, its organisation, and what they may do."""

from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network, ip_address

from entitlements.credit import NO_CREDIT, Credit
from entitlements.features import Features
from entitlements.own_prices import OwnPrices, in_force
from inference.directory.offers import OfferedModel
from inference.protocol import errors


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRules:
    """What a key is held to beside its plan. None, or empty, holds it to nothing."""

    scopes: frozenset[str] = frozenset()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    origins: frozenset[str] = frozenset()
    # Kinds of personal data that models are not shown.
    hidden_data: frozenset[str] = frozenset()
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrent_requests: int | None = None
    # How old an answer may be that is given again.
    cache_seconds: int | None = None
    project_id: int | None = None
    project_name: str = ""
    project_limit_nano: int | None = None
    # Who made the key; nobody, of a service account.
    member_id: int | None = None
    member_limit_nano: int | None = None
    organisation_limit_nano: int | None = None


NO_RULES = KeyRules()


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the key, its organisation and what that may do."""

    key_id: int
    digest: str
    organisation_id: int
    organisation_slug: str
    features: Features
    allowed_models: frozenset[str]
    monthly_limit_nano: int | None
    expires_at: datetime | None
    locale: str
    # Whether its organisation chose to have responses kept.
    stores_responses: bool = False
    # … and to have what its calls say kept.
    keeps_transcripts: bool = False
    rules: KeyRules = NO_RULES
    # What a refusal adds; it is never asked for anything else.
    hint: errors.Hint | None = None
    credit: Credit = NO_CREDIT
    # Its price lists; one at most holds at a moment.
    prices: tuple[OwnPrices, ...] = ()

    def priced(self, model: OfferedModel) -> OfferedModel:
        """Return a model at what it costs this caller now."""
        if not self.prices:
            return model
        own = in_force(self.prices, datetime.now(UTC))
        return model.priced_by(own) if own is not None else model

    def most_of(self, month: str) -> int:
        """Return the most that its organisation's month may come to, in billionths."""
        return self.credit.most_of(month, self.features.monthly_allowance_nano)

    def require(self, scope: str) -> None:
        """Raise ``APIError`` for what the key is not for."""
        if self.rules.scopes and scope not in self.rules.scopes:
            raise errors.missing_scope(scope)

    def may_call_from(self, address: str) -> bool:
        """Tell whether the key may be used from an address."""
        if not self.rules.networks:
            return True
        try:
            found = ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in self.rules.networks)

    def may_see(self, slug: str) -> bool:
        """Tell whether the key is for this model."""
        return not self.allowed_models or slug in self.allowed_models

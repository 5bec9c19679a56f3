"""What happened to people and organisations."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class UserSignedUp:
    """Somebody created an account; the address may not be verified yet."""

    actor: ClassVar[str] = "user_id"
    user_id: int
    visitor_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailVerified:
    """Somebody proved that a mail address is theirs."""

    actor: ClassVar[str] = "user_id"
    user_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationCreated:
    """A personal or team organisation came into being."""

    actor: ClassVar[str] = "user_id"
    organisation_id: int
    user_id: int
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberAdded:
    """A user joined an organisation."""

    actor: ClassVar[str] = "user_id"
    organisation_id: int
    user_id: int
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRemoved:
    """A user left an organisation or was removed from it."""

    actor: ClassVar[str] = "user_id"
    organisation_id: int
    user_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityLinked:
    """A user connected an outside account, such as GitHub's."""

    actor: ClassVar[str] = "user_id"
    user_id: int
    provider: str
    external_id: str
    login: str = ""

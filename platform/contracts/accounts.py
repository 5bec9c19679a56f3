"""What happened to people and organisations."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class UserSignedUp:
    """A user created an account; the address may not be verified yet."""

    actor: ClassVar[str] = "user_id"
    user_id: int
    visitor_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailVerified:
    """A user proved that a mail address is theirs."""

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
class OrganisationEdited:
    """An organisation is called something else, or its bills go elsewhere."""

    actor: ClassVar[str] = "user_id"
    organisation_id: int
    user_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberAdded:
    """A user joined an organisation, by the invitation of ``by_id``."""

    actor: ClassVar[str] = "user_id"
    organisation_id: int
    user_id: int
    role: str
    by_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRemoved:
    """A user left an organisation or was removed from it by ``by_id``."""

    actor: ClassVar[str] = "user_id"
    organisation_id: int
    user_id: int
    by_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberInvited:
    """A mail address was invited into an organisation."""

    actor: ClassVar[str] = "by_id"
    organisation_id: int
    invitation_id: int
    role: str
    by_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRoleChanged:
    """A member was given another role."""

    actor: ClassVar[str] = "by_id"
    organisation_id: int
    user_id: int
    role: str
    role_before: str
    by_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessTokenCreated:
    """A user created a token for the REST API."""

    actor: ClassVar[str] = "user_id"
    token_id: int
    user_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessTokenRevoked:
    """A token for the REST API was taken out of use."""

    actor: ClassVar[str] = "user_id"
    token_id: int
    user_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityLinked:
    """A user connected an outside account, such as GitHub's."""

    actor: ClassVar[str] = "user_id"
    user_id: int
    provider: str
    external_id: str
    login: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstTouchFound:
    """How a person first came is known, or an earlier browser of theirs was found."""

    actor: ClassVar[str] = "user_id"
    user_id: int
    visitor_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountClosed:
    """A person closed their account; after some days it is erased."""

    actor: ClassVar[str] = "user_id"
    user_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountReopened:
    """A person took the closing of their account back while there was time."""

    actor: ClassVar[str] = "user_id"
    user_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountErased:
    """What is kept of a person alone is to go; ``user_id`` names a nameless row."""

    actor: ClassVar[str] = "user_id"
    user_id: int

"""What GitHub's deliveries say, read field by field.

GitHub promises little: an account may be gone, a time unknown, a field new.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rest_framework import serializers

# What a bigint holds; GitHub's numbers are below it.
BIGGEST = 2**63 - 1
# GitHub opened in 2008. A year beyond the other one is a mistake, not a merge.
FIRST_YEAR, LAST_YEAR = 2008, 2199
_ADDRESS = re.compile(r"https?://[^\s<>\"]{1,480}")
# What GitHub's button “Revert” writes into the new pull request; a title people change.
_REVERTS = re.compile(
    r"^Reverts (?P<repository>[\w.-]+/[\w.-]+)?#(?P<number>[0-9]{1,9})\s*$"
)
# The line is the first one, or stands below a few words of who reverted.
BODY_READ = 5_000


@dataclass(frozen=True, slots=True)
class Author:
    """A person at GitHub; the number stays theirs, whatever they are called."""

    id: str
    login: str
    is_bot: bool = False


@dataclass(frozen=True, slots=True)
class Merge:
    """A merged pull request. No author is left where the account was deleted.

    ``reverts`` is the number of the one it takes back, 0 where it takes back none.
    """

    repository_id: int
    repository: str
    number: int
    title: str
    url: str
    author: Author | None
    happened_at: datetime | None
    reverts: int = 0

    @property
    def key(self) -> str:
        """What makes it the same one, in whatever delivery it is reported."""
        return self._key(self.number)

    @property
    def reverted_key(self) -> str:
        """The key of the one it takes back, or nothing."""
        return self._key(self.reverts) if self.reverts else ""

    def _key(self, number: int) -> str:
        return f"gh:pr:{self.repository_id}:{number}"


class _ShortText(serializers.CharField):
    """Text that may be missing, and of which only the beginning is wanted."""

    def __init__(self, most: int) -> None:
        super().__init__(default="", allow_blank=True, allow_null=True)
        self.most = most

    def to_internal_value(self, data: Any) -> str:
        return super().to_internal_value(data)[: self.most]


class _Author(serializers.Serializer[Any]):
    id = serializers.IntegerField(min_value=1, max_value=BIGGEST)
    login = _ShortText(120)
    type = _ShortText(20)


class _PullRequest(serializers.Serializer[Any]):
    number = serializers.IntegerField(min_value=1, max_value=2**31 - 1)
    title = _ShortText(300)
    html_url = _ShortText(500)
    body = _ShortText(BODY_READ)
    user = _Author(allow_null=True, default=None)
    merged_at = serializers.DateTimeField(
        allow_null=True, default=None, default_timezone=UTC
    )

    def validate_merged_at(self, moment: datetime | None) -> datetime | None:
        if moment is not None and not FIRST_YEAR <= moment.year <= LAST_YEAR:
            raise serializers.ValidationError("Not a time at which GitHub existed.")
        return moment


class _Repository(serializers.Serializer[Any]):
    id = serializers.IntegerField(min_value=1, max_value=BIGGEST)
    full_name = _ShortText(200)


class _Payload(serializers.Serializer[Any]):
    pull_request = _PullRequest()
    repository = _Repository()


def is_merge(event: str, payload: dict[str, Any]) -> bool:
    """Tell whether a delivery reports a pull request that was merged."""
    pull = payload.get("pull_request")
    return (
        event == "pull_request"
        and payload.get("action") == "closed"
        and isinstance(pull, dict)
        and pull.get("merged") is True
    )


def read_merge(payload: dict[str, Any]) -> Merge:
    """Return what a delivery reports. Raises DRF's ``ValidationError``."""
    read = _Payload(data=payload)
    read.is_valid(raise_exception=True)
    pull, repository = (
        read.validated_data["pull_request"],
        read.validated_data["repository"],
    )
    url = pull["html_url"] or ""
    return Merge(
        repository_id=repository["id"],
        repository=repository["full_name"] or "",
        number=pull["number"],
        title=pull["title"] or "",
        # It becomes a link: nothing but an address may stand there.
        url=url if _ADDRESS.fullmatch(url) else "",
        author=_author_of(pull["user"]),
        happened_at=pull["merged_at"],
        reverts=_reverted_by(pull, repository["full_name"] or ""),
    )


def _author_of(user: dict[str, Any] | None) -> Author | None:
    if user is None:
        return None
    return Author(str(user["id"]), user["login"] or "", is_bot=user["type"] == "Bot")


def _reverted_by(pull: dict[str, Any], repository: str) -> int:
    """Return the number of an earlier pull request of the same repository, or 0."""
    for line in (pull["body"] or "").splitlines():
        said = _REVERTS.match(line)
        if said is None:
            continue
        of = said["repository"] or repository
        number = int(said["number"])
        # What is reverted was there before: so reverts of reverts come to an end.
        if of.lower() == repository.lower() and 0 < number < pull["number"]:
            return number
    return 0

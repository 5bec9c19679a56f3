"""What a person met, by an event of the log."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts.models import User
from billing.attribution.models import MOST_KEY, AssetKind
from search.models import IndexEntry


class Asset(NamedTuple):
    """One thing on a way; a bundle of rare ones has no key."""

    kind: str
    key: str


def met_in(name: str, subject: str) -> list[Asset]:
    """Return what an event is about; none where it is about nothing one can learn from.

    A topic is returned as such, whether or not it had been answered by then.
    """
    kind, _sign, key = subject.partition(":")
    if kind == "doc":
        # One page in all its versions.
        _version, _slash, path = key.partition("/")
        return [Asset(AssetKind.DOC, (path or "index")[:MOST_KEY])]
    if kind == "topic" and key:
        return [Asset(AssetKind.TOPIC, key)]
    if name == "contribution_credited" and key:
        return [Asset(AssetKind.CONTRIBUTION, key)]
    return []


def arrival_of(source: str | None, campaign: str | None) -> list[Asset]:
    """Return the campaign or the source of an arrival; nothing for a direct one."""
    if not source or source == "direct":
        return []
    if campaign:
        return [Asset(AssetKind.CAMPAIGN, f"{source} · {campaign}"[:MOST_KEY])]
    return [Asset(AssetKind.SOURCE, source[:MOST_KEY])]


@dataclass(frozen=True, slots=True)
class NamedAsset:
    """An asset as pages write it; ``url`` is empty where there is nothing to open."""

    kind: str
    key: str
    title: str
    url: str

    @property
    def kind_label(self) -> str:
        return str(AssetKind(self.kind).label)


def named(assets: Sequence[Asset], *, reader: User) -> dict[Asset, NamedAsset]:
    """Return each asset with the title that ``reader`` may see. At most four queries.

    What the search does not know (it was hidden since, or never listed) has its number.
    """
    titles = _topics(assets, reader) | _answers(assets, reader) | _pages(assets, reader)
    return {asset: _named(asset, titles.get(asset)) for asset in assets}


def _topics(assets: Sequence[Asset], reader: User) -> dict[Asset, IndexEntry]:
    numbers = _keys(assets, AssetKind.TOPIC)
    if not numbers:
        return {}
    found = _visible(reader, kind="topic", part=0, object_id__in=numbers)
    return {Asset(AssetKind.TOPIC, str(each.object_id)): each for each in found}


def _answers(assets: Sequence[Asset], reader: User) -> dict[Asset, IndexEntry]:
    addresses = {f"/forum/p/{key}/": key for key in _keys(assets, AssetKind.ANSWER)}
    if not addresses:
        return {}
    found = _visible(reader, kind="topic", url__in=list(addresses))
    return {Asset(AssetKind.ANSWER, addresses[each.url]): each for each in found}


def _pages(assets: Sequence[Asset], reader: User) -> dict[Asset, IndexEntry]:
    paths = _keys(assets, AssetKind.DOC)
    if not paths:
        return {}
    pages = IndexEntry.objects.visible_to(reader).filter(kind="doc")
    versions = pages.order_by("version").values_list("version", flat=True).distinct()
    addresses = {
        f"/docs/{version}/{path}/": path for version in versions for path in paths
    }
    found = _visible(reader, kind="doc", part=0, url__in=list(addresses))
    language = get_language() or ""
    # The reader's language last, so that it is the one that stays.
    ordered = sorted(found, key=lambda each: (each.locale == language, each.version))
    return {Asset(AssetKind.DOC, addresses[each.url]): each for each in ordered}


def _keys(assets: Iterable[Asset], kind: AssetKind) -> list[str]:
    return [each.key for each in assets if each.kind == kind and each.key]


def _visible(reader: User, **which: Any) -> Iterable[IndexEntry]:
    visible = IndexEntry.objects.visible_to(reader).filter(**which)
    return visible.only("object_id", "url", "title", "locale", "version")


def _named(asset: Asset, entry: IndexEntry | None) -> NamedAsset:
    if entry is not None:
        return NamedAsset(asset.kind, asset.key, entry.title, entry.url)
    if asset.kind in {AssetKind.DOC, AssetKind.CAMPAIGN, AssetKind.SOURCE}:
        return NamedAsset(asset.kind, asset.key, asset.key, "")
    title = _("number %(number)s") % {"number": asset.key}
    return NamedAsset(asset.kind, asset.key, title, "")

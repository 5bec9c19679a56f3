"""Importing documentation, and hearing whether it helped."""

import re
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone, translation

from accounts.models import User
from audit import services as audit
from community.docs import asked, sources
from community.docs.exceptions import (
    BadVersionName,
    BrokenLinks,
    PagesWouldVanish,
    VersionIsDefault,
)
from community.docs.models import LOCALES, VERSION_NAME, Page, Version, Vote
from community.docs.queries import tree_key
from community.docs.sources import Source
from contracts.community import DocsImported
from design import markdown
from design.markdown import TextOrigin
from outbox import publish
from search import indexing
from search import services as search

# The file beside the versions' folders with what their sections mean.
VECTORS = "vectors"
# Written in pages where an example has to work on the site it is read on.
SITE_URL = "{{ site_url }}"


def import_version(
    root: Path,
    *,
    version: str,
    is_default: bool = False,
    may_remove: bool = False,
    on_page: Callable[[Source], None] = lambda source: None,
) -> dict[str, int]:
    """Load ``root/<locale>/**.md`` as a version; return how many pages changed.

    Everything is checked before anything is written, and all of it is written or
    nothing. Runs again safely: pages that did not change stay untouched. Pages whose
    source is gone are shown no more, a language that has no folder any more with all
    of them; for that ``may_remove`` has to say so.

    Raises ``BadVersionName``, ``SourceError``, ``BrokenLinks`` or
    ``PagesWouldVanish``; each lists all it found.
    """
    if not re.fullmatch(VERSION_NAME, version):
        raise BadVersionName
    read = _read_languages(root)
    broken = [
        line
        for pages in read.values()
        for line in sources.broken_links(pages, _anchors_of)
    ]
    if broken:
        raise BrokenLinks(broken=broken)
    with transaction.atomic():
        row = _save_version(version, is_default=is_default)
        gone = _without_source(row, read)
        if gone and not may_remove:
            raise PagesWouldVanish(pages=gone)
        changed = {
            locale: _import_locale(row, locale, read.get(locale, []), on_page)
            for locale in LOCALES
            if locale in read or row.pages.published().filter(locale=locale).exists()
        }
    # What the sections mean may lie beside them; else a worker finds out.
    if (root.parent / VECTORS).is_file():
        indexing.load_shipped(root.parent / VECTORS)
    return changed


@transaction.atomic
def make_default(version: Version, *, by: User | None = None) -> None:
    """Show ``version`` at ``/docs/``; of a command nobody is on record."""
    _save_version(version.slug, is_default=True)
    _record("docs.default", version, by=by)


@transaction.atomic
def relabel_version(
    version: Version, *, label: str, status: str = "", by: User | None = None
) -> None:
    """Call a version something else on its pages; its address stays.

    ``status`` says what it is to its readers; the version that people read is stable.
    Raises ``VersionIsDefault``.
    """
    locked = Version.objects.select_for_update().get(pk=version.pk)
    before = {"label": locked.label, "status": locked.status}
    if locked.is_default and status not in {"", Version.Status.STABLE}:
        raise VersionIsDefault
    locked.label, locked.status = label, status or locked.status
    locked.save(update_fields=["label", "status"])
    after = {"label": locked.label, "status": locked.status}
    _record("docs.edited", locked, by=by, before=before, after=after)


@transaction.atomic
def remove_version(version: Version, *, by: User | None = None) -> int:
    """Remove a version with its pages; return how many. Raises ``VersionIsDefault``."""
    locked = Version.objects.select_for_update().get(pk=version.pk)
    if locked.is_default:
        raise VersionIsDefault
    pages = list(locked.pages.values_list("pk", flat=True))
    for pk in pages:
        search.remove("doc", pk)
    _record("docs.removed", locked, by=by, before={"pages": len(pages)})
    locked.delete()
    return len(pages)


def _read_languages(root: Path) -> dict[str, list[Source]]:
    """Return the pages of each language. Raises ``SourceError`` with all it found."""
    if not root.is_dir():
        raise sources.SourceError(f"{root} is no folder.")
    folders = sorted(each for each in root.iterdir() if each.is_dir())
    findings = [
        f"{folder}:1: no language of the documentation; it is written in"
        f" {' and '.join(LOCALES)}."
        for folder in folders
        if folder.name not in LOCALES and folder.name[0] not in "._"
    ]
    read: dict[str, list[Source]] = {}
    for folder in folders:
        if folder.name not in LOCALES:
            continue
        try:
            read[folder.name] = sources.read_folder(folder)
        except sources.SourceError as error:
            findings += error.findings
    if not findings and not read:
        findings = [f"{root} holds neither {' nor '.join(LOCALES)}."]
    if findings:
        raise sources.SourceError(*findings)
    return read


def _without_source(version: Version, read: dict[str, list[Source]]) -> list[str]:
    """Return the pages shown now, as ``language/path``, that ``read`` does not hold."""
    kept = {(locale, page.path) for locale, pages in read.items() for page in pages}
    shown = version.pages.published().order_by("locale", "position")
    return [
        f"{locale}/{path}"
        for locale, path in shown.values_list("locale", "path")
        if (locale, path) not in kept
    ]


@transaction.atomic
def vote_helpful(page: Page, *, voter: str, is_helpful: bool) -> Page:
    """Note whether a page helped ``voter``; a second answer replaces the first."""
    # The page's row keeps two answers of one voter apart.
    page = Page.objects.select_for_update().get(pk=page.pk)
    Vote.objects.update_or_create(
        page=page,
        voter=voter,
        defaults={"is_helpful": is_helpful, "voted_at": timezone.now()},
    )
    page.helpful_yes = page.votes.filter(is_helpful=True).count()
    page.helpful_no = page.votes.filter(is_helpful=False).count()
    page.save(update_fields=["helpful_yes", "helpful_no"])
    return page


@transaction.atomic
def _save_version(slug: str, *, is_default: bool) -> Version:
    # 1.10 comes after 1.9.
    sort_key = ".".join(part.zfill(6) for part in slug.split("."))
    before = list(Version.objects.select_for_update().filter(is_default=True))
    if is_default:
        Version.objects.filter(is_default=True).exclude(slug=slug).update(
            is_default=False, status=Version.Status.OLD
        )
    version, is_new = Version.objects.get_or_create(
        slug=slug,
        defaults={
            "label": slug,
            "status": _first_status(sort_key, before, is_default=is_default),
            "is_default": is_default,
            "sort_key": sort_key,
        },
    )
    if not is_new and is_default and not version.is_default:
        version.is_default, version.status = True, Version.Status.STABLE
        version.save(update_fields=["is_default", "status"])
    if is_default and [other.slug for other in before] != [slug]:
        # Which pages are the current ones has changed without their text.
        moved = Page.objects.published().filter(version__in=[*before, version])
        for page in moved.select_related("version"):
            index_page(page)
    return version


def _first_status(
    sort_key: str, current: Sequence[Version], *, is_default: bool
) -> Version.Status:
    """Return what a new version is: what comes after the current one is a preview."""
    if is_default:
        return Version.Status.STABLE
    is_later = any(sort_key > version.sort_key for version in current)
    return Version.Status.PREVIEW if is_later else Version.Status.OLD


def _record(
    action: str,
    version: Version,
    *,
    by: User | None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    target = f"docs:{version.slug}"
    audit.record(action, actor=by, target=target, before=before, after=after)


@transaction.atomic
def _import_locale(
    version: Version,
    locale: str,
    pages: Sequence[Source],
    on_page: Callable[[Source], None],
) -> int:
    present = {
        page.path: page
        for page in Page.objects.select_for_update().filter(
            version=version, locale=locale
        )
    }
    changed = 0
    paths = {source.path for source in pages}
    for source in pages:
        body = _body_of(source, version.slug, paths)
        changed += _save_page(version, locale, source, body, present.get(source.path))
        on_page(source)
    gone = Page.objects.published().filter(version=version, locale=locale)
    gone = gone.exclude(path__in=paths)
    ended = list(gone.values_list("pk", flat=True))
    for pk in ended:
        search.remove("doc", pk)
    changed += Page.objects.filter(pk__in=ended).update(removed_at=timezone.now())
    if changed:
        publish(DocsImported(version=version.slug, locale=locale, pages=len(pages)))
    # Even unchanged: the memory may be older than this process.
    keys = [tree_key(version.pk, each) for each in LOCALES]
    transaction.on_commit(lambda: cache.delete_many(keys))
    return changed


def _save_page(
    version: Version, locale: str, source: Source, body: str, page: Page | None
) -> bool:
    fields = {
        "parent": source.parent,
        "position": source.position,
        "formerly": [*source.formerly],
        "title": source.title,
        "description": source.description,
        "source_md": body,
        "removed_at": None,
    }
    if (
        page is not None
        and page.render_version == markdown.VERSION
        and all(getattr(page, name) == value for name, value in fields.items())
    ):
        return False
    page, _ = Page.objects.update_or_create(
        version=version,
        locale=locale,
        path=source.path,
        defaults={
            **fields,
            **_rendered(body, locale),
            "updated_at": timezone.now(),
        },
    )
    index_page(page)
    return True


def pages_in(root: Path, version: Version) -> Iterator[Page]:
    """Yield the pages of a folder as an import would store them; nothing is written."""
    for locale, pages in _read_languages(root).items():
        paths = {source.path for source in pages}
        for source in pages:
            body = _body_of(source, version.slug, paths)
            yield Page(
                version=version,
                locale=locale,
                path=source.path,
                title=source.title,
                description=source.description,
                source_md=body,
                **_rendered(body, locale),
            )


def _rendered(body: str, locale: str) -> dict[str, Any]:
    with translation.override(locale):
        # The title is the page's only first heading; sections begin with ``##``.
        rendered = markdown.render(body, top_level=1, origin=TextOrigin.HOUSE)
    return {
        "html": rendered.html,
        "plain": rendered.plain,
        "outline": [[h.level, h.id, h.text] for h in rendered.outline],
        "render_version": rendered.version,
    }


def index_page(page: Page) -> None:
    """Make every section of a page findable."""
    search.replace("doc", page.pk, list(entries_of(page)))


def entries_of(page: Page) -> list[search.Findable]:
    """Return a page's sections as entries of the index."""
    first, *others = markdown.sections(page.source_md)
    # What a page is about is said in its description and often nowhere else.
    about = [page.description] if page.description else []
    first = replace(
        first,
        heading=page.title,
        source="\n\n".join([*about, first.source]).strip(),
        prose="\n\n".join([*about, first.prose]).strip(),
    )
    parts = [part for part in (first, *others) if part.source]
    labels = ("current",) if page.version.is_default else ()
    return [
        search.Findable(
            kind="doc",
            object_id=page.pk,
            part=number,
            url=page.get_absolute_url() + (f"#{part.id}" if part.id else ""),
            title=page.title,
            heading=part.heading,
            text=part.prose,
            source=part.source,
            asked=asked.questions_of(part),
            has_meaning=True,
            locale=page.locale,
            version=page.version.slug,
            labels=labels,
            # An old version is rarely what is looked for.
            boost=1.2 if page.version.is_default else 0.5,
        )
        for number, part in enumerate(parts)
    ]


def _body_of(source: Source, version: str, pages: Container[str]) -> str:
    body = sources.with_site_links(source, version, pages)
    return body.replace(SITE_URL, settings.SITE_URL)


def _anchors_of(source: Source) -> set[str]:
    return markdown.ids(source.body)

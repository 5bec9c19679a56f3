"""Importing documentation, and hearing whether it helped."""

from collections.abc import Callable, Sequence
from pathlib import Path

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from community.docs import sources
from community.docs.exceptions import BrokenLinks
from community.docs.models import Page, Version, Vote
from community.docs.sources import Source
from contracts.community import DocsImported
from core import limiter
from design import markdown
from outbox import publish
from search import services as search

LOCALES = ("en", "zh-hans")


def import_version(
    root: Path,
    *,
    version: str,
    is_default: bool = False,
    on_page: Callable[[Source], None] = lambda source: None,
) -> dict[str, int]:
    """Load ``root/<locale>/**.md`` as a version; return how many pages changed.

    Runs again safely: pages that did not change stay untouched, pages that are
    gone are no longer shown. One transaction for each language.
    Raises ``SourceError`` or ``BrokenLinks`` before anything is written.
    """
    folders = {locale: root / locale for locale in LOCALES if (root / locale).is_dir()}
    if not folders:
        raise sources.SourceError(f"{root} holds neither {' nor '.join(LOCALES)}.")
    read = {locale: sources.read_folder(folder) for locale, folder in folders.items()}
    broken = [line for pages in read.values() for line in sources.broken_links(pages)]
    if broken:
        raise BrokenLinks(broken=broken)

    row = _save_version(version, is_default=is_default)
    return {
        locale: _import_locale(row, locale, pages, on_page)
        for locale, pages in read.items()
    }


@transaction.atomic
def vote_helpful(page: Page, *, voter: str, is_helpful: bool) -> Page:
    """Note whether a page helped ``voter``; a second answer replaces the first."""
    limiter.check("docs-vote", voter, limit=30, period=3600)
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
    status = Version.Status.STABLE if is_default else Version.Status.OLD
    if is_default:
        Version.objects.filter(is_default=True).exclude(slug=slug).update(
            is_default=False
        )
    version, is_new = Version.objects.get_or_create(
        slug=slug,
        defaults={
            "label": slug,
            "status": status,
            "is_default": is_default,
            # 1.10 comes after 1.9.
            "sort_key": ".".join(part.zfill(6) for part in slug.split(".")),
        },
    )
    if not is_new and is_default and not version.is_default:
        version.is_default, version.status = True, status
        version.save(update_fields=["is_default", "status"])
    return version


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
    for source in pages:
        changed += _save_page(version, locale, source, present.get(source.path))
        on_page(source)
    gone = Page.objects.published().filter(version=version, locale=locale)
    gone = gone.exclude(path__in=[source.path for source in pages])
    for page in gone:
        search.remove("doc", page.pk)
    changed += gone.update(removed_at=timezone.now())
    publish(DocsImported(version=version.slug, locale=locale, pages=len(pages)))
    return changed


def _save_page(
    version: Version, locale: str, source: Source, page: Page | None
) -> bool:
    body = sources.with_site_links(source, version.slug)
    fields = {
        "parent": source.parent,
        "position": source.position,
        "title": source.title,
        "description": source.description,
        "source_md": body,
        "removed_at": None,
    }
    if (
        page is not None
        and page.render_version == markdown.VERSION
        and all(getattr(page, name) == value for name, value in fields.items())
        and _is_labelled(page, version)
    ):
        return False
    rendered = markdown.render(body)
    page, _ = Page.objects.update_or_create(
        version=version,
        locale=locale,
        path=source.path,
        defaults={
            **fields,
            "html": rendered.html,
            "plain": rendered.plain,
            "outline": [[h.level, h.id, h.text] for h in rendered.outline],
            "render_version": rendered.version,
            "updated_at": timezone.now(),
        },
    )
    index_page(page)
    return True


def index_page(page: Page) -> None:
    """Make every section of a page findable."""
    search.replace("doc", page.pk, list(entries_of(page)))


def entries_of(page: Page) -> list[search.Entry]:
    """Return a page's sections as entries of the index."""
    anchors = [(text, anchor) for _level, anchor, text in page.outline]
    labels = ("current",) if page.version.is_default else ()
    return [
        search.Entry(
            kind="doc",
            object_id=page.pk,
            part=number,
            url=page.get_absolute_url() + (f"#{part.anchor}" if part.anchor else ""),
            title=page.title,
            heading=part.heading,
            text=sources.readable(part.text),
            locale=page.locale,
            version=page.version.slug,
            labels=labels,
            # An old version is rarely what is looked for.
            boost=1.2 if page.version.is_default else 0.5,
        )
        for number, part in enumerate(
            sources.sections(page.title, page.source_md, anchors)
        )
    ]


def _is_labelled(page: Page, version: Version) -> bool:
    """Tell whether the index knows the page as current exactly when it is."""
    from search.models import IndexEntry

    entries = IndexEntry.objects.filter(kind="doc", object_id=page.pk)
    is_current = Q(labels__contains=["current"])
    wrong = (
        entries.exclude(is_current)
        if version.is_default
        else entries.filter(is_current)
    )
    return entries.exists() and not wrong.exists()

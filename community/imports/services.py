"""Moving a forum in, and giving people what they wrote there."""

import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, OuterRef, Subquery
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from audit import services as audit
from community.forum import services as forum
from community.forum.models import Category, Comment, Post, PostRevision, Topic, Vote
from community.imports.checking import ImportReport, check
from community.imports.exceptions import BadExport, CannotClaim, ImportRunning
from community.imports.models import ForumSource, ImportedPerson
from community.imports.proofs import claimable_by
from community.imports.sources import discourse, github, stackexchange
from community.imports.staging import Staging
from community.imports.texts import OldPlaces
from community.imports.writing import Writer

_READERS: dict[str, Callable[[Path, Staging], None]] = {
    ForumSource.Format.DISCOURSE: discourse.read,
    ForumSource.Format.STACK_EXCHANGE: stackexchange.read,
    ForumSource.Format.GITHUB: github.read,
}
# "impo": a number no other advisory lock has.
_LOCK = 0x696D706F


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOrder:
    """What an operator asks for.

    ``slug`` names the source in its old addresses here; ``address`` is the one it had,
    ``files_at`` where its uploaded files are served from now. ``category`` is where
    everything goes; without it the categories of there are made.
    """

    format: str
    path: Path
    slug: str
    name: str = ""
    address: str = ""
    files_at: str = ""
    category: Category | None = None
    leave_out: bool = False
    is_dry: bool = False


@dataclass(frozen=True, slots=True)
class ImportOutcome:
    """What a run found and what it did, in topics and posts."""

    report: ImportReport
    known: int
    topics: int = 0
    posts: int = 0
    is_refused: bool = False


def bring_forum(
    order: ImportOrder,
    *,
    progress: Callable[[int, int], None] = lambda done, all_: None,
) -> ImportOutcome:
    """Check an export, then bring what of it is not here yet.

    Nothing is written before all of it was checked, and nothing when rows are damaged
    and ``leave_out`` is not set. ``progress`` is told how many topics of how many are
    done. Raises ``BadExport`` and ``ImportRunning``.
    """
    folder = Path(settings.VAR_DIR) / "imports"
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(dir=folder) as here,
        Staging(Path(here) / "staging.sqlite3") as staging,
    ):
        _READERS[order.format](order.path, staging)
        report = check(staging)
        if order.is_dry or (report.damaged and not order.leave_out):
            source = ForumSource.objects.filter(slug=order.slug).first()
            known = _count_known(staging, source) if source else 0
            return ImportOutcome(report, known, is_refused=not order.is_dry)
        with _alone(order.slug):
            source = _source(order)
            return _write(order, source, staging, report, progress)


def _write(
    order: ImportOrder,
    source: ForumSource,
    staging: Staging,
    report: ImportReport,
    progress: Callable[[int, int], None],
) -> ImportOutcome:
    files = {row["name"]: row["url"] for row in staging.rows("SELECT * FROM files")}
    old = reverse("imports:old-address", args=[source.slug, "-"]).removesuffix("-")
    places = OldPlaces(old, order.address, order.files_at, files)
    writer = Writer(staging, source, places, order.category)
    known = topics = posts = 0
    for batch in writer.batches():
        new = writer.unknown(batch)
        known += len(batch) - len(new)
        if new:
            posts += writer.write(new)
            topics += len(new)
        progress(known + topics, report.counts["topics"])
    if topics:
        audit.record(
            "forum.imported",
            actor=None,
            target=f"source:{source.slug}",
            after={"topics": topics, "posts": posts},
        )
    return ImportOutcome(report, known, topics, posts)


def _source(order: ImportOrder) -> ForumSource:
    source, _is_new = ForumSource.objects.get_or_create(
        slug=order.slug,
        defaults={"format": order.format, "name": order.name or order.slug},
    )
    if source.format != order.format:
        raise BadExport(f"{order.slug} was imported as {source.format} before.")
    return source


def _count_known(staging: Staging, source: ForumSource) -> int:
    writer = Writer(staging, source, OldPlaces(old=""))
    return sum(len(keys) - len(writer.unknown(keys)) for keys in writer.batches())


@contextmanager
def _alone(slug: str) -> Iterator[None]:
    """Hold a lock of PostgreSQL's while a source is written; a crash ends it, too."""
    key = [_LOCK, zlib.crc32(slug.encode()) - 2**31]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", key)
        if not cursor.fetchone()[0]:
            raise ImportRunning
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", key)


@transaction.atomic
def claim_history(person: ImportedPerson, *, by: User) -> None:
    """Give ``by`` what ``person`` wrote elsewhere, as their account proves.

    It brings no points and is no activity of today. A vote they gave such a post is
    taken back before: nobody votes on their own. The row is locked, so that of two
    accounts one gets it. Raises ``CannotClaim``.
    """
    locked = ImportedPerson.objects.select_for_update().get(pk=person.pk)
    if not claimable_by(by).filter(pk=locked.pk).exists():
        raise CannotClaim
    own = Vote.objects.filter(user=by, post__author=locked.placeholder_id)
    for vote in own.select_related("post__topic__category").order_by("post_id"):
        forum.vote(vote.post, by=by, value=0, limited=False)
    locked.claimed_by, locked.claimed_at = by, timezone.now()
    locked.save(update_fields=["claimed_by", "claimed_at"])
    before = locked.placeholder_id
    for rows in (Topic.objects, Post.objects, Comment.objects):
        rows.filter(author=before).update(author=by)
    Topic.objects.filter(last_poster=before).update(last_poster=by)
    PostRevision.objects.filter(editor=before).update(editor=by)
    audit.record("history.claimed", actor=by, target=f"imported_person:{locked.pk}")


@transaction.atomic
def withdraw_claim(person: ImportedPerson, *, by: User) -> None:
    """Give back what was claimed: it says again only who wrote it there.

    What was written here stays with the account. Raises ``CannotClaim`` for what is
    not claimed by ``by``.
    """
    locked = ImportedPerson.objects.select_for_update().get(pk=person.pk)
    if locked.claimed_by_id != by.pk:
        raise CannotClaim
    nobody = locked.placeholder
    locked.claimed_by = locked.claimed_at = None
    locked.save(update_fields=["claimed_by", "claimed_at"])
    Topic.objects.filter(imported__person=locked).update(author=nobody)
    Post.objects.filter(imported__person=locked).update(author=nobody)
    Comment.objects.filter(imported__person=locked).update(author=nobody)
    # An edit of theirs from before the posts were here was made there.
    PostRevision.objects.filter(
        editor=by,
        post__imported__source=locked.source_id,
        created_at__lt=F("post__imported__person__created_at"),
    ).update(editor=nobody)
    shown = Post.objects.filter(topic=OuterRef("pk"), hidden_at=None)
    last = shown.order_by("-created_at", "-number").values("author")[:1]
    Topic.objects.filter(last_poster=by, posts__imported__person=locked).update(
        last_poster=Subquery(last)
    )
    audit.record("history.released", actor=by, target=f"imported_person:{locked.pk}")

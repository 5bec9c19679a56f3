"""Saved reports on one page, and what happened beside them."""

from datetime import date, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from analytics.forms import today
from analytics.models import (
    Annotation,
    Dashboard,
    DashboardReader,
    SavedReport,
    Tile,
)
from audit.services import record
from core.errors import DomainError

# Each is a question of its own: more take longer to answer than anybody waits.
MOST_TILES = 12


class DashboardNameTaken(DomainError):
    """Another dashboard has the name."""

    code = "name_taken"
    status = 409
    message = _("Another dashboard has this name. Choose a different one.")


class TooManyTiles(DomainError):
    """A dashboard is full."""

    code = "too_many_tiles"
    status = 409
    message = _("A dashboard has at most twelve reports. Take one off first.")


@transaction.atomic
def create_dashboard(name: str, *, by: User) -> Dashboard:
    """Begin an empty dashboard. Raises ``DashboardNameTaken``."""
    try:
        with transaction.atomic():
            dashboard = Dashboard.objects.create(name=name, created_by=by)
    except IntegrityError as error:
        raise DashboardNameTaken from error
    record("dashboard.created", actor=by, target=dashboard.public_id)
    return dashboard


@transaction.atomic
def delete_dashboard(dashboard: Dashboard, *, by: User) -> None:
    """Forget a dashboard; its reports stay. Deleting one that is gone is no error."""
    deleted, _rows = Dashboard.objects.filter(pk=dashboard.pk).delete()
    if deleted:
        record(
            "dashboard.deleted",
            actor=by,
            target=dashboard.public_id,
            before={"name": dashboard.name},
        )


@transaction.atomic
def add_tile(dashboard: Dashboard, report: SavedReport, *, is_wide: bool) -> Tile:
    """Put a report at the end; one that is there stays where it is.

    The dashboard's row is locked, so that two get two places, and the report's, so that
    it stays. Raises ``TooManyTiles`` and ``Gone``.
    """
    Dashboard.objects.locked(dashboard.pk)
    SavedReport.objects.locked(report.pk)
    tiles = Tile.objects.filter(dashboard=dashboard)
    present = tiles.filter(report=report).first()
    if present is not None:
        return present
    if tiles.count() >= MOST_TILES:
        raise TooManyTiles
    last = tiles.aggregate(last=Max("position"))["last"]
    return Tile.objects.create(
        dashboard=dashboard,
        report=report,
        position=0 if last is None else last + 1,
        is_wide=is_wide,
    )


@transaction.atomic
def move_tile(tile: Tile, *, is_up: bool) -> None:
    """Let a tile change places with its neighbour; at the end it stays.

    Raises ``Gone``.
    """
    Dashboard.objects.locked(tile.dashboard_id)
    mine = Tile.objects.filter(pk=tile.pk).first()
    if mine is None:
        return
    others = Tile.objects.filter(dashboard=tile.dashboard_id)
    if is_up:
        other = others.filter(position__lt=mine.position).order_by("-position").first()
    else:
        other = others.filter(position__gt=mine.position).order_by("position").first()
    if other is None:
        return
    Tile.objects.filter(pk=other.pk).update(position=mine.position)
    Tile.objects.filter(pk=mine.pk).update(position=other.position)


def resize_tile(tile: Tile, *, is_wide: bool) -> None:
    """Let a tile take half of the page's width, or all of it."""
    Tile.objects.filter(pk=tile.pk).update(is_wide=is_wide)


def remove_tile(tile: Tile) -> None:
    """Take a report off its dashboard."""
    Tile.objects.filter(pk=tile.pk).delete()


@transaction.atomic
def set_reader(dashboard: Dashboard, user: User, *, is_reader: bool) -> None:
    """Mail a dashboard to a member of the staff each week from the next one on.

    Raises ``Gone``.
    """
    Dashboard.objects.locked(dashboard.pk)
    readers = DashboardReader.objects
    if is_reader:
        readers.get_or_create(
            dashboard=dashboard, user=user, defaults={"sent_for": monday_of(today())}
        )
    else:
        readers.filter(dashboard=dashboard, user=user).delete()


@transaction.atomic
def annotate(on: date, kind: str, text: str, *, by: User) -> Annotation:
    """Note what happened on a day."""
    annotation = Annotation.objects.create(on=on, kind=kind, text=text, created_by=by)
    record("annotation.added", actor=by, target=str(on), after={"text": text})
    return annotation


@transaction.atomic
def delete_annotation(annotation: Annotation, *, by: User) -> None:
    """Take a note off the charts; one that is gone is no error."""
    deleted, _rows = Annotation.objects.filter(pk=annotation.pk).delete()
    if deleted:
        record(
            "annotation.deleted",
            actor=by,
            target=str(annotation.on),
            before={"text": annotation.text},
        )


def monday_of(day: date) -> date:
    """Return the first day of a day's week."""
    return day - timedelta(days=day.weekday())

"""Staff put reports on one page, note what happened and have it mailed."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from analytics import dashboards
from analytics.digests import send_digests
from analytics.forms import midnight, today
from analytics.models import Annotation, Dashboard, DashboardReader, SavedReport, Tile
from analytics.services import save_report
from core.errors import Gone
from notifications.models import EmailMessage, Notification
from tests.analytics.logs import fed_rows, note
from tests.races import together

pytestmark = pytest.mark.django_db(transaction=True)
Person = Callable[..., Any]
MARCH = "first=2026-03-01&last=2026-03-31"
VIEWS = f"{MARCH}&s0=page_viewed&s0measure=events"


@pytest.fixture
def boss(person: Person, settings: Any) -> Any:
    settings.SECOND_FACTOR_REQUIRED = False
    return person("boss", is_staff=True)


@pytest.fixture
def desk(client: Client, boss: Any) -> Client:
    client.force_login(boss)
    return client


@pytest.fixture
def board(boss: Any) -> Dashboard:
    return dashboards.create_dashboard("Monday", by=boss)


def report(
    boss: Any, name: str, query: str = VIEWS, kind: str = "trend"
) -> SavedReport:
    return save_report(kind, name=name, query=query, by=boss)


@pytest.mark.parametrize(
    "act",
    [
        lambda board, tile, _boss: dashboards.add_tile(
            board, tile.report, is_wide=False
        ),
        lambda _board, tile, _boss: dashboards.move_tile(tile, is_up=True),
        lambda board, _tile, boss: dashboards.set_reader(board, boss, is_reader=True),
    ],
)
def test_what_a_colleague_has_deleted_is_said_to_be_gone(
    boss: Any, board: Dashboard, act: Callable[..., Any]
) -> None:
    tile = dashboards.add_tile(board, report(boss, "Views"), is_wide=False)
    Dashboard.objects.filter(pk=board.pk).delete()

    with pytest.raises(Gone):
        act(board, tile, boss)

    assert not Tile.objects.exists()
    assert not DashboardReader.objects.exists()


def test_a_report_that_is_deleted_meanwhile_is_not_put_up(
    boss: Any, board: Dashboard
) -> None:
    views = report(boss, "Views")
    SavedReport.objects.filter(pk=views.pk).delete()

    with pytest.raises(Gone):
        dashboards.add_tile(board, views, is_wide=False)

    assert not Tile.objects.exists()


# Of these nothing is seen: a link of that name could not be found, nor chosen.
UNSEEN = ("\u200b", "\u2800\u2800", "\u202e\ufeff", "\u3164")


@pytest.mark.parametrize("name", UNSEEN)
def test_a_name_that_nobody_sees_is_refused(desk: Client, boss: Any, name: str) -> None:
    made = desk.post(reverse("analytics:dashboards"), {"name": name})
    kept = desk.post(
        reverse("analytics:report-save"),
        {"kind": "trend", "name": name, "query": VIEWS},
    )
    noted = desk.post(
        reverse("analytics:annotations"),
        {"on": "2028-02-29", "kind": "release", "text": name},
    )

    assert [each.status_code for each in (made, kept, noted)] == [422, 422, 422]
    assert not Dashboard.objects.exists()
    assert not SavedReport.objects.exists()
    assert not Annotation.objects.exists()


@pytest.mark.parametrize("name", ["本周", "הנתונים", "📈", "क्ष"])
def test_a_name_of_any_script_is_kept(desk: Client, boss: Any, name: str) -> None:
    desk.post(reverse("analytics:dashboards"), {"name": name})
    desk.post(
        reverse("analytics:annotations"),
        {"on": "2028-02-29", "kind": "release", "text": name},
    )

    assert Dashboard.objects.get().name == name
    assert Annotation.objects.get().text == name


@pytest.mark.parametrize(
    ("day", "status"),
    [
        ("2028-02-29", 302),
        ("2027-02-29", 422),
        ("0202-11-30", 422),
        ("9999-12-31", 422),
    ],
)
def test_a_note_is_on_a_day_that_a_chart_can_show(
    desk: Client, day: str, status: int
) -> None:
    answer = desk.post(
        reverse("analytics:annotations"), {"on": day, "kind": "release", "text": "2.0"}
    )

    assert answer.status_code == status
    assert Annotation.objects.count() == (status == 302)
    assert status == 302 or "2.0" in answer.content.decode()


def order(board: Dashboard) -> list[str]:
    return [tile.report.name for tile in board.tiles.select_related("report")]


def test_a_dashboard_is_made_filled_and_read(
    desk: Client, boss: Any, person: Person
) -> None:
    note("page_viewed", user_id=person("ada").pk)
    fed_rows()
    views = report(boss, "Views")
    funnel = report(
        boss, "Readers", f"{MARCH}&steps=2&s0=page_viewed&s1=searched", "funnel"
    )

    made = desk.post(reverse("analytics:dashboards"), {"name": "Monday"})
    board = Dashboard.objects.get(name="Monday")
    add = reverse("analytics:tile-add", args=[board.public_id])
    for each in (views, funnel):
        desk.post(add, {"report": each.public_id, "is_wide": "on"})
    page = desk.get(made["Location"])

    assert [tile.is_wide for tile, _saved, _drawn in page.context["tiles"]] == [
        True
    ] * 2
    text = page.content.decode()
    assert "Views" in text
    assert "trend__plot" in text
    assert "Every saved report is on it" in text


def test_names_are_given_once(desk: Client, board: Dashboard) -> None:
    page = desk.post(reverse("analytics:dashboards"), {"name": "monday"})

    assert page.status_code == 409
    assert "Another dashboard has this name" in page.content.decode()
    assert Dashboard.objects.count() == 1


def test_tiles_change_places_width_and_leave(
    desk: Client, boss: Any, board: Dashboard
) -> None:
    for name in ("A", "B", "C"):
        dashboards.add_tile(board, report(boss, name), is_wide=False)
    tiles = {tile.report.name: tile for tile in board.tiles.select_related("report")}

    def act(name: str, what: str) -> None:
        address = reverse(
            "analytics:tile-change", args=[board.public_id, tiles[name].pk]
        )
        assert desk.post(address, {"act": what}).status_code == 302

    act("C", "up")
    assert order(board) == ["A", "C", "B"]
    act("A", "up")
    act("B", "down")
    assert order(board) == ["A", "C", "B"]
    act("A", "down")
    assert order(board) == ["C", "A", "B"]
    act("A", "wider")
    assert Tile.objects.get(report__name="A").is_wide
    act("A", "narrower")
    assert not Tile.objects.get(report__name="A").is_wide
    act("C", "remove")
    assert order(board) == ["A", "B"]


def test_a_tile_of_another_dashboard_is_not_there(
    desk: Client, boss: Any, board: Dashboard
) -> None:
    other = dashboards.create_dashboard("Other", by=boss)
    tile = dashboards.add_tile(other, report(boss, "A"), is_wide=False)

    address = reverse("analytics:tile-change", args=[board.public_id, tile.pk])

    assert desk.post(address, {"act": "remove"}).status_code == 404
    assert Tile.objects.count() == 1


def test_a_dashboard_is_full_at_twelve(
    desk: Client, boss: Any, board: Dashboard
) -> None:
    for number in range(12):
        dashboards.add_tile(board, report(boss, f"R{number}"), is_wide=False)
    one_more = report(boss, "One more")

    page = desk.post(
        reverse("analytics:tile-add", args=[board.public_id]),
        {"report": one_more.public_id},
    )

    assert page.status_code == 409
    assert "at most twelve" in page.content.decode()


def test_two_who_add_at_once_get_two_places(boss: Any, board: Dashboard) -> None:
    reports = [report(boss, f"R{number}") for number in range(4)]

    came = together(
        *[
            lambda each=each: dashboards.add_tile(board, each, is_wide=False)
            for each in reports
        ]
    )

    assert not [each for each in came if isinstance(each, Exception)]
    places = list(board.tiles.values_list("position", flat=True))
    assert places == [0, 1, 2, 3]


def test_a_report_that_cannot_be_asked_any_more_says_so(
    desk: Client, boss: Any, board: Dashboard
) -> None:
    fed_rows()
    broken = report(boss, "Broken", f"{MARCH}&s0=no_such_event")
    dashboards.add_tile(board, broken, is_wide=False)

    page = desk.get(reverse("analytics:dashboard", args=[board.public_id]))

    assert page.status_code == 200
    assert "cannot be asked any more" in page.content.decode()


def test_what_happened_is_drawn_and_stands_in_the_table(
    desk: Client, boss: Any
) -> None:
    note("page_viewed", user_id=boss.pk)
    fed_rows()
    desk.post(
        reverse("analytics:annotations"),
        {"on": "2026-03-05", "kind": "release", "text": "Version 2"},
    )
    desk.post(
        reverse("analytics:annotations"),
        {"on": "2026-04-01", "kind": "incident", "text": "After the period"},
    )

    page = desk.get(f"{reverse('analytics:trend')}?{VIEWS}&bucket=week")

    text = page.content.decode()
    assert "trend__event--release" in text
    assert text.count("Version 2") == 3
    assert "After the period" not in text
    (mark,) = page.context["marks"]
    assert page.context["answer"].buckets[mark.bucket] == date(2026, 3, 2)


def test_a_note_without_a_day_keeps_what_was_typed(desk: Client) -> None:
    page = desk.post(
        reverse("analytics:annotations"), {"kind": "release", "text": "Version 2"}
    )

    assert page.status_code == 422
    assert 'value="Version 2"' in page.content.decode()
    assert not Annotation.objects.exists()


def test_a_note_is_taken_off(desk: Client, boss: Any) -> None:
    made = dashboards.annotate(date(2026, 3, 5), "campaign", "Autumn", by=boss)

    desk.post(reverse("analytics:annotation-delete", args=[made.pk]))

    assert not Annotation.objects.exists()


def test_a_dashboard_is_mailed_once_a_week_to_whoever_wants_it(
    desk: Client, boss: Any, board: Dashboard, person: Person
) -> None:
    reader = person("reader")
    monday = dashboards.monday_of(today())
    for days in (3, 4, 12):
        at = midnight(monday) - timedelta(days=days) + timedelta(hours=9)
        minutes = (at - datetime(2026, 3, 2, 12, tzinfo=UTC)) / timedelta(minutes=1)
        note("page_viewed", minutes, user_id=reader.pk)
    fed_rows()
    dashboards.add_tile(board, report(boss, "Views"), is_wide=False)
    desk.post(reverse("analytics:dashboard-mail", args=[board.public_id]), {"on": "1"})
    this_week = send_digests(now=midnight(monday) + timedelta(days=6, hours=23))
    DashboardReader.objects.update(sent_for=monday - timedelta(days=7))

    early = send_digests(now=midnight(monday) + timedelta(hours=6))
    told = send_digests(now=midnight(monday) + timedelta(hours=8))
    again = send_digests(now=midnight(monday) + timedelta(hours=9))

    # Who asks in the middle of a week is told from the next one on.
    assert (this_week, early, told, again) == (0, 0, 1, 0)
    message = Notification.objects.get(user=boss)
    assert message.body == "Views: 2, 1 the week before"
    assert EmailMessage.objects.filter(user=boss, kind="figures").count() == 1


def test_who_is_not_on_the_staff_any_more_is_mailed_nothing(
    boss: Any, board: Dashboard
) -> None:
    dashboards.set_reader(board, boss, is_reader=True)
    DashboardReader.objects.update(sent_for=date(2026, 1, 5))
    boss.is_staff = False
    boss.save()

    assert send_digests(now=midnight(today()) + timedelta(days=7)) == 0
    assert not Notification.objects.exists()


def test_the_sql_of_a_number_is_shown_with_what_was_typed(
    desk: Client, boss: Any
) -> None:
    note("page_viewed", user_id=boss.pk)
    fed_rows()

    page = desk.get(
        f"{reverse('analytics:trend')}?{VIEWS}&s0p0=path&s0v0=it's&show=sql"
    )

    statements = page.context["statements"]
    assert any("= 'it''s'" in each for each in statements)
    assert not any("?" in each for each in statements)

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from knowledge.models import Build, Gap, GraphEdge, GraphNode
from knowledge.services import rebuild_graph
from knowledge.tasks import rebuild
from tests.factories import forum
from tests.knowledge.conftest import AT, views

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client: Client, person: Callable[..., Any], settings: Any) -> Client:
    settings.SECOND_FACTOR_REQUIRED = False
    client.force_login(person("staff", is_staff=True))
    return client


@pytest.fixture
def graph(db: None) -> Build:
    """A page before a need, two gaps, and forty pages more."""
    build = Build.objects.create(finished_at=timezone.now(), is_current=True)
    page, need = (
        GraphNode.objects.create(
            build=build, kind=kind, key=key, title_en=title, readers=9
        )
        for kind, key, title in (
            ("doc", "limits", "Limits"),
            ("need", "checkout", "They began a checkout"),
        )
    )
    GraphEdge.objects.create(
        source=page,
        target=need,
        kind=GraphEdge.Kind.PRECEDES,
        weight=3.2,
        low=1.4,
        high=7.1,
        support=12,
    )
    Gap.objects.create(build=build, kind="code", words="upstream_timeout", demand=7)
    Gap.objects.create(build=build, kind="search", words="=cmd()", demand=3)
    GraphNode.objects.bulk_create(
        GraphNode(build=build, kind="topic", key=str(at), title_en=f"Topic {at}")
        for at in range(40)
    )
    return build


PAGES = ["home", "need-list", "gap-list", "node-list"]


@pytest.mark.parametrize("name", PAGES)
def test_every_page_is_there_before_there_is_a_graph(staff: Client, name: str) -> None:
    assert staff.get(reverse(f"knowledge:{name}")).status_code == 200


@pytest.mark.parametrize("name", PAGES)
def test_pages_cost_the_same_however_large_the_graph_is(
    staff: Client, graph: Build, django_assert_max_num_queries: Any, name: str
) -> None:
    with django_assert_max_num_queries(13):
        staff.get(reverse(f"knowledge:{name}"))


def test_the_first_page_says_what_comes_before_and_what_is_missing(
    staff: Client, graph: Build
) -> None:
    page = staff.get(reverse("knowledge:home")).content.decode()

    assert "3.2 (1.4–7.1)" in page
    assert "upstream_timeout" in page


def test_needs_are_narrowed_and_taken_along(staff: Client, graph: Build) -> None:
    address = reverse("knowledge:need-list")
    none = staff.get(address, {"need": "prices"}).content.decode()
    lines = b"".join(staff.get(address, {"need": "checkout", "format": "csv"})).decode(
        "utf-8-sig"
    )

    assert "3.2 (1.4–7.1)" not in none
    assert lines.splitlines() == [
        '"kind","key","title","need","lift","low","high","readers"',
        '"doc","limits","Limits","checkout",3.2,1.4,7.1,12',
    ]


def test_gaps_are_taken_along_and_open_as_no_formula(
    staff: Client, graph: Build
) -> None:
    answer = staff.get(reverse("knowledge:gap-list"), {"format": "csv"})
    lines = b"".join(answer).decode("utf-8-sig").splitlines()

    assert lines[1:] == ['"code","upstream_timeout",7', '"search","\'=cmd()",3']


def test_a_need_nobody_knows_is_refused(staff: Client) -> None:
    assert staff.get(reverse("knowledge:need-list"), {"need": "x"}).status_code == 400


def test_nodes_come_page_by_page(staff: Client, graph: Build) -> None:
    address = reverse("knowledge:node-list")
    first = staff.get(address, {"kind": "topic"})
    cursor = first.context["page"].next_cursor
    second = staff.get(address, {"kind": "topic", "cursor": cursor})

    shown = [node.pk for node, _kind in first.context["rows"]]
    then = [node.pk for node, _kind in second.context["rows"]]
    assert (len(shown), len(then)) == (30, 10)
    assert not set(shown) & set(then)


def test_a_node_opens_to_its_edges_in_both_directions(
    staff: Client, graph: Build
) -> None:
    page = reverse("knowledge:node-detail", args=["doc", "limits"])
    need = reverse("knowledge:node-detail", args=["need", "checkout"])

    assert "comes before the need" in staff.get(page).content.decode()
    assert page in staff.get(need).content.decode()


def test_a_node_of_another_build_is_not_there(staff: Client, graph: Build) -> None:
    graph.is_current = False
    graph.save(update_fields=["is_current"])

    page = reverse("knowledge:node-detail", args=["doc", "limits"])
    assert staff.get(page).status_code == 404


def test_the_list_of_misses_has_the_errors_nothing_explains(
    staff: Client, graph: Build
) -> None:
    page = staff.get("/staff/operations/misses/").content.decode()

    assert "Error codes that nothing explains" in page
    assert "upstream_timeout" in page
    # Searches are in its own table already, as long as they find nothing.
    assert "=cmd()" not in page


@pytest.mark.usefixtures("documentation")
def test_a_page_of_the_documentation_shows_what_others_read_next(
    client: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(5):
        views("start", "teams", visitor=f"v_{number}")
    rebuild_graph(AT)
    # The first look is remembered.
    client.get("/docs/1.0/start/")

    # As many as its README promises.
    with django_assert_max_num_queries(12):
        page = client.get("/docs/1.0/start/").content.decode()

    aside = page[page.index("Others read next") :]
    assert aside.index("/docs/1.0/teams/") < aside.index("/docs/1.0/keys/")


@pytest.mark.usefixtures("documentation")
def test_a_topic_shows_what_others_read_next(
    client: Client, person: Callable[..., Any]
) -> None:
    topic = forum.topic(person("ada"))
    for number in range(5):
        views(f"topic:{topic.pk}", "teams", visitor=f"v_{number}")
    rebuild_graph(AT)

    # Its page asks for it when it is there, and costs what it did.
    address = reverse("forum:topic-related", args=[topic.pk])
    assert address in client.get(topic.get_absolute_url()).content.decode()
    fragment = client.get(address).content.decode()
    assert "/docs/1.0/teams/" in fragment[fragment.index("Others read next") :]


@pytest.mark.usefixtures("documentation")
def test_without_a_graph_pages_are_as_they_were(client: Client) -> None:
    page = client.get("/docs/1.0/start/").content.decode()

    assert "Others read next" not in page


@pytest.mark.usefixtures("documentation")
def test_the_nightly_job_builds_it() -> None:
    rebuild()

    assert GraphNode.objects.current().filter(kind="doc").count() == 4


def test_the_pages_speak_chinese(staff: Client, graph: Build) -> None:
    address = reverse("knowledge:home")
    page = staff.get(address, headers={"Accept-Language": "zh-Hans"}).content.decode()

    assert "知识图谱" in page
    assert "What is missing" not in page

"""The graph, from what is written and read to what readers see."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, transaction
from django.utils import timezone, translation

from accounts.models import Membership
from activity.services import NewEvent, write_events
from community.forum.models import Visibility
from community.forum.services import accept_answer
from knowledge import services
from knowledge.gaps import find_gaps
from knowledge.models import Build, Gap, GraphEdge, GraphNode
from knowledge.queries import before_needs, what_next
from knowledge.reading import addresses_in, words_in
from knowledge.services import GIVEN_UP, rebuild_graph
from tests.factories import forum
from tests.factories.inference import offered_model, used
from tests.knowledge.conftest import AT, LONG_AGO, views

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("documentation")]
ANYBODY = AnonymousUser()


def node(kind: str, key: str) -> GraphNode:
    return GraphNode.objects.current().get(kind=kind, key=key)


def leads(kind: str, key: str, edge: GraphEdge.Kind) -> dict[str, int]:
    """Return what a node leads to by one kind of edge, and how often it was seen."""
    found = GraphEdge.objects.filter(source=node(kind, key), kind=edge)
    return {str(each.target): each.support for each in found.select_related("target")}


def shape() -> tuple[list[Any], list[Any], list[Any]]:
    """Return all of the current graph but its keys in the database."""
    nodes = GraphNode.objects.current()
    edges = GraphEdge.objects.filter(source__build__is_current=True)
    gaps = Gap.objects.filter(build__is_current=True)
    ends = ("source__kind", "source__key", "kind", "target__kind", "target__key")
    return (
        sorted(nodes.values_list("kind", "key", "title_en", "readers", "demand")),
        sorted(edges.values_list(*ends, "weight", "support")),
        sorted(gaps.values_list("kind", "words", "demand")),
    )


def test_a_page_is_one_node_in_both_languages() -> None:
    rebuild_graph(AT)

    found = node("doc", "keys")
    assert (found.title_en, found.title_zh) == ("Keys", "关于 keys")
    assert found.url == "/docs/1.0/keys/"
    with translation.override("zh-hans"):
        assert found.title == "关于 keys"
        # What is not translated has the title it has.
        assert node("doc", "teams").title == "Teams"


def test_what_is_written_is_linked_and_mentioned(person: Callable[..., Any]) -> None:
    ada, bob = person("ada"), person("bob")
    offered_model("tiny")
    topic = forum.topic(ada, text="Why `invalid_api_key`?")
    answer = forum.reply(topic, bob, "See [keys](/docs/1.0/keys/#one), not `tiny`.")
    accept_answer(answer, by=ada)
    used(ada.memberships.get().organisation, error_code="invalid_api_key")

    rebuild_graph()

    assert leads("doc", "start", GraphEdge.Kind.LINKS) == {"doc:keys": 1}
    # Once in each language.
    assert leads("doc", "keys", GraphEdge.Kind.MENTIONS) == {
        "model:tiny": 2,
        "error:invalid_api_key": 2,
    }
    assert leads("topic", str(topic.pk), GraphEdge.Kind.MENTIONS) == {
        "error:invalid_api_key": 1
    }
    assert leads("answer", str(answer.pk), GraphEdge.Kind.ANSWERS) == {
        f"topic:{topic.pk}": 1
    }
    assert leads("answer", str(answer.pk), GraphEdge.Kind.LINKS) == {"doc:keys": 1}


def test_what_is_read_one_after_the_other_leads_on() -> None:
    for number in range(4):
        views("start", "limits", "teams", visitor=f"v_{number}")
    views("start", "keys", visitor="v_9")

    rebuild_graph(AT)

    assert leads("doc", "start", GraphEdge.Kind.NEXT) == {"doc:limits": 4}
    assert leads("doc", "limits", GraphEdge.Kind.NEXT) == {"doc:teams": 4}
    step = GraphEdge.objects.get(source=node("doc", "start"), kind=GraphEdge.Kind.NEXT)
    assert step.weight == pytest.approx(4 / 5)
    assert node("doc", "start").readers == 5
    assert Build.objects.current().get().sittings == 5


def test_a_page_before_a_need_is_found_and_one_that_is_not_is_not(
    person: Callable[..., Any],
) -> None:
    for number in range(24):
        ada = person(f"ada{number}")
        views("limits" if number < 12 else "teams", user_id=ada.pk)
        if number < 10 or number == 23:
            write_events(
                [
                    NewEvent(
                        name="call_refused",
                        occurred_at=LONG_AGO + timedelta(days=2),
                        organisation_id=ada.memberships.get().organisation_id,
                        properties={"code": "model_requires_plan"},
                    )
                ]
            )
    # They belonged to their organisations all along.
    Membership.objects.update(created_at=LONG_AGO - timedelta(days=1))

    rebuild_graph(AT)

    (found,) = before_needs()
    assert str(found.source) == "doc:limits"
    assert found.target.key == "model_requires_plan"
    assert found.support == 10
    assert found.weight == pytest.approx(10)
    assert found.low is not None
    assert found.low > 1


def test_a_planted_missing_page_is_named(person: Callable[..., Any]) -> None:
    ada, bob = person("ada"), person("bob")
    for each in (ada, bob):
        organisation = each.memberships.get().organisation
        used(organisation, error_code="upstream_timeout")
        used(organisation, error_code="invalid_api_key")
    for words, results in (("webhook signature", 0), ("keys", 0)):
        write_events(
            NewEvent(
                name="searched",
                occurred_at=timezone.now(),
                user_id=each.pk,
                properties={"query": words, "results": results, "is_live": False},
            )
            for each in (ada, bob)
        )

    rebuild_graph()

    # The other code is on the page of the keys, and so is what was searched for.
    assert list(
        Gap.objects.values_list("kind", "words", "demand").order_by("kind")
    ) == [
        ("code", "upstream_timeout", 2),
        ("search", "webhook signature", 2),
    ]


def test_a_question_that_names_an_error_explains_nothing(
    person: Callable[..., Any],
) -> None:
    ada, bob = person("ada"), person("bob")
    used(ada.memberships.get().organisation, error_code="upstream_timeout")
    topic = forum.topic(ada, text="What is `upstream_timeout`?")

    rebuild_graph()
    before = Gap.objects.count()
    accept_answer(forum.reply(topic, bob, "`upstream_timeout`: wait."), by=ada)
    rebuild_graph()

    assert (before, Gap.objects.count()) == (1, 0)


def test_what_is_not_for_everybody_is_no_node(person: Callable[..., Any]) -> None:
    ada = person("ada")
    forum.topic(ada, category=forum.category(Visibility.MEMBERS))
    hidden = forum.topic(ada)
    hidden.hidden_at = timezone.now()
    hidden.save(update_fields=["hidden_at"])

    rebuild_graph()

    assert not GraphNode.objects.current().filter(kind="topic").exists()


def test_the_same_world_gives_the_same_graph() -> None:
    for number in range(4):
        views("start", "limits", "teams", visitor=f"v_{number}")
    rebuild_graph(AT)
    once = shape()

    rebuild_graph(AT)

    assert shape() == once
    assert Build.objects.count() == 1


def test_readers_see_the_old_graph_until_the_new_one_is_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rebuild_graph(AT)
    old = Build.objects.current().get()
    seen = []

    def look(graph: Any) -> Any:
        # Everything else of the new one is written by now.
        seen.append(Build.objects.current().get().pk)
        seen.append(GraphNode.objects.filter(build__finished_at=None).exists())
        return find_gaps(graph)

    monkeypatch.setattr(services, "find_gaps", look)
    new = rebuild_graph(AT)

    assert seen == [old.pk, True]
    assert new is not None
    assert Build.objects.get() == new


def test_one_that_fails_leaves_the_old_one_and_does_not_stand_in_the_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rebuild_graph(AT)
    before = shape()

    def fail(graph: Any) -> Any:
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(services, "find_gaps", fail)
        with pytest.raises(RuntimeError):
            rebuild_graph(AT)

    assert shape() == before
    assert rebuild_graph(AT) is not None


def test_while_one_is_made_another_is_left_to_it_until_it_is_given_up() -> None:
    making = Build.objects.create()

    assert rebuild_graph(AT) is None
    assert list(Build.objects.all()) == [making]

    making.started_at -= GIVEN_UP + timedelta(seconds=1)
    making.save(update_fields=["started_at"])
    assert rebuild_graph(AT) is not None


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "precedes", "weight": 1.0},
        {"kind": "precedes", "weight": 3.0, "low": 1.0, "high": 2.0},
        {"kind": "links", "weight": 1.0, "low": 1.0, "high": 2.0},
    ],
)
def test_only_a_lift_has_an_interval_and_it_holds_it(wrong: dict[str, Any]) -> None:
    rebuild_graph(AT)

    with pytest.raises(IntegrityError), transaction.atomic():
        GraphEdge.objects.create(
            source=node("doc", "start"), target=node("doc", "teams"), **wrong
        )


def test_nothing_leads_to_itself() -> None:
    rebuild_graph(AT)
    start = node("doc", "start")

    with pytest.raises(IntegrityError), transaction.atomic():
        GraphEdge.objects.create(source=start, target=start, kind="links", weight=1)


def test_what_is_shown_next_is_what_is_read_next() -> None:
    for number in range(20):
        views("start", "teams", visitor=f"v_{number}")
    rebuild_graph(AT)

    found = what_next("doc", "start", actor=ANYBODY)

    assert [each.key for each in found][:2] == ["teams", "keys"]


def test_what_was_hidden_since_is_not_shown(person: Callable[..., Any]) -> None:
    topic = forum.topic(person("ada"))
    for number in range(20):
        views("start", f"topic:{topic.pk}", visitor=f"v_{number}")
    rebuild_graph(AT)
    before = what_next("doc", "start", actor=ANYBODY)
    topic.hidden_at = timezone.now()
    topic.save(update_fields=["hidden_at"])

    found = what_next("doc", "start", actor=ANYBODY)

    assert before[0].key == str(topic.pk)
    assert str(topic.pk) not in [each.key for each in found]


def test_what_is_next_costs_three_queries(
    person: Callable[..., Any], django_assert_num_queries: Any
) -> None:
    topic = forum.topic(person("ada"))
    for number in range(5):
        views("start", f"topic:{topic.pk}", "keys", "teams", visitor=f"v_{number}")
    rebuild_graph(AT)

    with django_assert_num_queries(3):
        assert len(what_next("doc", "start", actor=ANYBODY)) == 3


def test_addresses_of_other_sites_are_none_of_ours(settings: Any) -> None:
    settings.SITE_URL = "https://here.test"
    html = (
        '<a href="/docs/1.0/keys/#a">a</a><a href="https://here.test/forum/t/1/?n=2">b</a>'
        '<a href="https://there.test/docs/1.0/keys/">c</a><a href="mailto:x">d</a>'
    )

    assert list(addresses_in(html)) == ["/docs/1.0/keys", "/forum/t/1"]


def test_words_are_whole_and_lose_their_stops() -> None:
    found = list(words_in("Call `qwen3:8b`. Not insufficient_quota_x: model."))

    assert found == ["Call", "qwen3:8b", "Not", "insufficient_quota_x", "model"]

"""What staff pause is not called; why a circuit is open is written down."""

import time
from collections.abc import Callable
from typing import Any

from inference.catalog import services as catalog
from inference.operating import services
from inference.routing.notes import CircuitNote, read_notes
from inference.usage.models import UsageEvent
from tests.fakes.servers import free_port
from tests.fakes.upstream import Upstream, whole
from tests.inference.gateway.conftest import HELLO, PRO, Customer
from tests.waiting import wait_for


def code_of(who: Customer, model: str) -> str:
    """Call a model; return the code it was refused with, or nothing."""
    answer = who.post(json={"model": model, "messages": HELLO})
    return "" if answer.status_code == 200 else str(answer.json()["error"]["code"])


def test_a_paused_deployment_is_not_called_and_its_model_is_still_there(
    customer: Callable[..., Customer], offer: Any, upstream: Upstream
) -> None:
    model = offer(upstream, "plain", others=[upstream.url])
    first, second = model.deployments.order_by("priority")
    ada = customer(features=PRO)
    assert code_of(ada, "plain") == ""

    services.pause_deployment(first, reason="Driver", by=ada.user)
    assert code_of(ada, "plain") == ""

    services.pause_deployment(second, reason="Driver", by=ada.user)
    wait_for(lambda: code_of(ada, "plain") == "no_deployment")

    services.resume_deployment(first, by=ada.user)
    wait_for(lambda: code_of(ada, "plain") == "")


def test_the_second_deployment_answers_while_the_first_is_paused(
    customer: Callable[..., Customer], offer: Any, upstream: Upstream
) -> None:
    model = offer(upstream, "plain", others=[upstream.url])
    first, second = model.deployments.order_by("priority")
    services.pause_deployment(
        first, reason="Driver", by=(ada := customer(features=PRO)).user
    )

    def ran_at() -> int | None:
        code_of(ada, "plain")
        event = UsageEvent.objects.order_by("-occurred_at").first()
        return event.deployment_id if event is not None else None

    assert wait_for(lambda: ran_at() == second.pk)


def test_a_dead_server_leaves_a_note_that_says_so(
    customer: Callable[..., Customer], offer: Any, upstream: Upstream
) -> None:
    model = offer(upstream, "plain")
    place = model.deployments.get()
    place.base_url = f"http://127.0.0.1:{free_port()}/v1"
    place.save()
    catalog.announce()
    ada = customer(features=PRO)

    def noted() -> CircuitNote | None:
        code_of(ada, "plain")
        return read_notes([place.pk]).get(place.pk)

    note = wait_for(noted)

    assert note.why == "unreachable"
    assert abs(note.opened_at - time.time()) < 60


def test_a_request_that_is_tried_three_times_is_one_failure(
    customer: Callable[..., Customer], offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "scripted")
    upstream.scripts["scripted"] = whole({"error": {"message": "restarting"}}, 502)

    # Of two callers, six tries would close the model for the third.
    codes = [
        code_of(customer(name, features=PRO), "scripted")
        for name in ("ada", "ben", "eve")
    ]

    assert codes == ["upstream_error"] * 3
    assert len(upstream.requests) == 9

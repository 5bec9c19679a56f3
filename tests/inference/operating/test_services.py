"""What is done by hand is done once, has its reason, and is told to every gateway."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from audit.models import Record
from inference.catalog.models import Deployment, DeploymentPause
from inference.directory.directory import Directory
from inference.directory.loading import load_models
from inference.operating import services
from inference.operating.exceptions import AlreadyPaused
from inference.routing.lookout import CHANNEL, Lookout
from inference.routing.notes import circuit_key
from stores.lean_redis import LeanRedis
from stores.redis import client, prefixed
from tests.factories.inference import offered_model
from tests.races import together


@pytest.fixture
def place(db: None) -> Deployment:
    return offered_model("tiny").deployments.get()


@pytest.mark.django_db
def test_a_pause_is_known_to_who_routes_and_its_reason_to_the_log(
    place: Deployment, person: Callable[..., Any]
) -> None:
    ada = person("ada")

    services.pause_deployment(place, reason="New driver", by=ada)

    assert load_models()["tiny"].paused == {place.pk}
    pause = DeploymentPause.objects.get()
    assert (pause.reason, pause.paused_by) == ("New driver", ada)
    record = Record.objects.get(action="deployment.paused")
    assert record.after == {"deployment": place.pk, "reason": "New driver"}


@pytest.mark.django_db
def test_who_comes_second_changes_nothing(
    place: Deployment, person: Callable[..., Any]
) -> None:
    services.pause_deployment(place, reason="First", by=person("ada"))

    with pytest.raises(AlreadyPaused):
        services.pause_deployment(place, reason="Second", by=person("bo"))

    assert DeploymentPause.objects.get().reason == "First"
    assert Record.objects.filter(action="deployment.paused").count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_one_pauses_and_of_two_one_resumes(
    person: Callable[..., Any],
) -> None:
    place = offered_model("tiny").deployments.get()
    ada = person("ada")

    paused = together(
        *(
            lambda name=name: services.pause_deployment(place, reason=name, by=ada)
            for name in ("one", "two")
        )
    )
    resumed = together(
        *(lambda: services.resume_deployment(place, by=ada) for _ in range(2))
    )

    assert sorted(type(each).__name__ for each in paused) == [
        "AlreadyPaused",
        "NoneType",
    ]
    assert sorted(resumed) == [False, True]
    assert not DeploymentPause.objects.exists()
    actions = Record.objects.filter(action__startswith="deployment.")
    assert sorted(actions.values_list("action", flat=True)) == [
        "deployment.paused",
        "deployment.resumed",
    ]


@pytest.mark.django_db
def test_a_pause_without_a_reason_is_refused_by_the_database(
    place: Deployment,
) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        DeploymentPause.objects.create(deployment=place, reason="")

    assert not DeploymentPause.objects.exists()


@pytest.mark.django_db
def test_a_circuit_that_is_closed_by_hand_is_closed_in_every_gateway(
    place: Deployment, person: Callable[..., Any]
) -> None:
    client().set(circuit_key(place.pk), b"{}")
    with client().pubsub() as channel:
        channel.subscribe(prefixed(CHANNEL))
        assert channel.get_message(timeout=10)["type"] == "subscribe"

        services.reset_circuit(place, reason="Restarted", by=person("ada"))

        told = channel.get_message(timeout=10)["data"]

    async def hear() -> tuple[float, float]:
        lookout = Lookout(LeanRedis("redis://localhost"), Directory(), {})
        router = lookout.router
        for _ in range(3):
            router.failed(place, caller=1, is_certain=True)
        before = router.wait((place,))
        await lookout.hear(told.decode())
        return before, router.wait((place,))

    before, after = asyncio.run(hear())

    assert before > 0
    assert after == 0
    assert not client().exists(circuit_key(place.pk))
    assert Record.objects.get(action="circuit.closed").after == {
        "deployment": place.pk,
        "reason": "Restarted",
    }

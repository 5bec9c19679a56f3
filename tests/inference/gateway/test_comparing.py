"""Each night: our sums beside what the models' servers counted themselves."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aiohttp import web

from accounts.queries import personal_organisation
from inference.catalog.models import Deployment
from inference.gateway import comparing, tasks
from inference.usage.models import UpstreamSum, UsageHour
from operations import sums
from operations.findings import Status
from tests.factories.inference import offered_model, used
from tests.fakes.servers import free_port
from tests.fakes.upstream import serving

VLLM = """
# HELP vllm:prompt_tokens_total Number of prefill tokens processed.
# TYPE vllm:prompt_tokens_total counter
vllm:prompt_tokens_total{engine="0",model_name="up"} %s
vllm:prompt_tokens_total{engine="0",model_name="another"} 9e9
vllm:generation_tokens_total{engine="0",model_name="up"} %s
vllm:generation_tokens_total{engine="0",model_name="another"} 9e9
"""
LLAMA = "llamacpp:prompt_tokens_total 400\nllamacpp:tokens_predicted_total 50.0\n"


class Counting:
    """A server that exports what it read and wrote."""

    def __init__(self) -> None:
        self.port = free_port()
        self.text = ""
        self.asked: list[str] = []

    async def metrics(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        return web.Response(text=self.text)


@pytest.fixture
def server() -> Iterator[Counting]:
    server = Counting()
    application = web.Application()
    application.router.add_get("/metrics", server.metrics)
    with serving(application, server.port):
        yield server


@pytest.fixture
def call(
    transactional_db: None, server: Counting, person: Callable[..., Any]
) -> Callable[..., Any]:
    """Return a function that records a call at a deployment that can be compared."""
    ada = person("ada")
    place = {
        "provider": "openai",
        "base_url": f"http://127.0.0.1:{server.port}/v1",
        "upstream_model": "up",
        "options": {"sums": "metrics"},
    }
    model = offered_model(deployments=[place])
    deployment = Deployment.objects.get()
    price = model.prices.get()

    def make(**fields: Any) -> Any:
        tokens = (fields["tokens_in"], 0, fields["tokens_out"])
        return used(
            personal_organisation(ada),
            deployment_id=deployment.pk,
            price_version_id=price.pk,
            price_nano=price.price_of(*tokens),
            cost_nano=price.cost_of(*tokens),
            **fields,
        )

    return make


def test_sums_that_agree_are_noted_and_those_that_do_not_are_told_to_staff(
    call: Callable[..., Any], server: Counting
) -> None:
    server.text = VLLM % ("1000", "2000.0")
    (first,) = comparing.compare_all()
    call(tokens_in=100_000, tokens_out=50_000)
    server.text = VLLM % ("1.011e5", "5.2e4")
    (second,) = comparing.compare_all()
    call(tokens_in=100_000, tokens_out=50_000)
    server.text = VLLM % ("3.011e5", "1.02e5")
    (third,) = comparing.compare_all()

    assert (first.tokens_in, first.is_off) == (None, False)
    assert (second.tokens_in, second.tokens_out) == (100_100, 50_000)
    assert (second.own_in, second.own_out, second.is_off) == (100_000, 50_000, False)
    assert (third.tokens_in, third.own_in, third.is_off) == (200_000, 100_000, True)
    told = list(sums.look_at_metering())
    assert [status for status, _ in told] == [Status.FAILURE]
    assert "200000 tokens read" in told[0][1]
    assert set(server.asked) == {"/metrics"}


def test_a_server_that_began_anew_is_compared_from_there(
    call: Callable[..., Any], server: Counting
) -> None:
    server.text = VLLM % ("90000", "90000")
    comparing.compare_all()
    server.text = VLLM % ("5", "5")
    (found,) = comparing.compare_all()

    assert (found.tokens_in, found.is_off) == (None, False)


def test_a_server_that_exports_nothing_is_left_out(
    call: Callable[..., Any], server: Counting
) -> None:
    server.text = "process_cpu_seconds_total 1"

    assert comparing.compare_all() == []
    assert UpstreamSum.objects.count() == 0


def test_counters_are_read_in_each_servers_words() -> None:
    assert comparing.counted_in(VLLM % ("7", "8"), "up") == (7, 8, True)
    # Without what its cache spared it.
    assert comparing.counted_in(LLAMA, "any") == (400, 50, False)
    with pytest.raises(LookupError):
        comparing.counted_in("", "up")


@pytest.mark.parametrize("odd", ["+Inf", "-Inf", "NaN", "-7", "1e300", "many", "1e"])
def test_a_counter_that_is_no_count_is_no_reading(odd: str) -> None:
    assert comparing.counted_in(VLLM % ("1.5e-05", "8"), "up") == (0, 8, True)
    with pytest.raises(LookupError):
        comparing.counted_in(VLLM % (odd, "8"), "up")


def test_the_night_proves_the_sums_too(
    call: Callable[..., Any], server: Counting, caplog: pytest.LogCaptureFixture
) -> None:
    server.text = LLAMA
    call(tokens_in=100, tokens_out=50)
    tasks.compare()
    assert "usage.does_not_add_up" not in caplog.messages

    UsageHour.objects.update(price_nano=1)
    tasks.compare()

    assert "usage.does_not_add_up" in caplog.messages


def test_staff_hear_of_usage_that_could_not_be_believed(
    call: Callable[..., Any],
) -> None:
    assert [status for status, _ in sums.look_at_metering()] == [Status.OK]

    call(tokens_in=1, tokens_out=1, doubt="impossible prompt 10", is_estimated=True)
    call(tokens_in=1, tokens_out=1, doubt="no completion", status="client_abort")

    ((status, sentence),) = sums.look_at_metering()
    assert status == Status.WARNING
    assert "estimate: 1, one" in sentence
    assert "impossible prompt 10" in sentence

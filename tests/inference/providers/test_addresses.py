"""Where no model's server is, by number, by name and inside another kind of address."""

import asyncio
import socket

import pytest

from core.crypto import encrypt
from inference.catalog.addresses import AddressDenied, check_address
from inference.catalog.exceptions import InvalidModel
from inference.catalog.models import Deployment
from inference.catalog.publishing import check_deployment
from inference.providers.addresses import CheckedResolver
from inference.providers.base import UpstreamFailed
from tests.inference.providers.test_openai import complete

METADATA = "169.254.169.254"


@pytest.mark.parametrize(
    "text",
    [
        *(METADATA, "169.254.0.1", "100.100.100.200", "0.0.0.0", "224.0.0.1"),  # noqa: S104
        *(
            "255.255.255.255",
            "fe80::1",
            "fe80::1%eth0",
            "fd00:ec2::254",
            "::",
            "ff02::1",
        ),
        *("::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1"),
        "[fe80::1]",
    ],
)
def test_addresses_of_the_cloud_and_of_nobody_are_denied(text: str) -> None:
    with pytest.raises(AddressDenied):
        check_address(text)


@pytest.mark.parametrize(
    "text", ["127.0.0.1", "10.0.0.7", "192.168.1.2", "8.8.8.8", "::1", "vllm", ""]
)
def test_ones_own_machines_and_the_worlds_are_not(text: str) -> None:
    check_address(text)


def test_more_networks_are_denied_by_a_setting(
    settings: pytest.FixtureRequest,
) -> None:
    settings.UPSTREAM_DENIED_NETWORKS = ["10.0.0.0/8"]  # type: ignore[attr-defined]

    with pytest.raises(AddressDenied):
        check_address("10.0.0.7")
    check_address("192.168.1.2")


def test_a_name_is_looked_at_where_it_leads(monkeypatch: pytest.MonkeyPatch) -> None:
    def lead(host: str, *_more: object, **_named: object) -> list[object]:
        to = METADATA if host == "inside.example" else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (to, 80))]

    monkeypatch.setattr(socket, "getaddrinfo", lead)

    async def resolve(host: str) -> list[str]:
        found = await CheckedResolver().resolve(host, 80)
        return [address for _, address in found]

    assert asyncio.run(resolve("models.example")) == ["127.0.0.1"]
    with pytest.raises(AddressDenied):
        asyncio.run(resolve("inside.example"))


def test_a_name_is_asked_for_once_by_many_and_again_where_that_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def lead(host: str, *_more: object, **_named: object) -> list[object]:
        asked.append(host)
        if len(asked) == 1:
            raise socket.gaierror("Temporary failure in name resolution")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 80))]

    monkeypatch.setattr(socket, "getaddrinfo", lead)

    async def resolve_often() -> None:
        resolver = CheckedResolver()
        with pytest.raises(socket.gaierror):
            await resolver.resolve("models.example", 80)
        leaving = asyncio.create_task(resolver.resolve("models.example", 80))
        await asyncio.sleep(0)
        leaving.cancel()
        found = await asyncio.gather(
            *(resolver.resolve("models.example", 80) for _ in range(20))
        )
        assert found == [[(socket.AF_INET, "127.0.0.1")]] * 20

    asyncio.run(resolve_often())

    assert len(asked) == 2


@pytest.mark.parametrize("host", [METADATA, "[::ffff:a9fe:a9fe]", "2852039166"])
def test_no_call_and_no_key_is_sent_there(host: str) -> None:
    place = Deployment(
        pk=1,
        provider="openai",
        base_url=f"http://{host}/v1",
        credential=encrypt("sk-upstream"),
    )

    with pytest.raises(UpstreamFailed) as caught:
        complete(place)

    # As one that is away: another deployment may answer.
    assert caught.value.is_unreachable


def test_such_a_deployment_is_not_published() -> None:
    place = Deployment(provider="openai", base_url=f"http://{METADATA}/v1")

    with pytest.raises(InvalidModel) as caught:
        check_deployment(place)

    assert caught.value.details["field"] == "base_url"

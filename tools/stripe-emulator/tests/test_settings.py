"""What the emulator is told, by its command and its environment."""

from pathlib import Path

import pytest

from stripe_emulator.settings import HELP, PREFIX, Settings


def test_nothing_told_is_a_loopback_address_and_a_file_here() -> None:
    settings = Settings.read([], {})

    assert settings == Settings()
    assert settings.base_url == "http://127.0.0.1:8001"
    assert settings.data == Path("stripe-emulator.sqlite3")
    assert settings.key.startswith("sk_test_")


def test_every_setting_is_a_variable() -> None:
    told = {
        "STRIPE_EMULATOR_HOST": "127.0.0.2",
        "STRIPE_EMULATOR_PORT": "9001",
        "STRIPE_EMULATOR_KEY": "sk_test_mine",
        "STRIPE_EMULATOR_DATA": "/srv/state.sqlite3",
        "STRIPE_EMULATOR_WEBHOOK_URL": "http://shop.test/hooks/",
        "STRIPE_EMULATOR_WEBHOOK_SECRET": "whsec_mine",
        "STRIPE_EMULATOR_PUBLIC_URL": "https://pay.shop.test",
    }

    assert Settings.read([], told) == Settings(
        host="127.0.0.2",
        port=9001,
        key="sk_test_mine",
        data=Path("/srv/state.sqlite3"),
        webhook_url="http://shop.test/hooks/",
        webhook_secret="whsec_mine",
        public_url="https://pay.shop.test",
    )
    assert {name.removeprefix(PREFIX).lower() for name in told} == set(HELP)


def test_an_argument_wins_over_its_variable() -> None:
    told = {"STRIPE_EMULATOR_PORT": "9001", "STRIPE_EMULATOR_KEY": "sk_test_a"}

    settings = Settings.read(["--port", "9002", "--webhook-url", "http://x/"], told)

    assert (settings.port, settings.key) == (9002, "sk_test_a")
    assert settings.webhook_url == "http://x/"


def test_an_empty_variable_leaves_the_default() -> None:
    told = {f"{PREFIX}{name.upper()}": "" for name in HELP}

    assert Settings.read([], told) == Settings()


def test_what_others_call_host_and_port_is_not_read() -> None:
    assert Settings.read([], {"HOST": "0.0.0.0", "PORT": "80"}) == Settings()  # noqa: S104


@pytest.mark.parametrize("port", ["x", "-1", "0", "65536", "80.5", " 80", "٨٠٠١x"])
def test_a_port_that_is_none_is_named_with_its_variable(port: str) -> None:
    with pytest.raises(ValueError, match="STRIPE_EMULATOR_PORT must be a port number"):
        Settings.read([], {"STRIPE_EMULATOR_PORT": port})


@pytest.mark.parametrize("key", ["sk_live_51x", "rk_live_1", "pk_test_1", "secret"])
def test_no_real_key_is_taken(key: str) -> None:
    for arguments, told in (
        ([], {"STRIPE_EMULATOR_KEY": key}),
        (["--key", key], {}),
    ):
        with pytest.raises(ValueError, match="must begin with sk_test_") as refusal:
            Settings.read(arguments, told)
        # A real key in a log would be as bad as one in the database.
        assert key not in str(refusal.value)


@pytest.mark.parametrize(
    ("host", "public", "base"),
    [
        ("127.0.0.1", "", "http://127.0.0.1:8001"),
        ("0.0.0.0", "", "http://127.0.0.1:8001"),  # noqa: S104
        ("::", "", "http://127.0.0.1:8001"),
        ("::1", "", "http://[::1]:8001"),
        ("pay.test", "", "http://pay.test:8001"),
        ("127.0.0.1", "https://pay.test/", "https://pay.test"),
    ],
)
def test_links_begin_with_an_address_a_browser_reaches(
    host: str, public: str, base: str
) -> None:
    assert Settings(host=host, public_url=public).base_url == base


def test_an_unknown_argument_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ending:
        Settings.read(["--colour", "red"], {})

    assert ending.value.code == 2
    assert "unrecognized arguments: --colour" in capsys.readouterr().err


def test_help_says_every_setting_with_its_default(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ending:
        Settings.read(["--help"], {})

    said = " ".join(capsys.readouterr().out.split())
    assert ending.value.code == 0
    for name, meaning in HELP.items():
        assert f"--{name.replace('_', '-')}" in said
        assert meaning in said
    assert "(default: 8001)" in said

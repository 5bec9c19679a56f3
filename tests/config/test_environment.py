"""The environment: documented wholly, checked at once, safe in production."""

import ast
import json
import os
import re
import secrets
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from config.settings import base
from tests.fakes.servers import ROOT

SETTINGS = ROOT / "platform" / "config" / "settings"
PRODUCTION = {
    "PATH": os.environ["PATH"],
    "PYTHONPATH": os.pathsep.join([str(ROOT / "platform"), str(ROOT)]),
    "DJANGO_SETTINGS_MODULE": "config.settings.base",
    "SITE_URL": "https://doorstone.example",
    "SECRET_KEY": secrets.token_urlsafe(48),
    "FIELD_KEYS": f"{'n' * 40},{'o' * 40}",
    "DATABASE_URL": "postgresql://doorstone:pass%40word@db.example:5433/doorstone",
    "EMAIL_URL": "smtp+tls://me:p%40ss@mail.example:587",
}
SHOW = """
import json, sys
from django.conf import settings
print(json.dumps({name: getattr(settings, name) for name in sys.argv[1:]}, default=str))
"""


def read_variables() -> set[str]:
    """Return every name the settings and the start command ask for."""
    text = "\n".join(path.read_text() for path in SETTINGS.glob("*.py"))
    text += (SETTINGS.parent / "env.py").read_text()
    asked = set(re.findall(r"env\.\w+\(\s*\"([A-Z_]+)\"", text))
    asked |= set(re.findall(r"boolean\(\"([A-Z_]+)\"", text))
    folder = ROOT / "platform" / "embedded"
    text = "\n".join(
        path.read_text()
        for path in [folder / "stack.py", *folder.glob("management/commands/*.py")]
    )
    asked |= set(re.findall(r"environ(?:\.get)?[\[(]\"([A-Z_]+)\"", text))
    asked |= set(re.findall(r"port\(\"([A-Z_]+)\"", text))
    return {*asked, "DJANGO_SETTINGS_MODULE"}


def documented_variables() -> list[str]:
    text = (ROOT / ".env.example").read_text()
    return re.findall(r"^#?([A-Z_]+)=", text, re.MULTILINE)


def show(*names: str, **changes: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", SHOW, *names],
        env={**PRODUCTION, **changes},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    shown: dict[str, Any] = json.loads(done.stdout)
    return shown


def refused(**changes: str) -> list[str]:
    started = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "check"],
        env={**PRODUCTION, **changes},
        capture_output=True,
        text=True,
    )
    assert started.returncode == 1
    assert "Traceback" not in started.stderr
    return [line[4:] for line in started.stderr.splitlines() if line[:4] == "  - "]


def test_the_example_names_exactly_what_is_read() -> None:
    documented = documented_variables()

    assert sorted(documented) == sorted(set(documented))
    assert set(documented) == read_variables()


def test_the_operations_guide_names_every_setting_of_production() -> None:
    guide = (ROOT / "docs" / "operations.md").read_text()
    local = {"HOST", "PORT", "STRIPE_EMULATOR_PORT", "MAILBOX_PORT", "DEMO"}
    local |= {"DEBUG", "LOG_SQL", "MODELS"}

    assert [name for name in documented_variables() if f"`{name}`" not in guide] == [
        name for name in documented_variables() if name in local
    ]


def settings_made_in(path: Path) -> set[str]:
    """Return the settings that a module assigns, at its top and in its branches."""
    return {
        target.id
        for node in ast.walk(ast.parse(path.read_text()))
        for target in getattr(node, "targets", [getattr(node, "target", None)])
        if isinstance(target, ast.Name) and target.id.isupper()
    }


def test_each_setting_is_made_in_one_module_and_production_has_them_all() -> None:
    modules = [
        path for path in SETTINGS.glob("*.py") if path.stem not in {"dev", "test"}
    ]
    made = Counter(name for path in modules for name in settings_made_in(path))

    assert [name for name, times in made.items() if times > 1] == []
    assert set(made) - set(dir(base)) == set()
    assert len(made) > 140


def test_production_hashes_with_argon2_and_protects_its_cookies() -> None:
    shown = show(
        "DEBUG",
        "PASSWORD_HASHERS",
        "SESSION_COOKIE_SECURE",
        "SESSION_COOKIE_NAME",
        "CSRF_COOKIE_NAME",
        "SECURE_SSL_REDIRECT",
        "SECURE_HSTS_SECONDS",
        "SECURE_SSL_HOST",
        "ALLOWED_HOSTS",
        "INSTALLED_APPS",
    )

    assert shown["DEBUG"] is False
    assert shown["PASSWORD_HASHERS"][0].endswith("Argon2PasswordHasher")
    assert shown["SESSION_COOKIE_SECURE"] is True
    assert shown["SESSION_COOKIE_NAME"] == "__Host-session"
    assert shown["CSRF_COOKIE_NAME"] == "__Host-csrf"
    assert shown["SECURE_SSL_REDIRECT"] is True
    assert shown["SECURE_SSL_HOST"] == "doorstone.example"
    assert shown["SECURE_HSTS_SECONDS"] == 63_072_000
    assert shown["ALLOWED_HOSTS"] == ["doorstone.example", "127.0.0.1", "localhost"]
    assert {"embedded", "demo"} & set(shown["INSTALLED_APPS"]) == set()


def test_urls_are_taken_apart_and_passwords_decoded() -> None:
    shown = show("DATABASES", "EMAIL_HOST_PASSWORD", "EMAIL_USE_TLS", "DIGEST_KEY")

    database = shown["DATABASES"]["default"]
    assert (database["HOST"], database["PORT"]) == ("db.example", "5433")
    assert database["PASSWORD"] == "pass@word"
    assert shown["EMAIL_HOST_PASSWORD"] == "p@ss"
    assert shown["EMAIL_USE_TLS"] is True
    # The oldest key is the pepper, until one of its own is named.
    assert shown["DIGEST_KEY"] == "o" * 40


def test_https_is_believed_only_behind_a_trusted_proxy() -> None:
    assert show("SECURE_PROXY_SSL_HEADER")["SECURE_PROXY_SSL_HEADER"] is None
    assert show("SECURE_PROXY_SSL_HEADER", TRUSTED_PROXIES="1") == {
        "SECURE_PROXY_SSL_HEADER": ["HTTP_X_FORWARDED_PROTO", "https"]
    }


def test_what_browsers_insist_on_can_be_bounded() -> None:
    names = ("SECURE_HSTS_SECONDS", "SECURE_HSTS_INCLUDE_SUBDOMAINS")

    assert show(*names) == dict(zip(names, (63_072_000, True), strict=True))
    assert show(*names, HSTS_SECONDS="300", HSTS_SUBDOMAINS="0") == dict(
        zip(names, (300, False), strict=True)
    )


def test_what_may_be_left_out_may_be_empty_too() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    passed = services["web"]["environment"].items()
    empty = [name for name, value in passed if str(value).endswith(":-}")]

    assert "GITHUB_WEBHOOK_SECRETS" in empty
    # As containers get them when .env does not name them.
    assert show("DIGEST_KEY", **dict.fromkeys(empty, "")) == {"DIGEST_KEY": "o" * 40}


def test_a_secret_may_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{'f' * 40}\n")
    environment = {"SECRET_KEY_FILE": str(tmp_path / "key")}
    without = {k: v for k, v in PRODUCTION.items() if k != "SECRET_KEY"}

    done = subprocess.run(
        [sys.executable, "-c", SHOW, "SECRET_KEY"],
        env={**without, **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )

    assert json.loads(done.stdout) == {"SECRET_KEY": "f" * 40}


def test_production_refuses_development_secrets_and_names_all_problems() -> None:
    found = refused(
        SECRET_KEY="development-only-secret-key",
        FIELD_KEYS="short,development-only-field-key",
        STRIPE_SECRET_KEY="sk_test_doorstone_emulator",
        EMAIL_URL="",
        DATABASE_POOL="maybe",
        OIDC_SERVER_URL="https://login.example",
    )

    assert found == [
        "SECRET_KEY is a development secret: make one of your own.",
        "FIELD_KEYS is shorter than 32 characters.",
        "FIELD_KEYS is a development secret: make one of your own.",
        "DATABASE_POOL=maybe: expected 1 or 0.",
        "OIDC_CLIENT_ID is not set.",
        "OIDC_CLIENT_SECRET is not set.",
        "STRIPE_SECRET_KEY is the emulator's: use Stripe's own.",
        "EMAIL_URL is not set: smtp+tls://user:password@host:587",
    ]


def test_djangos_deployment_checks_pass() -> None:
    done = subprocess.run(
        [
            sys.executable,
            str(ROOT / "manage.py"),
            "check",
            "--deploy",
            "--tag=security",
        ],
        env={**PRODUCTION, "STRIPE_SECRET_KEY": "sk_test_x"},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    assert "WARNINGS" not in done.stderr, done.stderr


def test_the_image_runs_as_nobody_and_the_files_say_they_were_never_built() -> None:
    image = (ROOT / "Dockerfile").read_text()
    compose = (ROOT / "compose.yaml").read_text()

    assert image.index("USER doorstone") < image.index('CMD ["granian"')
    assert "no container engine was there" in image
    assert "no container engine was there" in compose
    assert "no container engine was there" in (ROOT / "docs/operations.md").read_text()


def test_every_service_has_a_health_check_and_secrets_come_as_files() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    running = {name: each for name, each in services.items() if name != "migrate"}

    assert set(running) == {
        "web",
        "gateway",
        "worker",
        "beat",
        "postgres",
        "cache",
        "broker",
    }
    assert all("test" in each["healthcheck"] for each in running.values())
    known = set(documented_variables())
    for name in ("web", "gateway", "worker", "beat"):
        environment = set(services[name]["environment"])
        assert {key.removesuffix("_FILE") for key in environment} <= known
        assert not {"SECRET_KEY", "FIELD_KEYS", "DATABASE_URL"} & environment

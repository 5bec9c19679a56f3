"""The commands whoever runs an installation uses."""

from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core.management import CommandError, call_command

from accounts.models import User
from audit.models import Record
from community.forum.models import Category
from core.crypto import decrypt, encrypt
from inference.catalog.models import Deployment, Model

pytestmark = pytest.mark.django_db


def test_an_empty_installation_gets_its_defaults_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    call_command("ensure_defaults", "--without-stripe")
    made = (Category.objects.count(), Model.objects.count())
    call_command("ensure_defaults", "--without-stripe")

    assert made[0] > 0
    assert made[1] > 0
    assert (Category.objects.count(), Model.objects.count()) == made


def test_a_member_becomes_staff_and_it_is_recorded(person: Callable[..., Any]) -> None:
    ada = person("ada")

    call_command("appoint_staff", "ADA@example.test")

    ada.refresh_from_db()
    entry = Record.objects.get(action="staff.appointed")
    assert (ada.is_staff, ada.second_factor_since is not None) == (True, True)
    assert (entry.target, entry.before) == (ada.public_id, {"is_staff": False})


def test_nobody_becomes_staff_without_signing_up() -> None:
    with pytest.raises(CommandError, match=r"^Nobody signed up"):
        call_command("appoint_staff", "x@example.test")

    assert User.objects.count() == 0


def test_field_keys_are_rotated_and_the_old_one_can_go(
    person: Callable[..., Any], settings: Any
) -> None:
    settings.FIELD_KEYS = ["old" * 20]
    seed = Authenticator.objects.create(
        user=person("ada"), type="totp", data={"secret": encrypt("SEED")}
    )
    call_command("catalog", "ensure", verbosity=0)
    deployment = Deployment.objects.create(
        model=Model.objects.all()[0],
        provider="openai",
        base_url="http://127.0.0.1:1/v1",
        credential=encrypt("sk-upstream"),
    )

    settings.FIELD_KEYS = ["new" * 20, "old" * 20]
    call_command("rotate_field_keys")
    settings.FIELD_KEYS = ["new" * 20]

    seed.refresh_from_db()
    deployment.refresh_from_db()
    assert decrypt(seed.data["secret"]) == "SEED"
    assert decrypt(deployment.credential) == "sk-upstream"


def test_a_rotation_without_the_old_key_changes_nothing(
    person: Callable[..., Any], settings: Any
) -> None:
    settings.FIELD_KEYS = ["old" * 20]
    seed = Authenticator.objects.create(
        user=person("ada"), type="totp", data={"secret": encrypt("SEED")}
    )
    settings.FIELD_KEYS = ["new" * 20]

    with pytest.raises(CommandError, match="not in FIELD_KEYS"):
        call_command("rotate_field_keys")

    settings.FIELD_KEYS = ["old" * 20]
    seed.refresh_from_db()
    assert decrypt(seed.data["secret"]) == "SEED"

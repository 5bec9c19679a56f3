"""A form somebody types into: saved on the way, and shown again."""

from typing import Any

from django.test import Client

from drafts.slots import Slot
from tests.forms import form_of

TYPED = "Four hundred words I will not type again 还有中文。"


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def shown(client: Client, page: str, field: str = "text") -> Any:
    return form_of(client.get(page).content.decode(), field).values[field]


def slot_of(client: Client, page: str, field: str = "text") -> Slot:
    token = form_of(client.get(page).content.decode(), field).values["draft"]
    slot = Slot.read(token)
    assert slot is not None
    return slot


def autosave(client: Client, page: str, field: str = "text", **typed: str) -> Any:
    form = form_of(client.get(page).content.decode(), field)
    values = form.values | typed
    return client.post("/drafts/save/", values | {"slot": values.pop("draft")})

"""A page's forms as a browser without scripts sees and sends them."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from django.test import Client

_TYPED = {"text", "email", "url", "search", "number", "tel", "date", "textarea"}


@dataclass
class Field:
    """One control: its name, kind, value, and the choices of a select."""

    name: str
    kind: str
    value: str = ""
    is_chosen: bool = True
    is_cut: bool = False


@dataclass
class Form:
    """A form with the values the page gave it."""

    method: str
    action: str
    fields: list[Field] = field(default_factory=list)

    def __contains__(self, name: str) -> bool:
        return any(each.name == name for each in self.fields)

    @property
    def takes_text(self) -> bool:
        return any(each.kind in _TYPED for each in self.fields)

    @property
    def values(self) -> dict[str, Any]:
        """Return what a browser would send, many values of a name as a list."""
        sent: dict[str, Any] = {}
        for each in self.fields:
            if not each.is_chosen or not each.name or each.kind == "submit":
                continue
            if each.name in sent:
                present = sent[each.name]
                present = present if isinstance(present, list) else [present]
                sent[each.name] = [*present, each.value]
            else:
                sent[each.name] = each.value
        return sent


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.open: Form | None = None
        self.select: Field | None = None
        self.text: Field | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            method = given.get("method", "get").lower()
            self.open = Form(method, given.get("action", ""))
            self.forms.append(self.open)
        if self.open is None or "form" in given:
            return
        name = given.get("name", "")
        if tag == "input":
            kind = given.get("type", "text")
            is_choice = kind in {"checkbox", "radio"}
            chosen = "checked" in given if is_choice else True
            value = given.get("value", "on" if is_choice else "")
            is_cut = "maxlength" in given
            self.open.fields.append(Field(name, kind, value, chosen, is_cut))
        elif tag == "button":
            self.open.fields.append(Field(name, "submit", given.get("value", "")))
        elif tag == "textarea":
            self.text = Field(name, "textarea", is_cut="maxlength" in given)
            self.open.fields.append(self.text)
        elif tag == "select":
            self.select = Field(name, "select", is_chosen=False)
            self.open.fields.append(self.select)
        elif (
            tag == "option"
            and self.select is not None
            and ("selected" in given or not self.select.is_chosen)
        ):
            self.select.value, self.select.is_chosen = given.get("value", ""), True

    def handle_data(self, data: str) -> None:
        if self.text is not None:
            # The first line break after the tag is markup, not text.
            self.text.value += data if self.text.value else data.removeprefix("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.open = None
        elif tag == "textarea":
            self.text = None
        elif tag == "select":
            self.select = None


def forms_of(html: str) -> list[Form]:
    """Return every form of a page, in order."""
    reader = _Reader()
    reader.feed(html)
    return reader.forms


def form_of(html: str, name: str) -> Form:
    """Return the first form that has a field of this name."""
    return next(form for form in forms_of(html) if name in form)


def send(client: Client, page: str, field: str, **values: Any) -> Any:
    """Open ``page``, fill in its form that has ``field``, and send it."""
    form = form_of(client.get(page).content.decode(), field)
    return client.post(
        form.action or page,
        form.values | values,
        headers={"Referer": f"http://testserver{page}"},
    )


def confirm(client: Client, asked: Any) -> Any:
    """Type the password ``asked`` leads to, and send what waited as its page does."""
    page = client.post(asked["Location"], {"password": "correct horse"}, follow=True)
    return send_waiting(client, page)


def send_waiting(client: Client, page: Any) -> Any:
    """Send the form that a page of ``accounts:send-again`` holds."""
    address = page.context["form"].address
    forms = forms_of(page.content.decode())
    form = next(each for each in forms if each.action == address)
    return client.post(address, form.values)

"""The playground without scripts, against a real gateway."""

import html
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Membership
from accounts.queries import personal_organisation
from accounts.services import add_member, create_organisation
from core.crypto import decrypt
from inference.keys import secrets
from inference.keys.models import ApiKey
from inference.playground.keys import SESSION_KEY, secret_for
from inference.playground.models import Chat, Message
from inference.usage.models import UsageEvent
from tests.factories.inference import offered_model
from tests.fakes.upstream import DONE, Upstream, chunk, events, usage_event
from tests.forms import form_of, send
from tests.inference.gateway.conftest import Gateway, recorded

FORM = {"model": "plain", "prompt": "Say hello.", "system": "Be brief."}
WEATHER = [{"type": "function", "function": {"name": "weather", "parameters": {}}}]


def sent(upstream: Upstream) -> list[tuple[str, Any]]:
    """Return what the model was last asked: roles and contents."""
    messages = upstream.requests[-1]["payload"]["messages"]
    return [(message["role"], message["content"]) for message in messages]


@pytest.mark.django_db
def test_a_visitor_sees_models_and_code(client: Client) -> None:
    offered_model("tiny")
    offered_model("grand")

    html = client.get("/playground/?model=grand").content.decode()
    code = client.post("/playground/code/", {"model": "grand", "prompt": "It's me."})

    assert '<option value="grand" selected>' in html
    text = code.content.decode()
    assert "chat/completions" in text
    assert "It&#x27;" in text or "It&#39;" in text
    assert ApiKey.objects.count() == 0
    assert Chat.objects.count() == 0


@pytest.mark.django_db
def test_a_sample_question_is_one_click_from_being_sent(client: Client) -> None:
    offered_model("other")
    without = client.get("/playground/").content.decode()
    offered_model("doorstone-docs", capabilities=["chat"])
    page = client.get("/playground/", headers={"Accept-Language": "zh-Hans"})
    address = "?model=doorstone-docs&prompt=" + quote("怎么备份数据库？")

    assert "Ask the documentation" not in without
    assert f'href="{html.escape(address)}"' in page.content.decode()
    form = form_of(client.get(f"/playground/{address}").content.decode(), "prompt")
    assert form.values["model"] == "doorstone-docs"
    assert form.values["prompt"] == "怎么备份数据库？"


@pytest.mark.django_db
def test_a_visitor_is_asked_to_sign_in_and_finds_text_and_parameters_again(
    client: Client, person: Callable[..., Any]
) -> None:
    offered_model("plain")
    typed = FORM | {"temperature": "0.3", "top_p": "0.9", "stop": "END", "seed": "7"}

    response = send(client, "/playground/", "prompt", **typed)

    assert response.status_code == 200
    assert "Sign in to send it" in response.content.decode()
    client.force_login(person("ada"))
    form = form_of(client.get("/playground/").content.decode(), "prompt")
    assert {name: form.values[name].strip() for name in typed} == typed
    assert Chat.objects.count() == 0


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("temperature", "9", "less than or equal to 2"),
        ("top_p", "-1", "greater than or equal to 0"),
        ("max_tokens", "0", "greater than or equal to 1"),
        ("seed", "x", "whole number"),
        ("stop", "a\nb\nc\nd\ne", "At most 4 texts"),
        ("tools", "{", "cannot be read as JSON"),
        ("tools", "{}", "has to be a list"),
        ("tools", '[{"type": "function"}]', "Function 1 has to look like"),
        ("tools", json.dumps(WEATHER), "no model on offer can"),
        ("schema", "[]", "has to be an object"),
        ("model_2", "plain", "chosen already"),
        ("is_blind", "on", "takes two models"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_the_text_stays(
    field: str, value: str, words: str, client: Client, ada: Any
) -> None:
    offered_model("plain")

    response = client.post("/playground/", FORM | {field: value})

    assert response.status_code == 422
    assert words in " ".join(response.context["form"].errors[field])
    html = response.content.decode()
    assert f'id="id_{field}_error"' in html
    assert "Say hello." in html
    assert ApiKey.objects.count() == Chat.objects.count() == 0


@pytest.mark.django_db
def test_functions_are_for_the_models_that_take_them(client: Client, ada: Any) -> None:
    offered_model("plain")
    offered_model("able", title="Able", capabilities=["chat", "tools"])

    response = client.post("/playground/", FORM | {"tools": json.dumps(WEATHER)})

    errors = response.context["form"].errors
    assert errors["tools"] == ["Plain cannot do this. These can: Able."]


def test_an_answer_is_kept_rendered_and_priced_and_the_chat_goes_on(
    connected: Gateway, upstream: Upstream, offer: Any, client: Client, ada: Any
) -> None:
    offer(upstream, "plain")

    response = send(client, "/playground/", "prompt", **FORM)

    chat = Chat.objects.get()
    assert response["Location"] == f"/playground/{chat.public_id}/#last"
    assert response["Draft-Accepted"]
    html = client.get(response["Location"]).content.decode()
    assert "Hello there!" in html
    assert "9 tokens in, 3 out" in html
    # 9 at $1 and 3 at $2 per million.
    assert html.count("$0.000015") == 2
    assert sent(upstream) == [("system", "Be brief."), ("user", "Say hello.")]

    send(client, chat.get_absolute_url(), "prompt", prompt="Again.")

    assert sent(upstream) == [
        ("system", "Be brief."),
        ("user", "Say hello."),
        ("assistant", "Hello there!"),
        ("user", "Again."),
    ]
    assert "$0.00003" in client.get(chat.get_absolute_url()).content.decode()
    # One key for the session, however many calls.
    assert ApiKey.objects.get().kind == ApiKey.Kind.PLAYGROUND


def test_every_parameter_reaches_the_model_and_the_code(
    connected: Gateway, upstream: Upstream, offer: Any, client: Client, ada: Any
) -> None:
    offer(upstream, "plain", capabilities=["chat", "tools", "json_schema"])
    typed = FORM | {
        "temperature": "0.5",
        "top_p": "0.9",
        "max_tokens": "50",
        "stop": "END\nFIN",
        "seed": "7",
        "tools": json.dumps(WEATHER),
        "schema": '{"type": "object"}',
    }

    code = client.post("/playground/code/", typed).content.decode()
    answer = client.post("/playground/", typed)

    payload = upstream.requests[-1]["payload"]
    assert payload["temperature"] == 0.5
    assert payload["top_p"] == 0.9
    assert payload["max_tokens"] == 50
    assert payload["stop"] == ["END", "FIN"]
    assert payload["seed"] == 7
    assert payload["tools"] == WEATHER
    schema = {"name": "answer", "schema": {"type": "object"}, "strict": True}
    assert payload["response_format"] == {"type": "json_schema", "json_schema": schema}
    message = Message.objects.get(role="assistant")
    address = f"/playground/{message.chat.public_id}/code/{message.pk}/"
    kept = client.get(address).content.decode()
    for name in ("top_p", "seed", "response_format", "weather", "FIN"):
        assert name in code
        assert name in kept
    # The form goes on as it was set.
    form = form_of(client.get(answer["Location"]).content.decode(), "prompt")
    assert form.values["seed"] == "7"
    assert form.values["stop"].split() == ["END", "FIN"]
    assert json.loads(form.values["tools"]) == WEATHER


def test_a_function_is_called_and_its_result_is_sent_back(
    connected: Gateway, upstream: Upstream, offer: Any, client: Client, ada: Any
) -> None:
    call = {"id": "call_7", "function": {"name": "weather", "arguments": '{"ci'}}
    rest = {"function": {"arguments": 'ty": "上海"}'}}
    pieces = [
        b"data: "
        + json.dumps(
            {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, **part}]}}]}
        ).encode()
        + b"\n\n"
        for part in (call, rest)
    ]
    upstream.scripts["plain"] = events(
        *pieces, chunk(finish="tool_calls"), usage_event(), DONE
    )
    offer(upstream, "plain", capabilities=["chat", "tools"])

    answer = client.post("/playground/", FORM | {"tools": json.dumps(WEATHER)})

    html = client.get(answer["Location"]).content.decode()
    assert "上海" in html
    assert "weather" in html
    del upstream.scripts["plain"]
    send(client, answer["Location"].partition("#")[0], "result_0", result_0="21 °C")
    messages = upstream.requests[-1]["payload"]["messages"]
    assert messages[2]["tool_calls"][0]["function"]["arguments"] == '{"city": "上海"}'
    assert messages[3] == {"role": "tool", "tool_call_id": "call_7", "content": "21 °C"}
    assert upstream.requests[-1]["payload"]["tools"] == WEATHER
    html = client.get(answer["Location"]).content.decode()
    assert "21 °C" in html
    assert "Hello there!" in html


def test_a_premium_model_is_refused_in_plain_words_and_asked_once_more(
    connected: Gateway, upstream: Upstream, offer: Any, client: Client, ada: Any
) -> None:
    offer(upstream, "plain", edition="premium")

    answer = client.post("/playground/", FORM)

    html = client.get(answer["Location"]).content.decode()
    assert "is a premium model that your plan does not include" in html
    assert "See the plans" in html
    assert "Say hello." in html
    assert upstream.requests == []
    offer(upstream, "plain")
    failed = Message.objects.get(role="assistant")
    address = f"/playground/{failed.chat.public_id}/retry/"
    client.post(address, {"answer": failed.pk})
    assert "Hello there!" in client.get(answer["Location"]).content.decode()
    # It brought something now, so it was paid for.
    assert client.post(address, {"answer": failed.pk}).status_code == 409


@pytest.mark.django_db
def test_an_unreachable_gateway_is_said_in_plain_words(
    client: Client, ada: Any, settings: Any
) -> None:
    settings.SITE_URL = "http://127.0.0.1:9"
    offered_model("plain")

    answer = client.post("/playground/", FORM)

    html = client.get(answer["Location"]).content.decode()
    assert "The gateway could not be reached." in html
    assert "Say hello." in html


@pytest.mark.parametrize("behaviour", ["plain", "cut", "late-error", "status-500"])
def test_what_an_answer_cost_is_what_the_ledger_says(
    behaviour: str,
    connected: Gateway,
    upstream: Upstream,
    offer: Any,
    client: Client,
    ada: Any,
) -> None:
    offer(upstream, behaviour)

    answer = client.post("/playground/", FORM | {"model": behaviour})

    (event,) = recorded()
    message = Message.objects.select_related("usage").get(role="assistant")
    assert message.usage_id == event.request_id
    html = client.get(answer["Location"]).content.decode()
    shown = client.get(answer["Location"]).context["said"].last.shown[0]
    assert shown.price_nano == event.price_nano
    assert (event.price_nano > 0) == (behaviour != "status-500")
    assert (message.state == "done") == (behaviour == "plain")
    assert ("Hello" in message.content) == (behaviour != "status-500")
    assert f"{event.tokens_in} tokens in, {event.tokens_out} out" in html


def test_up_to_four_models_answer_beside_one_another(
    connected: Gateway, upstream: Upstream, offer: Any, client: Client, ada: Any
) -> None:
    for name in ("plain", "paced", "split", "status-500"):
        offer(upstream, name)
    form = FORM | {"model_2": "paced", "model_3": "split", "model_4": "status-500"}

    answer = client.post("/playground/", form)

    assert answer.status_code == 302
    html = client.get(answer["Location"]).content.decode()
    chat = Chat.objects.get()
    assert chat.columns == ["plain", "paced", "split", "status-500"]
    assert "你好世界" in html
    assert html.count("9 tokens in, 3 out") == 3
    send(client, chat.get_absolute_url(), "prompt", prompt="Again.")
    asked = {each["payload"]["model"]: each["payload"] for each in upstream.requests}
    # Each hears itself alone, and a failed answer is as if it had not been asked.
    heard = {
        name: [m["content"] for m in asked[name]["messages"][1:]] for name in asked
    }
    assert heard["split"] == ["Say hello.", "你好世界", "Again."]
    assert heard["status-500"] == ["Again."]


@pytest.mark.django_db
def test_a_form_that_is_sent_twice_makes_one_chat(client: Client, ada: Any) -> None:
    offered_model("plain")
    form = form_of(client.get("/playground/").content.decode(), "prompt")
    values = form.values | FORM | {"live": "1"}

    first, second = (client.post("/playground/", values) for _ in range(2))

    assert first["Location"] == second["Location"]
    assert Message.objects.count() == 2


@pytest.mark.django_db
def test_the_key_is_kept_encrypted_and_used_again(client: Client, ada: Any) -> None:
    organisation = personal_organisation(ada)
    session = client.session

    secret = secret_for(session, organisation, user=ada)

    assert secret_for(session, organisation, user=ada) == secret
    kept = dict(session.items())
    assert secret not in json.dumps(kept)
    (held,) = kept[SESSION_KEY].values()
    assert decrypt(held["secret"]) == secret
    assert ApiKey.objects.get().digest == secrets.digest(secret)


@pytest.mark.django_db
@pytest.mark.parametrize("field", ["expires_at", "revoked_at"])
def test_a_key_that_ended_is_renewed(field: str, client: Client, ada: Any) -> None:
    organisation = personal_organisation(ada)
    session = client.session
    first = secret_for(session, organisation, user=ada)
    ApiKey.objects.update(**{field: timezone.now() + timedelta(minutes=1)})

    assert secret_for(session, organisation, user=ada) != first
    assert ApiKey.objects.count() == 2


@pytest.mark.django_db
def test_who_only_pays_the_bills_calls_for_nobody(
    client: Client, ada: Any, person: Callable[..., Any]
) -> None:
    offered_model("plain")
    team = create_organisation("Northwind", owner=person("erin"))
    add_member(team, user=ada, role=Membership.Role.BILLING)

    answer = client.post("/playground/", FORM | {"organisation": "northwind"})

    assert answer.status_code == 422
    assert Chat.objects.count() == UsageEvent.objects.count() == 0

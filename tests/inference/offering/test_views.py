"""Staff offer a model, look after it and take it off the list, without a shell."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.db import ProgrammingError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.queries import personal_organisation
from audit.models import Record
from drafts.services import typed
from inference.catalog import defaults
from inference.catalog import services as catalog
from inference.catalog.models import CompatibilityCard, Deployment, Model
from inference.offering.forms import REQUIRED_RATES
from inference.providers.keyring import keys_of
from tests.factories.inference import RATES, offered_model, used
from tests.fakes.compatible import Compatible, running_compatible

pytestmark = pytest.mark.django_db
NEW = "/staff/models/new/"
DEAREST = {"price_in": "0.5", "price_out": "1.5", "cost_in": "0.2", "cost_out": "0.6"}


@pytest.fixture
def staff(client: Client, person: Callable[..., Any]) -> Client:
    user = person("staff", is_staff=True)
    EmailAddress.objects.create(
        user=user, email=user.email, verified=True, primary=True
    )
    client.post("/accounts/login/", {"login": user.email, "password": "correct horse"})
    return client


def added(staff: Client, server: Compatible, **fields: str) -> Model:
    """Have a server's model added by the form, and return it."""
    sent = {
        "kind": "vllm",
        "address": server.origin,
        "edition": "open",
        **DEAREST,
        **fields,
    }
    with running_compatible(server):
        answer = staff.post(NEW, sent)
    assert answer.status_code == 302, answer.context["form"].errors
    return Model.objects.get()


def page_of(model: Model) -> str:
    return f"/staff/models/{model.pk}/"


def records() -> Any:
    return Record.objects.filter(action__regex="^(model|deployment|price)")


def actions() -> list[str]:
    return list(records().order_by("pk").values_list("action", flat=True))


@pytest.mark.parametrize("name", ["qwen2.5-7b", "vendor/Model-2:free", "a@b.c:8"])
def test_a_name_that_real_models_have_works_on_every_page(
    staff: Client, name: str
) -> None:
    server = Compatible(models=[{"id": "tiny", "max_model_len": 32_768}], key="k-1")

    model = added(staff, server, name=name, secret="k-1")
    assert staff.post(f"{page_of(model)}publish/").status_code == 302

    assert (model.slug, model.context_tokens) == (name, 32_768)
    paths = [
        *("/staff/models/", page_of(model), f"{page_of(model)}edit/"),
        *(f"{page_of(model)}price/", f"{page_of(model)}deployment/"),
        *("/models/", model.get_absolute_url(), "/playground/", "/"),
        *("/api/v1/models/", f"/api/v1/models/{name}/", f"/search/?q={name}"),
    ]
    for path in paths:
        answer = staff.get(path)
        assert answer.status_code == 200, path
    shown = staff.get(f"/api/v1/models/{name}/").json()
    assert shown["id"] == name
    assert actions() == ["model.created", "model.published"]


def test_what_was_found_out_is_kept_as_a_card(staff: Client) -> None:
    model = added(staff, Compatible(tells_usage=False, tools=True))

    card = CompatibilityCard.objects.get()
    found = {row["check"]: row["outcome"] for row in card.findings}
    assert found == {
        "chat": "passed",
        "usage": "missing",
        "stream": "passed",
        "stream_usage": "missing",
        "maximum": "passed",
        "stop": "passed",
        "tools": "passed",
    }
    assert model.capabilities == ["chat", "streaming", "tools"]
    page = staff.get(page_of(model)).content.decode()
    assert "It does not report what a call used" in page
    assert "It calls a function." in page


def test_a_server_that_writes_on_is_told_of(staff: Client) -> None:
    added(staff, Compatible(stops=False, keeps_maximum=False))

    found = {row["check"]: row for row in CompatibilityCard.objects.get().findings}
    assert found["maximum"]["outcome"] == "missing"
    assert found["stop"]["outcome"] == "missing"
    assert found["tools"]["outcome"] == "empty"


def test_a_server_that_cannot_run_it_writes_nothing_and_keeps_what_was_typed(
    staff: Client,
) -> None:
    with running_compatible(Compatible(key="right")) as server:
        sent = {
            "kind": "vllm",
            "address": server.origin,
            "secret": "sk-wrong-and-long",
            "name": "vendor/mine",
            "edition": "open",
            **DEAREST,
        }
        answer = staff.post(NEW, sent)

    page = answer.content.decode()
    assert answer.status_code == 422
    assert "refused the key (401" in page
    assert "vendor/mine" in page
    assert "sk-wrong-and-long" not in page
    assert not Model.objects.exists()
    assert actions() == []


@pytest.mark.parametrize(
    ("road", "found"),
    [
        ({"rerank": {"results": [{"index": 1, "relevance_score": 0.9}]}}, "rerank"),
        ({"moderations": {"results": [{"flagged": False}]}}, "moderation"),
    ],
)
def test_what_only_ranks_or_judges_is_offered_without_a_shell(
    staff: Client, road: dict[str, Any], found: str
) -> None:
    model = added(staff, Compatible(chats=False, judges=road))

    assert model.capabilities == [found]
    form = staff.get(f"{page_of(model)}edit/").context["form"]
    assert found in {name for name, _ in form.fields["capabilities"].choices}
    assert staff.post(f"{page_of(model)}publish/").status_code == 302
    model.refresh_from_db()
    assert (model.status, model.writes) == ("active", False)


def test_an_empty_ranking_is_no_reason_to_offer_a_model(staff: Client) -> None:
    server = Compatible(chats=False, judges={"rerank": {"results": []}})

    with running_compatible(server):
        answer = staff.post(
            NEW,
            {"kind": "vllm", "address": server.origin, "edition": "open", **DEAREST},
        )

    assert "Its ranking holds no document." in answer.content.decode()
    assert not Model.objects.exists()


def test_a_key_goes_where_the_server_looks_for_it(staff: Client) -> None:
    server = Compatible(key="sk-upstream-one", key_header="x-api-key")
    sent = {"secret": server.key, "key_header": "x-api-key"}

    model = added(staff, server, **sent)

    place = model.deployments.get()
    assert place.options == {"key_header": "x-api-key"}
    assert set(server.keys) == {server.key}


def test_all_that_a_deployment_needs_is_chosen_and_taken_back_in_the_browser(
    staff: Client,
) -> None:
    model = added(staff, Compatible())
    place = model.deployments.get()
    address = f"/staff/models/deployments/{place.pk}/"
    shown = staff.get(address).context["form"]
    values = {name: shown[name].value() for name in shown.fields}
    usual = {
        name: value
        for name, value in values.items()
        if value is not None and value is not False
    }
    chosen = {
        "key_header": "x-api-key",
        "max_tokens_field": "max_completion_tokens",
        "speaks": ["messages", "responses"],
        "accepts": "ignore_eos\nmin_tokens",
        "affinity": "prefix",
        "sums": "metrics",
    }

    assert staff.post(address, {**usual, **chosen}).status_code == 302
    place.refresh_from_db()
    kept = place.options
    again = staff.get(address).context["form"]
    bound = {name: again[name].value() for name in chosen}
    told = records().latest("pk").after["options"]
    assert staff.post(address, {**usual, "accepts": ""}).status_code == 302
    place.refresh_from_db()

    assert kept == {**chosen, "accepts": ["ignore_eos", "min_tokens"]}
    assert bound == {**chosen, "accepts": "ignore_eos\nmin_tokens"}
    assert "speaks: messages, responses" in told
    assert place.options == {}


def test_a_field_that_would_change_what_a_call_costs_is_never_let_through(
    staff: Client,
) -> None:
    place = added(staff, Compatible()).deployments.get()
    address = f"/staff/models/deployments/{place.pk}/"

    answer = staff.post(
        address, {"base_url": place.base_url, "accepts": "n_predict\nignore_eos"}
    )

    assert "n_predict is never passed on" in str(answer.context["form"].errors)
    place.refresh_from_db()
    assert place.options == {}


def test_a_name_in_use_is_refused_beside_the_field(staff: Client) -> None:
    offered_model("tiny")
    with running_compatible(Compatible()) as server:
        answer = staff.post(
            NEW,
            {"kind": "vllm", "address": server.origin, "edition": "open", **DEAREST},
        )

    assert answer.status_code == 422
    assert "name" in answer.context["form"].errors


def test_a_key_is_replaced_kept_and_taken_away_and_never_shown(staff: Client) -> None:
    model = added(staff, Compatible(key="sk-first-secret"), secret="sk-first-secret")
    place = Deployment.objects.get()
    url = f"/staff/models/deployments/{place.pk}/"

    form = staff.get(url).context["form"]
    assert "sk-first-secret" not in staff.get(url).content.decode()
    kept = {
        name: form[name].value()
        for name in form.fields
        if name not in {"secret", "forget_secret"} and form[name].value() is not None
    }
    staff.post(url, {**kept, "secret": " sk-second-secret  sk-third "})
    place.refresh_from_db()
    assert keys_of(place.credential) == ("sk-second-secret", "sk-third")

    staff.post(url, {**kept, "weight": "3"})
    place.refresh_from_db()
    assert keys_of(place.credential) == ("sk-second-secret", "sk-third")
    assert place.weight == 3

    # At another address the key of the first is not sent.
    staff.post(url, {**kept, "base_url": "http://127.0.0.1:9/v1"})
    place.refresh_from_db()
    assert place.credential == ""

    assert actions()[1:] == [
        "deployment.key_replaced",
        "deployment.changed",
        "deployment.changed",
    ]
    told = str(list(records().values("before", "after")))
    assert "sk-" not in told
    assert "sk-" not in staff.get(page_of(model)).content.decode()


def test_a_deployment_is_tried_again_and_the_card_is_replaced(staff: Client) -> None:
    server = Compatible()
    added(staff, server)
    place = Deployment.objects.get()
    test = f"/staff/models/deployments/{place.pk}/test/"

    # It is down now.
    answer = staff.post(test, follow=True)
    assert "could not be reached" in answer.content.decode()
    assert CompatibilityCard.objects.get().error

    server.limit = "max_completion_tokens"
    with running_compatible(server):
        staff.post(test)
    card = CompatibilityCard.objects.get()
    place.refresh_from_db()
    assert card.error == ""
    assert place.options == {"max_tokens_field": "max_completion_tokens"}
    assert actions()[-2:] == ["deployment.tested", "deployment.tested"]


def test_a_changed_deployment_is_one_that_nobody_tried(staff: Client) -> None:
    added(staff, Compatible())
    place = Deployment.objects.get()

    catalog.update_deployment(place, weight=2)
    assert CompatibilityCard.objects.exists()
    catalog.update_deployment(place, upstream_model="other")
    assert not CompatibilityCard.objects.exists()


def test_a_model_without_a_deployment_in_use_is_not_published(staff: Client) -> None:
    model = offered_model("tiny", status="draft")
    model.deployments.update(is_enabled=False)

    answer = staff.post(f"{page_of(model)}publish/", follow=True)

    model.refresh_from_db()
    assert model.status == "draft"
    assert "published once it has a price" in answer.content.decode()
    assert actions() == []


def test_a_model_is_retired_with_its_keys(staff: Client) -> None:
    model = added(staff, Compatible(key="k"), secret="k")
    staff.post(f"{page_of(model)}publish/")

    staff.post(f"{page_of(model)}retire/")

    model.refresh_from_db()
    assert model.status == "retired"
    assert not Deployment.objects.exists()
    assert model.prices.count() == 1
    assert staff.get(model.get_absolute_url()).status_code == 404
    assert actions() == ["model.created", "model.published", "model.retired"]


def test_a_price_is_set_for_a_day_to_come_and_withdrawn(staff: Client) -> None:
    model = offered_model("tiny")
    day = timezone.localtime() + timedelta(days=2)
    rates = {
        **dict.fromkeys(catalog.Rates.__dataclass_fields__, "2.5"),
        "valid_from": f"{day:%Y-%m-%dT%H:%M}",
    }

    assert staff.post(f"{page_of(model)}price/", rates).status_code == 302

    first, second = model.prices.order_by("valid_from")
    assert first.valid_to == second.valid_from
    assert second.price_in == 2_500_000_000
    assert second.has_not_begun
    staff.post(f"/staff/models/prices/{second.pk}/withdraw/")
    first.refresh_from_db()
    assert model.prices.count() == 1
    assert first.valid_to is None


def test_parts_have_prices_of_their_own_from_a_day_on(staff: Client) -> None:
    model = offered_model("tiny")
    ordinary = dict.fromkeys(REQUIRED_RATES, "1")
    own = {"price_reasoning_out": "3.25", "cost_reasoning_out": "0.5"}

    assert staff.post(f"{page_of(model)}price/", ordinary | own).status_code == 302

    price = model.prices.get(valid_to=None)
    assert price.price_reasoning_out == 3_250_000_000
    assert price.price_audio_in is None
    page = staff.get(page_of(model)).content.decode()
    assert "With prices of their own:" in page
    assert "Thoughts sell for $3.25" in page
    assert "Audio in sells for" not in page


def test_parts_are_out_of_the_way_until_one_has_a_price(staff: Client) -> None:
    model = offered_model("tiny")
    url = f"{page_of(model)}price/"
    assert not staff.get(url).context["form"].shows_parts

    wrong = staff.post(url, {"price_audio_in": "-1"})

    assert wrong.context["form"].shows_parts
    assert "<details open>" in wrong.content.decode()
    assert model.prices.count() == 1


def test_a_price_that_has_begun_is_not_withdrawn(staff: Client) -> None:
    price = offered_model("tiny").prices.get()

    staff.post(f"/staff/models/prices/{price.pk}/withdraw/")

    assert type(price).objects.filter(pk=price.pk).exists()
    # The database holds it, too.
    with pytest.raises(ProgrammingError, match="Cannot delete"):
        type(price).objects.filter(pk=price.pk).delete()


def test_a_price_in_the_past_is_refused(staff: Client) -> None:
    model = offered_model("tiny")
    rates = dict.fromkeys(catalog.Rates.__dataclass_fields__, "1")

    answer = staff.post(
        f"{page_of(model)}price/", {**rates, "valid_from": "2020-01-01T00:00"}
    )

    assert answer.status_code == 422
    assert model.prices.count() == 1


def test_what_is_said_of_a_model_changes_with_a_record_of_both(staff: Client) -> None:
    model = offered_model("tiny")
    url = f"{page_of(model)}edit/"
    form = staff.get(url).context["form"]
    sent = {name: form[name].value() or "" for name in form.fields}

    wrong = staff.post(url, {**sent, "max_output_tokens": 9_000})
    right = staff.post(url, {**sent, "title": "Tinier", "context_tokens": 9_000})

    assert wrong.status_code == 422
    assert right.status_code == 302
    model.refresh_from_db()
    assert (model.title, model.context_tokens) == ("Tinier", 9_000)
    record = records().get()
    assert record.before == {"title": "Tiny", "context_tokens": 8_000}
    assert record.after == {"title": "Tinier", "context_tokens": 9_000}


def test_what_staff_changed_of_a_model_that_comes_along_stays(staff: Client) -> None:
    first, second = defaults.ensure_default_models()
    catalog.update_model(first, title="Ours")
    catalog.set_price(first, RATES)
    catalog.retire(second)

    defaults.ensure_default_models()

    first.refresh_from_db()
    second.refresh_from_db()
    assert first.title == "Ours"
    assert first.prices.count() == 2
    assert second.status == "retired"


def test_the_list_tells_the_margin_and_asks_as_often_for_many(
    staff: Client, person: Callable[..., Any]
) -> None:
    team = personal_organisation(person("ada"))
    offered_model("tiny")
    used(team, price_nano=3_000_000_000, cost_nano=1_000_000_000)
    staff.get("/staff/models/")

    with CaptureQueriesContext(connection) as few:
        page = staff.get("/staff/models/").content.decode()
    for number in range(5):
        offered_model(f"other-{number}")
    with CaptureQueriesContext(connection) as many:
        staff.get("/staff/models/")

    assert "$2.00" in page
    assert len(many) == len(few)


def test_a_key_waits_nowhere_while_somebody_confirms_who_they_are(
    client: Client, person: Callable[..., Any]
) -> None:
    # Signed in, but not lately, as far as the session tells.
    client.force_login(person("staff", is_staff=True))
    sent = {"kind": "vllm", "address": "http://x", "secret": "sk-in-flight"}

    shown = client.get(NEW)
    answer = client.post(NEW, {**sent, "edition": "open", "draft": "", **DEAREST})

    assert shown["Location"].startswith("/accounts/reauthenticate/")
    assert answer["Location"] == NEW
    assert "sk-in-flight" not in str(dict(client.session))


def test_a_key_is_in_no_draft() -> None:
    sent = {"address": ["http://x"], "secret": ["sk-x"], "forget_secret": ["on"]}

    assert typed(sent) == {"address": ["http://x"]}


def test_members_see_none_of_it(client: Client, person: Callable[..., Any]) -> None:
    client.force_login(person("ada"))

    assert client.get("/staff/models/").status_code == 403
    assert client.post(NEW, {}).status_code == 403

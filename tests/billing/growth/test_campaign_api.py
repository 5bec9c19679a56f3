"""Campaigns over REST, as a program of staff writes, runs and reads them."""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Organisation
from accounts.tokens import create_token
from analytics.services import save_report
from audit.models import Record
from billing.growth.models import Campaign, Decision, Enrolment, Offer
from tests.billing.growth.conftest import make_offer
from tests.factories.campaigns import campaign_of, offer_step, wait
from tests.races import together
from tests.signing_in import record_sign_in
from tests.sweep.values import JSON

pytestmark = pytest.mark.django_db
Person = Callable[..., Any]
SCOPES = ("read", "campaigns:write")
SEGMENT = "steps=1&s0=page_viewed&s0least=2"


@pytest.fixture(autouse=True)
def _own_read_side(settings: Any, tmp_path: Path, catalogue: None) -> None:
    settings.ANALYTICS_DIR = tmp_path / "analytics"
    settings.SECOND_FACTOR_REQUIRED = False


@pytest.fixture
def boss(person: Person) -> Any:
    return person("boss", is_staff=True)


@pytest.fixture
def offers(catalogue: None) -> None:
    make_offer("talk")
    make_offer("more")


class Program:
    """What calls the REST API with the token of a person."""

    def __init__(self, user: Any, scopes: tuple[str, ...] = SCOPES) -> None:
        self.client = Client()
        self.secret = create_token(user, name="CI", scopes=list(scopes))[1]

    def __call__(
        self, method: str, path: str, body: Any = None, *, language: str = "en"
    ) -> Any:
        return self.client.generic(
            method,
            f"/api/v1/campaigns/{path}",
            data="" if body is None else json.dumps(body),
            content_type="application/json",
            headers={
                "authorization": f"Bearer {self.secret}",
                "accept-language": language,
            },
        )


@pytest.fixture
def program(boss: Any) -> Program:
    return Program(boss)


def a_body(**fields: Any) -> dict[str, Any]:
    return {
        "key": "win_back",
        "purpose": "Who helps buys. 帮助他人者会购买。",
        "moment": "third_answer",
        "steps": [
            {"kind": "offer", "offer": "talk", "surface": "console"},
            {"kind": "wait", "hours": 48},
            {"kind": "condition", "condition": "unaccepted"},
            {"kind": "offer", "offer": "more"},
        ],
        **fields,
    }


def test_a_campaign_is_written_read_and_written_again(
    program: Program, offers: None, boss: Any
) -> None:
    made = program("POST", "", a_body(starts_on="2028-02-29"))

    assert made.status_code == 201
    read = program("GET", "win_back/").json()
    assert made.json() == read
    assert read["steps"][0] == {
        "kind": "offer",
        "hours": None,
        "offer": "talk",
        "surface": "console",
        "condition": "",
    }
    assert [each["kind"] for each in read["steps"]] == [
        *("offer", "wait", "condition", "offer")
    ]
    assert (read["state"], read["version"], read["starts_on"]) == (
        *("draft", 1),
        "2028-02-29",
    )
    # What was read can be sent back as it is, with what changes.
    names = ("moment", "goal", "holdout_percent", "starts_on", "ends_on", "steps")
    again = {name: read[name] for name in (*names, "version")}
    changed = program("PUT", "win_back/", {**again, "purpose": "More of them buy."})
    assert changed.status_code == 200
    assert changed.json() == {**read, "purpose": "More of them buy.", "version": 2}
    acts = Record.objects.filter(action__startswith="campaign.").order_by("pk")
    assert [(each.action, each.actor) for each in acts] == [
        ("campaign.created", boss),
        ("campaign.changed", boss),
    ]


def test_a_segment_is_taken_as_it_is_and_kept(
    program: Program, offers: None, boss: Any
) -> None:
    report = save_report("segment", name="读者", query=SEGMENT, by=boss)
    program("POST", "", a_body(segment=report.public_id, moment=""))
    body = a_body(version=1, moment="")
    del body["key"]

    kept = program("PUT", "win_back/", body)
    away = program("PUT", "win_back/", {**body, "version": 2, "segment": None})

    assert kept.json()["segment_name"] == "读者"
    assert Campaign.objects.get().segment_query == SEGMENT
    # Without a moment it would be for nobody.
    assert away.status_code == 400
    assert list(away.json()["errors"]) == ["segment"]
    moved = {**body, "version": 2, "segment": None, "moment": "leaving"}
    assert program("PUT", "win_back/", moved).json()["segment_name"] == ""


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"colour": "red"}, ("colour",)),
        ({"moment": ""}, ("segment",)),
        ({"moment": "campaign"}, ("moment",)),
        ({"segment": "no-such"}, ("segment",)),
        ({"holdout_percent": 4}, ("holdout_percent",)),
        ({"holdout_percent": 51}, ("holdout_percent",)),
        ({"key": "No Such"}, ("key",)),
        ({"key": "new"}, ("key",)),
        ({"purpose": ""}, ("purpose",)),
        ({"purpose": "说" * 301}, ("purpose",)),
        ({"starts_on": "2027-02-29"}, ("starts_on",)),
        ({"starts_on": "2030-02-02", "ends_on": "2030-02-01"}, ("ends_on",)),
        ({"steps": []}, ("steps",)),
        ({"steps": [{"kind": "wait", "hours": 1}]}, ("steps", "0", "kind")),
        ({"steps": [{"kind": "wait", "hours": 0}]}, ("steps", "0", "hours")),
        ({"steps": [{"kind": "wait"}] * 9}, ("steps",)),
        ({"steps": [{"kind": "offer"}]}, ("steps", "0", "offer")),
        ({"steps": [{"kind": "offer", "offer": "gone"}]}, ("steps", "0", "offer")),
        (
            {"steps": [{"kind": "offer", "offer": "talk", "surface": "mail"}]},
            ("steps", "0", "surface"),
        ),
        (
            {
                "steps": [
                    {"kind": "offer", "offer": "talk"},
                    {"kind": "wait", "hours": 2, "offer": "talk"},
                ]
            },
            ("steps", "1", "offer"),
        ),
    ],
)
def test_what_cannot_be_is_named_where_it_stands(
    program: Program, offers: None, change: dict[str, Any], place: tuple[Any, ...]
) -> None:
    answer = program("POST", "", a_body(**change))

    assert answer.status_code == 400
    said = answer.json()["errors"]
    for name in place:
        said = said[name]
    assert said
    assert not Campaign.objects.exists()


def test_a_refusal_speaks_the_callers_language(program: Program, offers: None) -> None:
    answer = program("POST", "", a_body(moment=""), language="zh-hans")

    (said,) = answer.json()["errors"]["segment"]
    assert said["message"] == "请选择分群或时机，也可两者都选。"


def test_an_offer_that_was_retired_cannot_be_in_what_is_written(
    program: Program, offers: None
) -> None:
    make_offer("old", state="retired")

    answer = program("POST", "", a_body(steps=[{"kind": "offer", "offer": "old"}]))

    assert list(answer.json()["errors"]["steps"]["0"]) == ["offer"]


def test_a_campaign_is_run_from_start_to_stop(
    program: Program, offers: None, person: Person
) -> None:
    program("POST", "", a_body())

    def after(method: str, path: str) -> tuple[int, Any]:
        answer = program(method, f"win_back/{path}/")
        said = answer.json()
        return answer.status_code, said.get("code") or (
            said["state"],
            said["is_paused"],
        )

    assert after("PUT", "pause") == (409, "campaign_not_running")
    assert after("POST", "stop") == (409, "campaign_not_running")
    assert after("POST", "start") == (200, ("running", False))
    assert after("POST", "start") == (409, "campaign_begun")
    assert after("PUT", "pause") == (200, ("running", True))
    assert after("PUT", "pause") == (200, ("running", True))
    assert after("DELETE", "pause") == (200, ("running", False))
    assert after("DELETE", "pause") == (200, ("running", False))
    body = a_body(version=1, purpose="Late.")
    del body["key"]
    assert program("PUT", "win_back/", body).json()["code"] == "campaign_begun"
    assert after("POST", "stop") == (200, ("stopped", False))
    assert after("DELETE", "pause") == (409, "campaign_not_running")
    assert "Late." not in Campaign.objects.get().purpose


def test_a_list_has_its_pages_and_costs_as_many_queries_for_more(
    program: Program, offers: None
) -> None:
    talk = Offer.objects.get(key="talk")
    for number in range(31):
        campaign_of(
            offer_step(talk), wait(1), key=f"c{number}", is_started=number % 2 == 1
        )

    with CaptureQueriesContext(connection) as many:
        first = program("GET", "").json()
    rest = program("GET", f"?cursor={first['next']}").json()
    drafts = program("GET", "?state=draft").json()["results"]
    with CaptureQueriesContext(connection) as few:
        program("GET", f"?cursor={first['next']}")

    assert (len(first["results"]), len(rest["results"])) == (30, 1)
    assert [each["key"] for each in rest["results"]] == ["c0"]
    assert len(drafts) == 16
    assert len(many) == len(few)
    assert program("GET", "?status=draft").status_code == 400
    assert program("GET", "?state=paused").status_code == 400


def test_the_audience_of_a_draft_is_counted(
    program: Program, offers: None, boss: Any
) -> None:
    program("POST", "", a_body())
    organisation = Organisation.objects.get(owner=boss)
    Decision.objects.create(
        moment="third_answer",
        organisation=organisation,
        user=boss,
        occasion="1",
        reason="no_offer",
        propensity=1,
        uniform=0,
    )

    found = program("GET", "win_back/audience/").json()

    assert (found["units"], found["refusing"]) == (1, 0)
    assert found["reachable"] == 1 - found["held_out"]


def test_the_results_are_those_of_the_page(
    program: Program, offers: None, boss: Any, client: Client
) -> None:
    talk = Offer.objects.get(key="talk")
    campaign = campaign_of(offer_step(talk), wait(3))
    Enrolment.objects.create(
        campaign=campaign,
        organisation=Organisation.objects.get(owner=boss),
        ended_at=timezone.now(),
        ended_as="unsubscribed",
    )

    found = program("GET", "welcome/results/").json()

    client.force_login(boss)
    record_sign_in(client, boss)
    page = client.get(reverse("growth:campaign", args=["welcome"])).context["figures"]
    assert (found["entered"], found["going"]) == (page.entered, page.going) == (1, 0)
    assert found["ends"] == [{"end": "unsubscribed", "count": 1}]
    assert [(each["kind"], each["offer"]) for each in found["steps"]] == [
        ("offer", "talk"),
        ("wait", None),
    ]
    # Nobody is kept out yet, so there is nobody to compare with.
    assert found["lift"] is None
    assert found["is_split_wrong"] is False


@pytest.mark.parametrize("path", ["", "win_back/", "win_back/results/"])
def test_nobody_but_staff_reads_them(
    offers: None, person: Person, boss: Any, path: str
) -> None:
    Program(boss)("POST", "", a_body())

    assert Program(person("ada"))("GET", path).status_code == 403
    assert Program(person("mod", is_moderator=True))("GET", path).status_code == 403
    assert Program(boss, ("read",))("GET", path).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", ""),
        ("PUT", "win_back/"),
        ("POST", "win_back/start/"),
        ("PUT", "win_back/pause/"),
        ("DELETE", "win_back/pause/"),
        ("POST", "win_back/stop/"),
    ],
)
def test_a_token_without_the_scope_changes_nothing(
    offers: None, boss: Any, method: str, path: str
) -> None:
    Program(boss)("POST", "", a_body())
    reader = Program(boss, ("read", "forum:write", "keys:write", "referrals:write"))

    assert reader(method, path, a_body(key="other")).status_code == 403
    assert [each.state for each in Campaign.objects.all()] == ["draft"]


def test_nothing_odd_in_a_body_is_an_error_of_ours(
    program: Program, offers: None
) -> None:
    body = a_body(segment=None, starts_on="2028-02-29", ends_on="2028-03-31")
    places: list[tuple[Any, ...]] = [(name,) for name in body]
    places += [
        ("steps", number, name)
        for number, step in enumerate(body["steps"])
        for name in step
    ]
    answered = set()

    for place in places:
        for odd in JSON:
            sent = deepcopy(body)
            inside: Any = sent
            for name in place[:-1]:
                inside = inside[name]
            inside[place[-1]] = odd
            answer = program("POST", "", sent)
            answered.add(answer.status_code)
            Campaign.objects.all().delete()

    assert answered == {201, 400}


@pytest.mark.django_db(transaction=True)
def test_of_two_who_change_what_both_read_one_is_told(
    program: Program, offers: None
) -> None:
    program("POST", "", a_body())

    def change(words: str) -> int:
        body = a_body(version=1, purpose=words)
        del body["key"]
        return int(program("PUT", "win_back/", body).status_code)

    came = together(lambda: change("Hers."), lambda: change("His."))

    assert sorted(came) == [200, 409]
    campaign = Campaign.objects.get()
    assert campaign.version == 2
    assert campaign.purpose == ("Hers." if came[0] == 200 else "His.")
    assert campaign.steps.count() == 4


@pytest.mark.django_db(transaction=True)
def test_of_two_who_take_the_same_name_one_has_it(
    program: Program, offers: None
) -> None:
    came = together(*[lambda: program("POST", "", a_body())] * 4)

    refused = [each for each in came if each.status_code != 201]
    assert len(refused) == 3
    assert all(each.status_code in {400, 409} for each in refused)
    assert Campaign.objects.get().steps.count() == 4

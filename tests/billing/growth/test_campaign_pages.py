"""Staff write a campaign, see whom it reaches, start it and read what came of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from analytics.services import replace_report, save_report
from audit.models import Record
from billing.growth.campaigns import editing
from billing.growth.exceptions import CampaignBegun, CampaignNotRunning
from billing.growth.models import Campaign, CampaignStep, Enrolment
from tests.billing.growth.conftest import make_offer
from tests.factories.campaigns import campaign_of, offer_step, wait
from tests.forms import form_of
from tests.races import together
from tests.signing_in import record_sign_in

pytestmark = pytest.mark.django_db
Person = Callable[..., Any]
SEGMENT = "steps=1&s0=page_viewed&s0least=2"


@pytest.fixture(autouse=True)
def _own_read_side(settings: Any, tmp_path: Path, catalogue: None) -> None:
    settings.ANALYTICS_DIR = tmp_path / "analytics"
    settings.SECOND_FACTOR_REQUIRED = False


@pytest.fixture
def boss(person: Person) -> Any:
    return person("boss", is_staff=True)


@pytest.fixture
def desk(client: Client, boss: Any) -> Client:
    client.force_login(boss)
    record_sign_in(client, boss)
    return client


def typed(**fields: Any) -> dict[str, str]:
    """Return what is typed into the editor: an offer, two days, another offer."""
    values = {
        "key": "win_back",
        "purpose": "Who helps buys.",
        "moment": "third_answer",
        "goal": "payment",
        "holdout_percent": "20",
        "step_1_kind": "offer",
        "step_1_offer": "talk",
        "step_1_surface": "console",
        # An empty row between two is no step.
        "step_3_kind": "wait",
        "step_3_hours": "48",
        "step_4_kind": "condition",
        "step_4_condition": "unaccepted",
        "step_5_kind": "offer",
        "step_5_offer": "more",
    }
    return {**values, **{name: str(value) for name, value in fields.items()}}


def steps_of(campaign: Campaign) -> list[tuple[Any, ...]]:
    return [
        (
            *(step.rank, step.kind, step.offer.key if step.offer else None),
            *(step.surface, step.hours, step.condition),
        )
        for step in campaign.steps.select_related("offer").order_by("rank")
    ]


def test_staff_write_a_campaign_and_see_it_in_both_languages(desk: Client) -> None:
    make_offer("talk")
    make_offer("more")

    page = desk.get(reverse("growth:campaign-new"))
    form = form_of(page.content.decode(), "purpose")
    answer = desk.post(reverse("growth:campaign-new"), form.values | typed())

    campaign = Campaign.objects.get()
    assert answer["Location"] == reverse("growth:campaign", args=["win_back"])
    assert answer["Draft-Accepted"]
    assert campaign.state == "draft"
    assert steps_of(campaign) == [
        (1, "offer", "talk", "console", 0, ""),
        (2, "wait", None, "", 48, ""),
        (3, "condition", None, "", 0, "unaccepted"),
        (4, "offer", "more", "", 0, ""),
    ]
    shown = desk.get(answer["Location"])
    text = shown.content.decode()
    assert text.count("Title") >= 2
    assert text.count("标题") >= 2
    assert shown.context["audience"].units == 0
    assert Record.objects.get(action="campaign.created").target == "win_back"


def test_a_segment_is_kept_as_it_was_chosen(desk: Client, boss: Any) -> None:
    make_offer("talk")
    make_offer("more")
    report = save_report("segment", name="Readers", query=SEGMENT, by=boss)
    desk.post(
        reverse("growth:campaign-new"), typed(segment=report.public_id, moment="")
    )

    replace_report(report, query="steps=1&s0=searched", by=boss)
    page = desk.get(reverse("growth:campaign-edit", args=["win_back"]))
    form = form_of(page.content.decode(), "purpose")
    desk.post(reverse("growth:campaign-edit", args=["win_back"]), form.values)

    campaign = Campaign.objects.get()
    assert (campaign.segment_name, campaign.segment_query) == ("Readers", SEGMENT)
    assert form.values["segment"] == "kept"
    assert len(steps_of(campaign)) == 4


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"moment": ""}, "segment"),
        ({"moment": "campaign"}, "moment"),
        ({"holdout_percent": "0"}, "holdout_percent"),
        ({"holdout_percent": "51"}, "holdout_percent"),
        ({"step_3_hours": ""}, "step_3_hours"),
        ({"step_3_hours": "9999"}, "step_3_hours"),
        ({"step_1_offer": ""}, "step_1_offer"),
        ({"step_1_surface": "mail"}, "step_1_surface"),
        ({"step_4_condition": ""}, "step_4_condition"),
        ({"step_2_hours": "3"}, "step_2_kind"),
        ({"starts_on": "2030-02-02", "ends_on": "2030-02-01"}, "ends_on"),
        ({"key": "No Such"}, "key"),
        ({"step_1_kind": "", "step_1_offer": "", "step_5_kind": ""}, "step_1_kind"),
    ],
)
def test_what_cannot_be_is_named_and_nothing_typed_is_lost(
    desk: Client, change: dict[str, str], field: str
) -> None:
    make_offer("talk")
    make_offer("more")

    answer = desk.post(reverse("growth:campaign-new"), typed(**change))

    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    form = form_of(answer.content.decode(), "purpose")
    assert form.values["purpose"] == "Who helps buys."
    assert form.values["step_5_offer"] == "more"
    assert not Campaign.objects.exists()


def test_a_campaign_is_started_paused_resumed_and_ended(desk: Client) -> None:
    campaign = campaign_of(offer_step(make_offer("talk")), is_started=False)
    address = reverse("growth:campaign-state", args=[campaign.key])

    def after(act: str) -> tuple[str, bool]:
        desk.post(address, {"act": act})
        campaign.refresh_from_db()
        return campaign.state, campaign.is_paused

    assert after("pause") == ("draft", False)
    assert after("start") == ("running", False)
    assert after("pause") == ("running", True)
    assert "Paused" in desk.get(reverse("growth:campaign-list")).content.decode()
    assert after("resume") == ("running", False)
    assert after("start") == ("running", False)
    Enrolment.objects.create(campaign=campaign, organisation=_an_organisation(desk))
    assert after("stop") == ("stopped", False)
    assert after("resume") == ("stopped", False)
    assert Enrolment.objects.get().ended_as == "stopped"
    acts = Record.objects.filter(action__startswith="campaign.").order_by("pk")
    assert [each.action for each in acts] == [
        f"campaign.{act}" for act in ("started", "paused", "resumed", "stopped")
    ]


def _an_organisation(desk: Client) -> Any:
    from accounts.models import Organisation

    return Organisation.objects.order_by("pk").first()


def test_what_was_started_is_not_written_any_more(desk: Client, boss: Any) -> None:
    talk = make_offer("talk")
    make_offer("more")
    campaign = campaign_of(offer_step(talk), key="win_back")
    address = reverse("growth:campaign-edit", args=[campaign.key])

    assert desk.get(address).status_code == 302
    assert desk.post(address, typed()).status_code == 302
    assert len(steps_of(campaign)) == 1
    with pytest.raises(CampaignBegun):
        editing.save_campaign(
            campaign, steps=[CampaignStep(kind="wait", hours=1)], by=boss
        )
    with pytest.raises(CampaignBegun):
        editing.start_campaign(campaign, by=boss)
    editing.stop_campaign(campaign, by=boss)
    with pytest.raises(CampaignNotRunning):
        editing.stop_campaign(campaign, by=boss)


def test_a_last_day_that_is_over_starts_nothing(desk: Client) -> None:
    campaign = campaign_of(wait(1), is_started=False, ends_on="2020-01-01")

    page = desk.post(
        reverse("growth:campaign-state", args=[campaign.key]),
        {"act": "start"},
        follow=True,
    )

    assert "The last day is over already" in page.content.decode()
    campaign.refresh_from_db()
    assert campaign.state == "draft"


def test_the_result_is_read_in_both_languages(desk: Client, person: Person) -> None:
    campaign = campaign_of(offer_step(make_offer("talk")), wait(3))
    Enrolment.objects.create(
        campaign=campaign,
        organisation=_an_organisation(desk),
        ended_at=timezone.now(),
        ended_as="unsubscribed",
    )
    address = reverse("growth:campaign", args=[campaign.key])

    english = desk.get(address, headers={"Accept-Language": "en"}).content.decode()
    chinese = desk.get(address, headers={"Accept-Language": "zh-hans"}).content.decode()

    assert "Wants no offers any more" in english
    assert "Wait 3 hours" in english
    assert "不再接收优惠" in chinese
    assert "等待 3 小时" in chinese


def test_the_moment_of_campaigns_leads_to_them_and_no_experiment_takes_it(
    desk: Client,
) -> None:
    page = desk.get(reverse("growth:moment", args=["campaign"]))

    assert page["Location"] == reverse("growth:campaign-list")
    form = desk.get(reverse("growth:experiment-new")).context["form"]
    assert "campaign" not in [value for value, _label in form["moment"].field.choices]


@pytest.mark.django_db(transaction=True)
def test_a_campaign_that_is_started_while_it_is_written_stays_whole(
    boss: Any,
) -> None:
    campaign = campaign_of(wait(1), is_started=False)

    def write() -> None:
        editing.save_campaign(
            campaign,
            steps=[CampaignStep(kind="wait", hours=hours) for hours in (2, 3)],
            by=boss,
        )

    came = together(
        *[lambda: editing.start_campaign(campaign, by=boss)] * 2, write, write
    )

    started = [each for each in came[:2] if each is None]
    assert len(started) == 1
    hours = [step[4] for step in steps_of(campaign)]
    written = [each for each in came[2:] if not isinstance(each, Exception)]
    assert hours == ([2, 3] if written else [1])
    assert all(each is None or isinstance(each, CampaignBegun) for each in came)

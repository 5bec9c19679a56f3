"""What two of the staff write at once: nothing is lost, and nobody sees an error."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from billing.growth import editing
from billing.growth.campaigns.editing import save_campaign
from billing.growth.exceptions import ChangedMeanwhile, KeyTaken
from billing.growth.forms import OfferForm
from billing.growth.models import Campaign, Experiment, Offer, Policy
from billing.growth.moments import Moment
from tests.billing.growth.conftest import WORDS, make_offer, put_in_force
from tests.factories.campaigns import campaign_of, offer_step
from tests.forms import form_of
from tests.races import together
from tests.signing_in import record_sign_in

pytestmark = pytest.mark.django_db(transaction=True)
Person = Callable[..., Any]
MOMENT = Moment.THIRD_ANSWER
NOTHING: dict[str, Any] = {"credit_nano": 0, "cost_nano": 0, "budget_nano": None}


@pytest.fixture(autouse=True)
def _one_factor(settings: Any, catalogue: None) -> None:
    settings.SECOND_FACTOR_REQUIRED = False


@pytest.fixture
def boss(person: Person) -> Any:
    return person("boss", is_staff=True)


@pytest.fixture
def desk(client: Client, boss: Any) -> Client:
    client.force_login(boss)
    record_sign_in(client, boss)
    return client


def an_offer(key: str = "new_one") -> Offer:
    return Offer(key=key, kind=Offer.Kind.TALK, surfaces=["console"], **WORDS)


def test_what_was_retired_while_it_was_written_stays_retired(boss: Any) -> None:
    make_offer("talk")
    # Read by a colleague's request, a moment before.
    read = Offer.objects.get(key="talk")
    editing.set_offer_state(Offer.objects.get(key="talk"), Offer.State.RETIRED, by=boss)
    read.title_en = "Better"

    editing.save_offer(read, by=boss, amounts=NOTHING)

    written = Offer.objects.get(key="talk")
    assert (written.state, written.title_en) == (Offer.State.RETIRED, "Better")


def test_two_versions_of_a_policy_at_once_have_two_numbers(boss: Any) -> None:
    talk = make_offer("talk")
    put_in_force(MOMENT, talk)

    def replace() -> Policy:
        return editing.replace_policy(
            MOMENT,
            by=boss,
            mode="rules",
            floor=0.05,
            least_margin_nano=None,
            offers=[talk],
        )

    came = together(*[replace] * 4)

    assert sorted(each.version for each in came) == [2, 3, 4, 5]
    in_force = Policy.objects.get(moment=MOMENT, retired_at=None)
    assert in_force.version == 5
    assert in_force.entries.count() == 1


def test_the_first_policies_of_a_moment_at_once_have_two_numbers(boss: Any) -> None:
    talk = make_offer("talk")
    Policy.objects.filter(moment=MOMENT).delete()

    def replace() -> Policy:
        return editing.replace_policy(
            MOMENT,
            by=boss,
            mode="rules",
            floor=0.05,
            least_margin_nano=-(10**18),
            offers=[talk],
        )

    came = together(*[replace] * 3)

    assert sorted(each.version for each in came) == [1, 2, 3]


@pytest.mark.parametrize(
    "write",
    [
        lambda boss: editing.save_offer(an_offer(), by=boss, amounts=NOTHING),
        lambda boss: editing.create_experiment(
            Experiment(
                key="new_one",
                moment=MOMENT,
                hypothesis="x",
                smallest=0.01,
                planned=100,
            ),
            by=boss,
            variants=[("control", None)],
        ),
    ],
)
def test_of_several_who_take_a_name_one_has_it(
    boss: Any, write: Callable[[Any], Any]
) -> None:
    came = together(*[lambda: write(boss)] * 4)

    refused = [each for each in came if isinstance(each, Exception)]
    assert len(refused) == 3
    assert all(isinstance(each, KeyTaken) for each in refused)


def test_an_offer_somebody_else_has_saved_is_not_replaced_unseen(
    desk: Client, boss: Any
) -> None:
    talk = make_offer("talk")
    address = reverse("growth:offer-edit", args=["talk"])
    form = form_of(desk.get(address).content.decode(), "title_en")
    editing.save_offer(talk, by=boss, amounts=NOTHING)

    answer = desk.post(address, form.values | {"title_en": "Mine"})
    page = answer.content.decode()

    assert answer.status_code == 422
    assert "A colleague has saved another version meanwhile" in page
    assert Offer.objects.get(key="talk").title_en == "Title"
    # What was typed is there, and saving again replaces what was seen now.
    again = form_of(page, "title_en")
    assert again.values["title_en"] == "Mine"
    assert desk.post(address, again.values).status_code == 302
    assert Offer.objects.get(key="talk").title_en == "Mine"


def test_a_campaign_somebody_else_has_saved_is_not_replaced_unseen(
    desk: Client, boss: Any
) -> None:
    campaign = campaign_of(offer_step(make_offer("talk")), is_started=False)
    address = reverse("growth:campaign-edit", args=[campaign.key])
    form = form_of(desk.get(address).content.decode(), "purpose")
    desk.post(address, form.values | {"purpose": "Hers."})

    answer = desk.post(address, form.values | {"purpose": "His."})
    page = answer.content.decode()

    assert answer.status_code == 422
    assert Campaign.objects.get().purpose == "Hers."
    again = form_of(page, "purpose")
    assert again.values["purpose"] == "His."
    assert desk.post(address, again.values).status_code == 302
    assert Campaign.objects.get().purpose == "His."
    with pytest.raises(ChangedMeanwhile):
        save_campaign(campaign, steps=[], by=boss, version=1)


def test_a_line_break_is_one_character_of_a_text() -> None:
    # Browsers send two.
    text = "\r\n".join(["字" * 99] * 3)
    form = OfferForm({"body_en": text, "body_zh": text + "\r\n字"})

    form.is_valid()

    assert "body_en" not in form.errors
    assert "body_zh" in form.errors
    assert len(form.cleaned_data["body_en"]) == 299

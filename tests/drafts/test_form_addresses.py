"""The address a form is sent to, opened by hand, leads to the form's page."""

from typing import Any

import pytest
from django.test import Client

from tests.drafts.every_page import addresses, enter, numbered

pytestmark = pytest.mark.django_db
# Addresses that answer programs, or a page's own script: nobody opens them by hand.
FOR_PROGRAMS = {
    "/hooks/": "webhooks",
    "/api/": "the REST API",
    "/v1/": "the gateway",
    "/accounts/2fa/webauthn/": "the page's script asks here",
}
# There is no job 1 here, so its page is not there either.
NOTHING_THERE = {
    # Nor a tag of that name.
    "/forum/tag/x/watch/",
    "/staff/operations/jobs/N/retry/",
    "/staff/operations/jobs/N/ignore/",
    # Nor a report, an offer, an experiment or a campaign of that name.
    "/staff/offers/campaigns/pro/state/",
    *("/staff/analytics/reports/key/replace/", "/staff/analytics/reports/key/delete/"),
    *("/staff/analytics/reports/key/watch/", "/staff/analytics/dashboards/key/mail/"),
    "/staff/analytics/dashboards/key/tiles/",
    "/staff/analytics/dashboards/key/tiles/N/",
    "/staff/analytics/dashboards/key/delete/",
    *("/staff/conversion/price-lab/N/replay/", "/staff/conversion/price-lab/N/drop/"),
    *("/staff/offers/all/pro/state/", "/staff/offers/experiments/pro/state/"),
    # Who changes a plan or reads a transcript is of the organisation: staff are not.
    "/console/northwind/billing/change/drop/",
    "/console/northwind/transcripts/req/delete/",
}
BROWSER = {"accept": "text/html,application/xhtml+xml", "sec-fetch-mode": "navigate"}


def test_whoever_opens_the_address_of_a_form_comes_to_its_page(
    people: dict[str, Any], samples: dict[str, str]
) -> None:
    client = enter("superuser", people)
    refused, lost = [], {}

    for address in dict.fromkeys(addresses(samples)):
        if client.get(address).status_code != 405:
            continue
        refused.append(address)
        answer = client.get(address, headers=BROWSER, follow=True)
        if answer.status_code != 200 and not address.startswith(tuple(FOR_PROGRAMS)):
            lost[address] = (answer.status_code, answer.redirect_chain)

    assert "/console/northwind/keys/create/" in refused
    assert "/language/" in refused
    assert f"/forum/t/{samples['topic']}/reply/" in refused
    assert set(map(numbered, lost)) == NOTHING_THERE, lost


def test_a_script_that_asks_wrongly_is_still_told_so(client: Client) -> None:
    browser = {"accept": "text/html"}

    assert client.get("/theme/", headers={"accept": "*/*"}).status_code == 405
    assert (
        client.get("/theme/", headers=browser | {"hx-request": "true"}).status_code
        == 405
    )
    assert (
        client.get("/theme/", headers=browser | {"sec-fetch-mode": "cors"}).status_code
        == 405
    )
    assert client.post("/forum/", headers=browser).status_code in {403, 405}

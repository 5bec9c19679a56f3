import re
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest
from django.conf import settings
from django.test import Client

from community.docs.models import Version
from community.forum import services
from inference.catalog.models import Model
from tests.factories import forum, inference

Person = Callable[..., Any]
pytestmark = pytest.mark.django_db
LOC = "{http://www.sitemaps.org/schemas/sitemap/0.9}loc"


def locations(client: Client, url: str) -> list[str]:
    """Return the paths a sitemap names."""
    response = client.get(url)
    assert response.status_code == 200
    root = ElementTree.fromstring(response.content)  # noqa: S314 - our own answer
    host = "http://testserver"
    return [(loc.text or "").removeprefix(host) for loc in root.iter(LOC)]


def test_the_sitemap_leads_to_pages_everybody_may_read(
    client: Client, person: Person
) -> None:
    mod = person("mod", is_staff=True)
    shown = forum.topic(mod, title="怎样轮换密钥 key?")
    secret = forum.topic(mod, category=forum.category("staff"))
    members = forum.topic(mod, category=forum.category("members"))
    hidden = forum.topic(mod)
    services.hide_post(hidden.posts.get(number=1), by=mod, reason="Spam")
    inference.offered_model("tiny")
    Model.objects.filter(pk=inference.offered_model("gone").pk).update(status="retired")

    sections = locations(client, "/sitemap.xml")
    assert "/sitemap-topics.xml" in sections
    found = [path for section in sections for path in locations(client, section)]

    assert f"/forum/t/{shown.pk}-" in " ".join(found)
    # As the protocol has it: a reader of site maps need not know other addresses.
    assert all(path.isascii() for path in found)
    for topic in (secret, members, hidden):
        assert f"/forum/t/{topic.pk}-" not in " ".join(found)
    assert secret.category.get_absolute_url() not in found
    assert "/models/tiny/" in found
    assert "/models/gone/" not in found
    for path in found:
        assert client.get(path, follow=True).status_code == 200, path


def assert_named_once(client: Client, page: str) -> None:
    """Check that a page says what its one address is, and what it is about."""
    head = client.get(f"{page}?utm_source=news", follow=True).text.split("</head>")[0]
    addresses = re.findall(r'<link rel="canonical" href="([^"]*)">', head)
    about = re.findall(r'<meta name="description" content="([^"]*)">', head)

    assert addresses == [f"{settings.SITE_URL}{page}"], page
    assert [len(words) >= 10 for words in about] == [True], page


@pytest.mark.parametrize(
    "page",
    [
        *("/forum/", "/forum/ideas/", "/models/", "/pricing/", "/docs/", "/badges/"),
        *("/contributors/", "/playground/", "/playground/ranking/", "/api/docs/"),
    ],
)
def test_a_list_has_one_address_and_says_what_it_is_about(
    page: str, client: Client
) -> None:
    Version.objects.create(slug="1.0", label="1.0", status="stable", is_default=True)

    assert_named_once(client, page)


def test_every_page_of_the_sitemap_has_one_address_and_says_what_it_is_about(
    client: Client, person: Person
) -> None:
    Version.objects.create(slug="1.0", label="1.0", status="stable", is_default=True)
    ada = person("ada", bio="I count what others wrote.")
    forum.topic(ada, category=forum.category(slug="help"), text="It does not say how.")
    inference.offered_model("tiny")
    found = [
        path
        for section in locations(client, "/sitemap.xml")
        for path in locations(client, section)
    ]

    for path in (*found, ada.get_absolute_url()):
        assert_named_once(client, path)
    assert len(found) >= 9


def test_robots_name_the_sitemap_and_keep_out_of_the_console(client: Client) -> None:
    response = client.get("/robots.txt")

    assert response["Content-Type"] == "text/plain; charset=utf-8"
    lines = response.content.decode().splitlines()
    assert lines[0] == "User-agent: *"
    assert "Disallow: /console/" in lines
    assert lines[-1] == f"Sitemap: {settings.SITE_URL}/sitemap.xml"

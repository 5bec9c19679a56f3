import json
import smtplib
import urllib.error
import urllib.request
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from embedded.mailbox import Mailbox
from tests.fakes.servers import free_ports

SECRET = "known-to-the-owner"


class Post:
    """A mailbox under test and the ways into it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.smtp, self.http = free_ports(2)
        self.mailbox = Mailbox(
            folder,
            host="127.0.0.1",
            smtp_port=self.smtp,
            port=self.http,
            secret=SECRET,
        )
        self.mailbox.start()

    def send(self, to: str, subject: str, text: str, html: str = "") -> None:
        message = EmailMessage()
        message["From"], message["To"] = "Doorstone <hello@doorstone.test>", to
        message["Subject"] = subject
        message.set_content(text)
        if html:
            message.add_alternative(html, subtype="html")
        with smtplib.SMTP("127.0.0.1", self.smtp) as connection:
            connection.login("doorstone", SECRET)
            connection.send_message(message)

    def get(
        self, path: str, language: str = "en", *, secret: str = f"/{SECRET}"
    ) -> tuple[str, dict[str, str]]:
        asked = urllib.request.Request(
            f"http://127.0.0.1:{self.http}{secret}{path}",
            headers={"Accept-Language": language},
        )
        with urllib.request.urlopen(asked) as answer:  # noqa: S310 - http, above
            return answer.read().decode(), dict(answer.headers)

    def listed(self, query: str = "") -> list[dict[str, Any]]:
        mails: list[dict[str, Any]] = json.loads(self.get(f"/api/messages{query}")[0])
        return mails


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    running = Post(tmp_path)
    yield running
    running.mailbox.stop()


def test_a_mail_is_caught_and_its_link_can_be_followed(post: Post) -> None:
    post.send("ada@example.test", "确认邮箱", "Open http://127.0.0.1:1/confirm/abc")

    page, _ = post.get("/mail/1")

    assert "确认邮箱" in page
    assert '<a href="http://127.0.0.1:1/confirm/abc">' in page


def test_mails_are_listed_newest_first_and_by_recipient(post: Post) -> None:
    post.send("ada@example.test", "First", "one")
    post.send("ben@example.test", "Second", "two")
    post.send("ada@example.test", "Third", "three")

    everything = post.listed()
    adas = post.listed("?to=ADA@example.test")

    assert [mail["subject"] for mail in everything] == ["Third", "Second", "First"]
    assert [mail["text"].strip() for mail in adas] == ["three", "one"]


def test_a_mail_cannot_run_scripts_in_the_page(post: Post) -> None:
    html = "<script>alert(1)</script><p>Hello</p>"
    post.send("ada@example.test", "<script>x</script>", "Hello", html)

    listed, _ = post.get("/")
    _, headers = post.get("/mail/1/html")

    assert "<script>" not in listed
    assert headers["Content-Security-Policy"].startswith("sandbox;")
    assert "default-src 'none'" in headers["Content-Security-Policy"]


def test_an_empty_mailbox_says_what_to_do(post: Post) -> None:
    assert "No mail yet. Sign up, and one arrives." in post.get("/")[0]


def test_a_mail_that_is_not_there_is_a_404(post: Post) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        post.get("/mail/9")

    with refused.value as answer:
        assert answer.code == 404


def test_mails_survive_a_restart(tmp_path: Path) -> None:
    first = Post(tmp_path)
    first.send("ada@example.test", "Kept", "still here")
    first.mailbox.stop()

    second = Post(tmp_path)
    kept = second.listed()
    second.mailbox.stop()

    assert [(mail["id"], mail["subject"]) for mail in kept] == [(1, "Kept")]


def test_the_mailbox_speaks_chinese_to_whoever_reads_it_first(post: Post) -> None:
    before, _headers = post.get("/", "fr, zh-CN;q=0.9, en;q=0.8")
    post.send("ada@demo.test", "Hello", "Read this.", "<p>Read this.</p>")
    listed, _headers = post.get("/?to=ada@demo.test", "zh-Hans")
    shown, _headers = post.get("/mail/1", "zh")
    english, _headers = post.get("/", "en, zh;q=0.5")

    assert '<html lang="zh-Hans">' in before
    assert "还没有邮件。注册后就会收到一封。" in before
    assert "本机发送给 ada@demo.test 的所有邮件，均不会离开本机。" in listed
    assert "<h2>HTML 版本</h2>" in shown
    assert "Every mail this machine sent. Nothing leaves it." in english


@pytest.mark.parametrize("secret", ["", "/wrong", "/known", f"/{SECRET}x"])
@pytest.mark.parametrize("path", ["/", "/mail/1", "/mail/1/html", "/api/messages"])
def test_without_the_secret_nobody_reads_a_mail(
    post: Post, path: str, secret: str
) -> None:
    post.send("ada@example.test", "Reset", "http://127.0.0.1/reset/abc", "<p>abc</p>")

    with pytest.raises(urllib.error.HTTPError) as refused:
        post.get(path, secret=secret)

    with refused.value as answer:
        page = answer.read().decode()
    assert answer.code == 404
    assert "Open the address that make run printed" in page
    assert "abc" not in page
    assert SECRET not in page


def test_without_the_secret_nobody_sends_a_mail(post: Post) -> None:
    message = EmailMessage()
    message["From"], message["To"] = "mallory@example.test", "ada@example.test"
    with smtplib.SMTP("127.0.0.1", post.smtp) as connection:
        with pytest.raises(smtplib.SMTPAuthenticationError):
            connection.login("doorstone", "guessed")
        with pytest.raises(smtplib.SMTPSenderRefused):
            connection.send_message(message)

    assert post.listed() == []


def test_a_link_in_a_mail_carries_no_secret_away(post: Post) -> None:
    post.send("ada@example.test", "Hello", "http://elsewhere.test/")

    _page, headers = post.get("/mail/1")

    assert headers["Referrer-Policy"] == "no-referrer"

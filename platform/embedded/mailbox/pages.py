"""The mail catcher's pages: small enough to be strings."""

import re
from collections.abc import Sequence
from html import escape
from pathlib import Path

from embedded.mailbox.mails import Mail

STYLE = (Path(__file__).parent / "style.css").read_text()
_LINK = re.compile(r"https?://[^\s<>\"']+")
CHINESE = {
    "Mailbox": "邮箱",
    "Every mail this machine sent. Nothing leaves it.": (
        "本机发送的所有邮件，均不会离开本机。"
    ),
    "Every mail to {recipient} this machine sent. Nothing leaves it.": (
        "本机发送给 {recipient} 的所有邮件，均不会离开本机。"
    ),
    "No mail yet. Sign up, and one arrives.": "还没有邮件。注册后就会收到一封。",
    "As HTML": "HTML 版本",
    "Not here": "不存在",
    "There is no such mail": "没有这封邮件",
    "Open the address that make run printed: it holds this mailbox's key.": (
        "请打开 make run 打印的地址，其中包含此邮箱的密钥。"
    ),
}


class Reader:
    """A developer who looks at mail, and the language they read."""

    def __init__(self, accept_language: str, secret: str = "") -> None:
        self.root = f"/{secret}"
        wanted = [part.split(";")[0].strip() for part in accept_language.split(",")]
        spoken = [name for name in wanted if name[:2].lower() in {"en", "zh"}]
        self.reads_chinese = bool(spoken) and spoken[0][:2].lower() == "zh"

    def say(self, sentence: str, **values: str) -> str:
        text = CHINESE[sentence] if self.reads_chinese else sentence
        return escape(text.format(**values))

    def page(self, title: str, body: str) -> str:
        language = "zh-Hans" if self.reads_chinese else "en"
        return (
            f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{escape(title)} · Doorstone</title>"
            f'<link rel="stylesheet" href="{self.root}/style.css"></head>'
            f"<body><main>{body}</main></body></html>"
        )


def index(mails: "Sequence[Mail]", recipient: str, reader: Reader) -> str:
    rows = "".join(
        f'<li><a href="{reader.root}/mail/{mail.number}"><strong>{escape(mail.subject)}</strong>'
        f'<span class="soft">{escape(", ".join(mail.recipients))}</span>'
        f'<time class="soft">{mail.received_at:%H:%M:%S}</time></a></li>'
        for mail in mails
    )
    every = (
        "Every mail to {recipient} this machine sent. Nothing leaves it."
        if recipient
        else "Every mail this machine sent. Nothing leaves it."
    )
    note = reader.say(every, recipient=recipient)
    none = reader.say("No mail yet. Sign up, and one arrives.")
    body = f"<ul>{rows}</ul>" if rows else f"<p>{none}</p>"
    return reader.page(
        reader.say("Mailbox"),
        f'<h1>{reader.say("Mailbox")}</h1><p class="soft">{note}</p>{body}',
    )


def detail(mail: "Mail", reader: Reader) -> str:
    text = _LINK.sub(
        lambda found: f'<a href="{found[0]}">{found[0]}</a>', escape(mail.body("plain"))
    )
    as_html = reader.say("As HTML")
    frame = (
        f"<h2>{as_html}</h2><iframe sandbox"
        f' src="{reader.root}/mail/{mail.number}/html" title="{as_html}"></iframe>'
        if mail.body("html")
        else ""
    )
    return reader.page(
        mail.subject,
        f'<p><a href="{reader.root}/">{reader.say("Mailbox")}</a></p>'
        f"<h1>{escape(mail.subject)}</h1>"
        f'<p class="soft">{escape(mail.sender)} → {escape(", ".join(mail.recipients))}, '
        f"{mail.received_at:%Y-%m-%d %H:%M:%S} UTC</p><pre>{text}</pre>{frame}",
    )


def missing(reader: Reader) -> str:
    return reader.page(
        reader.say("Not here"),
        f"<h1>{reader.say('There is no such mail')}</h1>"
        f'<p><a href="{reader.root}/">{reader.say("Mailbox")}</a></p>',
    )


def closed(reader: Reader) -> str:
    """The page for a visitor without the secret; it does not tell it."""
    stranger = Reader("zh" if reader.reads_chinese else "en", "closed")
    sentence = "Open the address that make run printed: it holds this mailbox's key."
    return stranger.page(stranger.say("Not here"), f"<h1>{stranger.say(sentence)}</h1>")

"""What the style guide shows the components with."""

from dataclasses import dataclass
from datetime import timedelta

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from design import markdown
from edge.pagination import CursorPage

_SWATCHES = (
    "bg",
    "bg-2",
    "inset",
    "border",
    "text",
    "text-2",
    "brand",
    "open",
    "premium",
    "success",
    "warn",
    "danger",
    "info",
)
_CODE = """from openai import OpenAI

client = OpenAI(base_url="https://doorstone.example/v1")  # one line changes
stream = client.chat.completions.create(
    model="doorstone-docs",
    messages=[{"role": "user", "content": "How do I rotate a key?"}],
    stream=True,
)
for chunk in stream:
    print(chunk.choices[0].delta.content or "", end="")
"""
_FIRST_CALLS = {
    "curl": """curl SITE/v1/chat/completions \\
  -H "Authorization: Bearer $DOORSTONE_API_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{"model": "doorstone-docs", "messages":
       [{"role": "user", "content": "How do I stream?"}]}'
""",
    "python": """from openai import OpenAI

client = OpenAI(base_url="SITE/v1", api_key=DOORSTONE_API_KEY)
answer = client.chat.completions.create(
    model="doorstone-docs",
    messages=[{"role": "user", "content": "How do I stream?"}],
)
print(answer.choices[0].message.content)
""",
    "javascript": """import OpenAI from "openai";

const client = new OpenAI({ baseURL: "SITE/v1", apiKey: DOORSTONE_API_KEY });
const answer = await client.chat.completions.create({
  model: "doorstone-docs",
  messages: [{ role: "user", content: "How do I stream?" }],
});
console.log(answer.choices[0].message.content);
""",
}
_PROSE = f"""## A heading

Prose with **strong**, *emphasis*, `code`, a [link](/docs/) and @ada.
中文与 English 混排，**重点：**后面照常。Inline math: $a^2 + b^2 = c^2$.

> A quotation from another person.

- [x] a task that is done
- [ ] one that is not

| Model | Price per 1M tokens |
|---|--:|
| doorstone-docs | $0.10 |

```python
{_CODE}```
"""


def api_examples(site_url: str) -> dict[str, str]:
    """Return the first call to the API in three languages."""
    return {name: text.replace("SITE", site_url) for name, text in _FIRST_CALLS.items()}


class SampleForm(forms.Form):
    """One field of each kind, some of them wrong."""

    name = forms.CharField(label="Name", max_length=40, help_text="As others see it.")
    email = forms.EmailField(label="E-mail")
    role = forms.ChoiceField(
        label="Role", choices=[("member", "Member"), ("admin", "Admin")]
    )
    about = forms.CharField(label="About", required=False, widget=forms.Textarea)
    terms = forms.BooleanField(label="I agree to the terms")


class SampleComposer(forms.Form):
    """The text area of a composer."""

    text = forms.CharField(label="Reply", widget=forms.Textarea, required=False)


@dataclass(frozen=True, slots=True)
class SampleTopic:
    """Enough of a topic for one row."""

    title: str
    url: str
    is_solved: bool
    category: str
    author: str
    replies: int
    views: int
    at: object
    last_poster: str = ""
    is_question: bool = True
    is_pinned: bool = False
    is_locked: bool = False
    unread: int = 0
    is_new: bool = False


def context() -> dict[str, object]:
    """Return one value of everything the components take."""
    now = timezone.now()
    answers = {"name": "", "email": "not-an-address", "role": "member"}
    wrong = SampleForm(answers, auto_id="wrong_%s")
    wrong.is_valid()
    return {
        "parts": [
            ("colours", _("Colours")),
            ("type", pgettext("typography", "Type")),
            ("buttons", _("Buttons")),
            ("badges", _("Badges")),
            ("alerts", _("Alerts")),
            ("forms", _("Forms")),
            ("navigation", _("Navigation")),
            ("lists", _("Lists and tables")),
            ("figures", _("Figures")),
            ("cards", _("Cards")),
            ("code", _("Code")),
            ("prose", _("Prose")),
            ("dialogs", _("Dialogs and menus")),
        ],
        "swatches": _SWATCHES,
        "composer_form": SampleComposer(auto_id="composer_%s"),
        "tabs": [("#navigation", "Latest", True), ("#navigation", "Top", False)],
        "stats": [("4,120", "topics"), ("91 %", "answered"), ("3 h", "median")],
        "form": SampleForm(initial={"name": "Ada", "email": "ada@demo.test"}),
        "wrong_form": wrong,
        "code": _CODE,
        "prose": markdown.render(_PROSE, id_prefix="sample"),
        "page": CursorPage([], "next", "previous"),
        "now": now,
        "two_hours_ago": now - timedelta(hours=2),
        "last_year": now - timedelta(days=400),
        "trend": [3, 5, 4, 8, 7, 11, 9, 14, 13, 18],
        "tones": ("info", "success", "warn", "danger"),
        "badges": ("", "open", "premium", "solved", "warn", "danger", "info", "brand"),
        "people": ("Ada Chen", "ben", "陈晨", "erin_k", "Max Mod"),
        "crumbs": [("/forum/", _("Community")), ("/forum/c/gateway/", "Gateway")],
        "topics": [
            SampleTopic(
                "Streaming stops after 30 seconds behind a proxy",
                "/forum/",
                True,
                "Gateway",
                "Ada Chen",
                12,
                8400,
                now,
                last_poster="ben",
                unread=3,
            ),
            SampleTopic(
                "如何在单张显卡上微调开放模型？",
                "/forum/",
                False,
                "Models",
                "陈晨",
                0,
                31,
                now - timedelta(minutes=18),
                is_new=True,
            ),
            SampleTopic(
                "Read first: how to report a bug",
                "/forum/",
                False,
                "Help",
                "Max Mod",
                3,
                2100,
                now - timedelta(days=400),
                last_poster="erin_k",
                is_question=False,
                is_pinned=True,
                is_locked=True,
            ),
        ],
        "features": (
            "Hosted API",
            "60 requests per minute",
            "Support within 8 hours",
        ),
    }

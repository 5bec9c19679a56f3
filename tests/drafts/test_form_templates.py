"""What templates have to give a form for its token and its draft."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Forms of which a person has one, wherever it is about something or nothing.
ONE_FOR_A_PERSON = {
    *("credit.new", "grants.new", "offering.new", "plans.new"),
    *("pricelists.new", "styleguide.plain", "styleguide.wrong", "tokens.new"),
}


def test_a_named_draft_says_what_it_is_about() -> None:
    """Without a key every plan, organisation or statement would share one text."""
    keyless = set()
    for path in (ROOT / "templates").rglob("*.html"):
        text = path.read_text()
        for name, key in re.findall(r'draft_name="([^"]+)"( draft_key=)?', text):
            keyless |= set() if key else {name}
        for name, key in re.findall(r'{% draft \w+ "([^"]+)"( [\w.]+)? %}', text):
            keyless |= set() if key else {name}

    assert keyless == ONE_FOR_A_PERSON


def test_no_form_is_included_without_what_its_token_needs() -> None:
    templates = {
        str(path.relative_to(ROOT / "templates")): path.read_text()
        for path in (ROOT / "templates").rglob("*.html")
    }
    included = re.compile(r"""{% include "([^"]+)"([^%]*)%}""")

    def holds_form(name: str) -> bool:
        text = templates.get(name, "")
        return "{% csrf_token %}" in text or any(
            holds_form(inner) for inner, _words in included.findall(text)
        )

    cut_off = [
        f"{name} includes {inner}"
        for name, text in templates.items()
        for inner, words in included.findall(text)
        if words.split()[-1:] == ["only"] and holds_form(inner)
    ]

    assert cut_off == []

"""``make dev``: an edit of a copy of the tree is seen in a browser, and how soon."""

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser
from playwright.sync_api import Error as BrowserError

from embedded.environment import read
from tests.browser.stack import Stack, running_stack
from tests.fakes.servers import ROOT, passable_folder

pytestmark = [pytest.mark.faults, pytest.mark.xdist_group("product")]
# What a contributor waits for between saving a file and seeing it.
PATIENCE = 2.0


@pytest.fixture(scope="module")
def tree() -> Iterator[Path]:
    """A copy of what git knows and of what is new, in a folder of its own."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    with passable_folder() as folder:
        for name in listed.stdout.splitlines():
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
        yield folder


@pytest.fixture(scope="module")
def stack(tree: Path) -> Iterator[Stack]:
    with running_stack(tree / "var", "--reload", root=tree) as running:
        yield running


class Editor:
    """Changes files of the copy; each test leaves them as they were."""

    def __init__(self, tree: Path) -> None:
        self.tree = tree
        self.before: dict[Path, str] = {}

    def edit(self, name: str, old: str, new: str) -> float:
        """Change a file; return when that was."""
        path = self.tree / name
        text = path.read_text()
        assert old in text, f"{name} does not hold {old!r}"
        self.before.setdefault(path, text)
        path.write_text(text.replace(old, new, 1))
        return time.monotonic()


@pytest.fixture
def editor(tree: Path, stack: Stack) -> Iterator[Editor]:
    editor = Editor(tree)
    yield editor
    for path, text in editor.before.items():
        path.write_text(text)


def seconds_until(
    words: str, *, since: float, browser: Browser, url: str, patience: float = 30
) -> float:
    """Load a page again and again; return how long after ``since`` it says so."""
    page = browser.new_page()
    try:
        while time.monotonic() - since < patience:
            # Between two workers nobody listens, as with Django's own server. What
            # asks meanwhile is light: a browser would slow what it waits for.
            with suppress(BrowserError, httpx.HTTPError):
                if words in httpx.get(url, timeout=3).text:
                    page.goto(url, wait_until="domcontentloaded", timeout=10_000)
                    if words in page.content():
                        return time.monotonic() - since
            time.sleep(0.05)
    finally:
        page.close()
    raise AssertionError(f"{url} did not say {words!r} in {patience} s")


def best_of(tries: int, attempt: Callable[[int], float]) -> float:
    """Return the best of some times: what else runs here only ever adds to one."""
    best = float("inf")
    for number in range(tries):
        # Worker and beat are still starting after the edit before this one.
        time.sleep(5)
        best = min(best, attempt(number))
        if best <= PATIENCE:
            break
    return best


def patience(tree: Path, stack: Stack) -> float:
    """Return the seconds an edit may take here and now.

    A busy machine is no fault of ours: what loads the product from nothing at this
    moment shows how busy it is. Alone that takes a second and a bit, so that the two
    seconds are what counts.
    """
    began = time.monotonic()
    subprocess.run(
        [sys.executable, "-c", "import config.asgi, config.urls"],
        env={
            **stack.environment,
            "DJANGO_SETTINGS_MODULE": "config.settings.dev",
            "PYTHONPATH": f"{tree / 'platform'}:{tree}",
        },
        cwd=tree,
        check=True,
    )
    return max(PATIENCE, 1.5 * (time.monotonic() - began))


def test_an_edited_template_is_seen_within_two_seconds(
    editor: Editor, tree: Path, stack: Stack, browser: Browser
) -> None:
    url = f"{stack.site}/pricing/"
    seconds_until("</html>", since=time.monotonic(), browser=browser, url=url)

    def attempt(number: int) -> float:
        words = f"Template edit {number}."
        start = "{% block content %}"
        saved = editor.edit(
            "templates/plans/pricing.html", start, f"{start}<p>{words}</p>"
        )
        return seconds_until(words, since=saved, browser=browser, url=url)

    best = best_of(3, attempt)
    assert best <= patience(tree, stack)


def test_an_edited_view_is_seen_within_two_seconds(
    editor: Editor, tree: Path, stack: Stack, browser: Browser
) -> None:
    url = f"{stack.site}/pricing/"
    editor.edit(
        "templates/plans/pricing.html",
        "{% block content %}",
        "{% block content %}<p>{{ edited }}</p>",
    )
    seconds_until("</html>", since=time.monotonic(), browser=browser, url=url)

    def attempt(number: int) -> float:
        words = f"View edit {number}."
        saved = editor.edit(
            "billing/plans/views.py",
            '    return render(request, "plans/pricing.html", context)',
            f'    context["edited"] = "{words}"\n'
            '    return render(request, "plans/pricing.html", context)',
        )
        return seconds_until(words, since=saved, browser=browser, url=url)

    best = best_of(3, attempt)
    assert best <= patience(tree, stack)


def test_an_error_is_explained_by_django_and_holds_no_secret(
    editor: Editor, stack: Stack, browser: Browser
) -> None:
    editor.edit(
        "platform/design/views.py",
        "def styleguide(request: HttpRequest) -> HttpResponse:\n",
        "def styleguide(request: HttpRequest) -> HttpResponse:\n"
        "    from django.conf import settings\n"
        "    words = [settings.DATABASES, settings.SECRET_KEY, settings.REDIS_URL]\n"
        "    return words.nothing\n",
    )
    url = f"{stack.site}/styleguide/"
    seconds_until("AttributeError", since=time.monotonic(), browser=browser, url=url)

    page = httpx.get(url, headers={"Accept": "text/html"})

    told = read(stack.var_dir)
    secrets = {
        *(told[name] for name in ("SECRET_KEY", "FIELD_KEYS", "MAILBOX_URL")),
        *(told[name] for name in ("STRIPE_WEBHOOK_SECRETS", "STRIPE_SECRET_KEY")),
        *re.findall(r"://[^:/@]*:([^@/]+)@", " ".join(told.values())),
    }
    assert page.status_code == 500
    assert "words.nothing" in page.text
    assert "Django Version" in page.text
    # The page's own style and script would be refused otherwise.
    assert "Content-Security-Policy" not in page.headers
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert len(secrets) >= 7
    assert [secret for secret in secrets if secret in page.text] == []


def test_half_an_edit_is_explained_and_its_other_half_heals_it(
    editor: Editor, stack: Stack, browser: Browser
) -> None:
    url, view = f"{stack.site}/pricing/", "billing/plans/views.py"
    editor.edit(view, "\ndef ", "\ndef (half an edit\n\ndef ")

    seconds_until(
        "The product cannot be loaded.",
        since=time.monotonic(),
        browser=browser,
        url=url,
    )
    assert "SyntaxError" in httpx.get(url).text

    editor.edit(view, "\ndef (half an edit\n", "")
    seconds_until("<main", since=time.monotonic(), browser=browser, url=url)
    assert httpx.get(url).status_code == 200


def test_worker_and_beat_start_again_with_what_was_edited(
    editor: Editor, stack: Stack
) -> None:
    log = stack.var_dir / "run.log"
    words = "This process has read the edit."
    # All three read it; beat reads no app.
    first = "import gc\n"
    editor.edit("platform/config/celery.py", first, f'print("{words}")\n\n{first}')

    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        lines = [line for line in log.read_text().splitlines() if words in line]
        names = {line.split("│")[0].strip() for line in lines}
        if names >= {"worker", "beat", "web"}:
            break
        time.sleep(0.2)

    assert names >= {"worker", "beat", "web"}
    assert "starting it again" not in log.read_text()


def test_a_command_beside_it_talks_to_what_runs(tree: Path, stack: Stack) -> None:
    # The worker may be on its way back from the edit of another test.
    for _attempt in range(10):
        done = subprocess.run(
            [sys.executable, str(tree / "manage.py"), "doctor"],
            env=stack.environment,
            cwd=tree,
            capture_output=True,
            text=True,
        )
        if done.returncode == 0:
            break
        time.sleep(3)

    assert done.returncode == 0, done.stdout + done.stderr
    assert read(stack.var_dir)["DEBUG"] == "1"


def test_nothing_of_that_is_in_what_make_run_starts(tmp_path: Path) -> None:
    with (
        passable_folder() as folder,
        running_stack(folder / "var", DEBUG="1", LOG_SQL="1") as running,
    ):
        page = httpx.get(f"{running.site}/no-such-page/")
        told = read(running.var_dir)

    assert told["DEBUG"] == "0"
    assert "Django" not in page.text
    assert "Content-Security-Policy" in page.headers

"""The one Chromium of a test process, for every folder that has browser tests."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")

# As a person's: one that says it runs without a window is counted as a program.
AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/141.0.0.0 Safari/537.36"
)
# How quick a page is, the bench measures. Here a busy machine is waited for as long as
# for a click (conftest.py); five seconds, the default, are too few for one under load.
expect.set_options(timeout=15_000)

# Playwright drives the browser from an event loop of its own, in this thread.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


# Its loop occupies the thread while it runs: it ends with the module, so that the
# asynchronous tests of other modules find the thread free, and it is defined once,
# for two of them cannot run at the same time.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start the Chromium of this machine, or skip and say why."""
    path = os.environ.get("CHROMIUM") or next(
        filter(None, map(shutil.which, _NAMES)), ""
    )
    if not path:
        reason = "no Chromium on the PATH (set CHROMIUM to its address)"
        if os.environ.get("REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=path,
            args=[
                *("--no-sandbox", "--disable-dev-shm-usage"),
                f"--user-agent={AGENT}",
            ],
        )
        yield running
        running.close()

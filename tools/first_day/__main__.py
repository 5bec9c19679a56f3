"""``python -m tools.first_day``: from nothing to an upgrade under load, and back."""

import argparse
import asyncio
import email
import email.policy
import json
import os
import re
import secrets
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import httpx
from aiosmtpd.controller import Controller

from embedded.process import spawn, stop
from embedded.stack import EMULATOR
from tools.first_day import guide
from tools.first_day.load import Load, deliver
from tools.first_day.machine import (
    Machine,
    Shell,
    Trouble,
    free_ports,
    missing_packages,
    wait_for,
)

PORTS = (
    *("postgresql", "redis", "smtp", "stripe", "upstream", "http", "https"),
    *("web", "other_web", "gateway", "other_gateway"),
)
OPERATOR = "operator@example.com"
WEBHOOK_BYTES = 3_000_000
# No machine that tries this may reach Stripe. Together these two let an emulator stand
# in; all else they change is what is refused, and the form of lines in the log.
WITHOUT_STRIPE = "DOORSTONE_DEVELOPMENT=1\nSTRIPE_API_BASE=http://127.0.0.1:{stripe}\n"
UPSTREAM = """
from aiohttp import web
from tests.fakes.upstream import Upstream
application = web.Application()
application.router.add_post("/v1/{{tail:.*}}", Upstream().answer)
web.run_app(application, host="127.0.0.1", port={upstream}, print=None)
"""
# Two models of a server outside, and an operator whom no limit of a plan holds up.
OFFER = """
from accounts.models import User
from accounts.queries import personal_organisation
from entitlements.features import Features
from entitlements.services import replace_for
from inference.catalog import services as catalog
for slug in ("plain", "slow"):
    catalog.publish_model(
        slug, title=slug.title(), edition="open", summary="A model of the load.",
        context_tokens=8000, max_output_tokens=1000, default_output_tokens=100,
        deployments=[dict(provider="openai", upstream_model=slug, priority=0,
                          base_url="http://127.0.0.1:{upstream}/v1")],
        rates=catalog.Rates.from_dollars("0.01", "0.01", "0.01", "0.01"),
    )
operator = personal_organisation(User.objects.get(email="{operator}"))
features = Features(requests_per_minute=100_000, tokens_per_minute=10**9,
                    concurrent_requests=1000, monthly_allowance_nano=10**12)
replace_for(operator.pk, features, source="first-day")
"""


class FirstDay:
    """The guide, its machine and a shell on it; each step prints how long it took."""

    def __init__(self, machine: Machine, *, venv: Path) -> None:
        self.machine = machine
        self.shell = Shell(machine)
        self.folder = machine.folder
        self.blocks = guide.blocks()
        self.site = f"https://localhost:{machine.ports['https']}"
        self.values: dict[str, object] = {
            **machine.ports,
            "folder": machine.folder,
            "root": guide.ROOT,
            "venv": venv,
            "password": secrets.token_hex(16),
            "key": "",
        }
        self.done: list[str] = []

    def fill(self, text: str) -> str:
        return guide.stand_in(text, **self.values)

    def run(self, name: str) -> str:
        """Run a block as it stands. Raises ``Trouble``."""
        started = time.monotonic()
        printed = self.shell.run(self.fill(self.blocks[name]))
        self.done.append(name)
        say(f"{name:<22} {time.monotonic() - started:6.1f} s")
        return printed

    def write_files(self) -> None:
        for name in guide.FILES:
            Path(self.fill(name)).write_text(self.fill(self.blocks[name]))
            self.done.append(name)

    def setting(self, name: str) -> str:
        found = re.search(
            rf"^{name}=(.*)$", (self.folder / "doorstone.env").read_text(), re.MULTILINE
        )
        if not found:
            raise Trouble(f"The environment has no {name}.")
        return found[1]

    def python(self, code: str) -> None:
        """Run a few lines in the product; not a part of the guide."""
        (self.folder / "lines.py").write_text(code)
        self.shell.run(f"python manage.py shell --no-imports < {self.folder}/lines.py")


def say(text: str) -> None:
    print(text, flush=True)


class Mails:
    """An SMTP server's memory."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        body = mail.get_body(("plain",))
        self.texts.append(body.get_content() if body else "")
        return "250 OK"


@contextmanager
def outside(day: FirstDay) -> Iterator[Mails]:
    """Have what is not ours run: a mail server, Stripe's emulator, a model's server."""
    ports, mails = day.machine.ports, Mails()
    make_certificate(day)
    environment = {
        **os.environ,
        "PYTHONPATH": f"{guide.ROOT / 'platform'}:{guide.ROOT}:{EMULATOR}",
        "STRIPE_EMULATOR_DATA": str(day.folder / "outside" / "state.sqlite3"),
        "STRIPE_EMULATOR_PORT": str(ports["stripe"]),
        "STRIPE_EMULATOR_KEY": guide.STAND_INS["sk_test_YOURS"],
        "STRIPE_EMULATOR_WEBHOOK_URL": f"{day.site}/hooks/stripe/",
        "SSL_CERT_FILE": str(day.folder / "site.pem"),
        "STRIPE_EMULATOR_WEBHOOK_SECRET": guide.STAND_INS["whsec_YOURS"],
    }
    commands = (
        [sys.executable, "-m", "stripe_emulator"],
        [sys.executable, "-c", UPSTREAM.format(**ports)],
    )
    controller = Controller(mails, hostname="127.0.0.1", port=ports["smtp"])
    controller.start()
    log = (day.folder / "log" / "outside.log").open("wb")
    processes = [
        spawn(command, output=log, env=environment, cwd=guide.ROOT)
        for command in commands
    ]
    try:
        for name in ("stripe", "upstream"):
            wait_for(f"The {name}", lambda name=name: listens(ports[name]))  # type: ignore[misc]
        yield mails
    finally:
        for process in processes:
            stop(process)
        controller.stop()
        log.close()


def make_certificate(day: FirstDay) -> None:
    """For this machine alone; all who ask here are told to believe it."""
    day.shell.run(
        f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
        f" -subj /CN=localhost -addext subjectAltName=DNS:localhost"
        f" -keyout {day.folder}/site.key -out {day.folder}/site.pem"
    )
    (day.folder / ".curlrc").write_text(f'cacert = "{day.folder}/site.pem"\n')


def listens(port: int) -> bool:
    with socket.socket() as link:
        return link.connect_ex(("127.0.0.1", port)) == 0


def deploy(day: FirstDay) -> None:
    """From nothing to pages behind TLS."""
    for name in ("postgresql", "redis", "environment"):
        day.run(name)
    if not Path(str(day.values["venv"])).exists():
        day.run("environment-of-python")
    day.run("shell")
    day.run("check")
    extra = WITHOUT_STRIPE.format(**day.machine.ports)
    with (day.folder / "doorstone.env").open("a") as file:
        file.write(extra)
    day.shell.run(f"set -a; {extra}")
    day.run("tables")
    day.write_files()
    day.run("start")
    day.run("proxy")
    for name in ("web", "other_web", "gateway", "other_gateway"):
        wait_for(f"The {name}", lambda name=name: listens(day.machine.ports[name]))  # type: ignore[misc]


def first_person(day: FirstDay, browser: httpx.Client, mails: Mails) -> None:
    """Sign up on the site, confirm by mail, become staff, call a model."""
    password = secrets.token_urlsafe(16)
    answer = submit(
        browser,
        "/accounts/signup/",
        {"email": OPERATOR, "username": "operator", "password1": password},
    )
    wait_for("The mail", lambda: any("confirm-email" in text for text in mails.texts))
    text = next(text for text in mails.texts if "confirm-email" in text)
    link = re.search(r"https://\S+/accounts/confirm-email/\S+", text)
    if not link or not link[0].startswith(day.site):
        raise Trouble(f"The mail leads nowhere: {text}")
    answer = submit(browser, link[0], {})
    if answer.status_code != 200:
        raise Trouble(f"Confirming ended with {answer.status_code}.")
    wait_until_well(day)
    printed = day.run("staff")
    say(printed.strip())
    key = re.search(r"^(\S{20,})$", printed, re.MULTILINE)
    if not key:
        raise Trouble(f"There is no key in what was printed:\n{printed}")
    day.values["key"] = key[1]
    called = json.loads(day.run("call"))
    said = called["choices"][0]["message"]["content"]
    say(f"doorstone-docs: {said[:100]!r}")


def submit(
    browser: httpx.Client, address: str, fields: dict[str, str]
) -> httpx.Response:
    """Open a form's page and send it, as a browser does."""
    page = browser.get(address)
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
    if not token:
        raise Trouble(f"There is no form at {address}: {page.status_code}")
    return browser.post(
        str(page.url),
        data={"csrfmiddlewaretoken": token[1], **fields},
        headers={"Referer": str(page.url)},
    )


def look_around(day: FirstDay, browser: httpx.Client) -> str:
    """See that the site is as the guide promises; return the path of a static file."""
    home = browser.get("/")
    docs = browser.get("/docs/")
    expected = {
        "the home page": home.status_code == 200,
        "pages are compressed": home.headers.get("content-encoding") == "gzip",
        "HSTS": home.headers.get("strict-transport-security")
        == "max-age=63072000; includeSubDomains",
        "the documentation": docs.status_code == 200 and "/docs/1.0/" in docs.text,
        "llms.txt": len(browser.get("/llms.txt").text.splitlines()) > 5,
    }
    plain = httpx.get(
        f"http://127.0.0.1:{day.machine.ports['http']}/docs/",
        headers={"Host": "localhost"},
    )
    expected["http leads to https"] = (
        plain.status_code == 301 and plain.headers["location"] == f"{day.site}/docs/"
    )
    found = re.search(r'"(/static/[^"]+\.[0-9a-f]{12}\.js)"', home.text)
    path = found[1] if found else ""
    file = browser.get(path)
    expected["files are kept for good"] = (
        file.status_code == 200 and "immutable" in file.headers["cache-control"]
    )
    expected["files come compressed"] = "content-encoding" in file.headers
    status = asyncio.run(send_webhook(day))
    expected[f"a webhook of {WEBHOOK_BYTES} bytes ({status})"] = status == 202
    for what, is_so in expected.items():
        if not is_so:
            raise Trouble(f"Not as it ought to be: {what}")
        say(f"ok   {what}")
    return path


async def send_webhook(day: FirstDay) -> int:
    trust = ssl.create_default_context(cafile=str(day.folder / "site.pem"))
    connector = aiohttp.TCPConnector(ssl=trust)
    async with aiohttp.ClientSession(day.site, connector=connector) as session:
        payload = {"zen": "z" * WEBHOOK_BYTES}
        return await deliver(session, day.setting("GITHUB_WEBHOOK_SECRETS"), payload)


def upgrade(day: FirstDay, file_path: str) -> None:
    """Replace every process under load; nobody is refused, no stream is cut."""
    day.python(OFFER.format(operator=OPERATOR, **day.machine.ports))
    load = Load(
        day.site,
        key=str(day.values["key"]),
        webhook_secret=day.setting("GITHUB_WEBHOOK_SECRETS"),
        certificate=day.folder / "site.pem",
        file_path=file_path,
    )
    before = {name: each.pid for name, each in day.machine.running.items()}
    with load:
        # Streams of ten seconds are open by then.
        time.sleep(12)
        day.run("prepare")
        day.run("replace")
        time.sleep(3)
    after = {name: each.pid for name, each in day.machine.running.items()}
    kept = [name for name in before if before[name] == after[name]]
    say(load.figures())
    if load.failed:
        raise Trouble("These failed:\n" + "\n".join(load.failed[:40]))
    if sorted(kept) != ["nginx", "redis-server"]:
        raise Trouble(f"These were not replaced: {kept}")


def restore(day: FirstDay, browser: httpx.Client) -> None:
    """Back up, lose something, restore: it is there again."""
    before = browser.get("/llms.txt").text
    day.run("backup")
    day.shell.run('psql -q "$DATABASE_URL" -c "TRUNCATE docs_page CASCADE"')
    day.run("restore")
    wait_until_well(day)
    say(day.run("after-restore").strip().splitlines()[-1])
    wait_for("The restored site", lambda: browser.get("/readyz").status_code == 200)
    after = browser.get("/llms.txt")
    if after.status_code != 200 or after.text != before:
        raise Trouble(f"The restored documentation is another: {after.status_code}.")
    say("ok   what was lost after the backup is there again")


def wait_until_well(day: FirstDay) -> None:
    """Wait for worker and beat, which need a while to start."""
    environment = dict(day.shell.environment)
    command = f". {day.shell.session}; python manage.py doctor"

    def is_well() -> bool:
        done = subprocess.run(
            ["bash", "-c", command], env=environment, check=False, capture_output=True
        )
        return done.returncode == 0

    wait_for("A doctor without findings", is_well)


def main() -> int:
    """Follow the guide; return 0 when everything in it came true."""
    parser = argparse.ArgumentParser(prog="first_day", description=__doc__)
    parser.add_argument(
        "--environment", type=Path, help="packages that are installed already: .venv"
    )
    parser.add_argument(
        "--without-load", action="store_true", help="leave the upgrade out"
    )
    parser.add_argument("--keep", action="store_true", help="keep the folder")
    options = parser.parse_args()
    lacking = missing_packages()
    if lacking or os.geteuid() != 0:
        say(
            "This follows the guide as root on Debian."
            + (f" First: apt-get install {' '.join(lacking)}" if lacking else "")
        )
        return 2
    started = time.monotonic()
    with ExitStack() as closing:
        folder = Path(tempfile.mkdtemp(prefix="doorstone-first-day-"))
        if not options.keep:
            closing.callback(shutil.rmtree, folder, ignore_errors=True)
        # The servers run as users of their own and pass through.
        folder.chmod(0o711)
        machine = Machine(
            folder, ports=dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        )
        venv = (
            options.environment.absolute() if options.environment else folder / "venv"
        )
        day = FirstDay(machine, venv=venv)
        say(f"In {folder}, its logs under {folder}/log.")
        try:
            closing.enter_context(machine.on())
            mails = closing.enter_context(outside(day))
            deploy(day)
            trust = ssl.create_default_context(cafile=str(folder / "site.pem"))
            browser = closing.enter_context(
                httpx.Client(
                    base_url=day.site, verify=trust, follow_redirects=True, timeout=30
                )
            )
            first_person(day, browser, mails)
            path = look_around(day, browser)
            say(f"Open for business after {time.monotonic() - started:.0f} s.")
            if not options.without_load:
                upgrade(day, path)
            restore(day, browser)
            machine.require_all_running()
        except Trouble as trouble:
            say(f"{trouble}\n")
            for log in sorted((folder / "log").glob("*.log")):
                lines = log.read_text(errors="replace").splitlines()[-15:]
                say(f"--- {log.name}\n" + "\n".join(line[:400] for line in lines))
            return 1
    skipped = [name for name in guide.RUN if name not in day.done]
    say(
        f"Everything the guide says came true, in {time.monotonic() - started:.0f} s"
        + (f"; not tried: {', '.join(skipped)}." if skipped else ".")
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

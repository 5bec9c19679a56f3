"""``make run`` and ``make dev``: the whole product on this machine, until Ctrl-C."""

import errno
import json
import os
import signal
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from functools import partial
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from core.commands import ProductCommand
from embedded import environment, stack
from embedded.mailbox import Mailbox
from embedded.modelservers import fleet
from embedded.modelservers.own import OwnModels
from embedded.postgres import EmbeddedPostgres
from embedded.process import (
    ServiceUnavailable,
    adopt_orphans,
    keep_private,
    spawn,
    stop,
)
from embedded.redis import EmbeddedRedis
from embedded.supervisor import Supervisor

# The last one is a terminal that was closed.
_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Command(ProductCommand):
    """Starts the servers, prepares the database, then watches every process."""

    help = "Start everything on this machine. Example: PORT=9000 DEMO=0 manage.py start"
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--reload",
            action="store_true",
            help="show what is edited, with Django's own error page (make dev)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self.reloads = bool(options["reload"])
        started = time.monotonic()
        for name in _ENDINGS:
            signal.signal(name, _interrupt)
        # Whatever this process and its children write is nobody else's to read.
        os.umask(0o077)
        adopt_orphans()
        try:
            with ExitStack() as closing:
                self.run_everything(closing, started)
        except ServiceUnavailable as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(_sentence(error)) from error
        except KeyboardInterrupt:
            self.stdout.write(
                "Stopped. Everything is kept; `make run` goes on from here."
            )

    def run_everything(self, closing: ExitStack, started: float) -> None:
        """Start all, say where it is, and stay."""
        places = stack.Places.from_environment()
        emulates_stripe = not os.environ.get("STRIPE_SECRET_KEY")
        places.refuse_foreign_folder()
        keep_private(places.var_dir)
        closing.enter_context(environment.occupy(places.var_dir))
        places.refuse_taken_ports(with_stripe=emulates_stripe)
        supervisor = Supervisor()
        closing.callback(supervisor.stop)

        has_database = getattr(settings, "HAS_OWN_DATABASE", True)
        database_url = os.environ["DATABASE_URL"] if has_database else ""
        if not database_url:
            self.say("starting PostgreSQL")
            postgres = EmbeddedPostgres(places.var_dir / "postgres")
            database_url = postgres.start()
            supervisor.adopt(postgres)
        redis_url = os.environ.get("REDIS_URL", "")
        if not redis_url:
            self.say("starting Redis")
            redis = EmbeddedRedis(places.var_dir / "redis")
            redis_url = redis.start()
            supervisor.adopt(redis)

        models, own = self.start_models(places, supervisor)

        smtp_port = stack.free_port()
        mailbox = Mailbox(
            places.var_dir / "mailbox",
            host=places.host,
            smtp_port=smtp_port,
            port=places.mailbox_port,
            secret=stack.load_secrets(places.var_dir)["MAILBOX_SECRET"],
        )
        mailbox.start()
        closing.callback(mailbox.stop)

        variables = stack.product_environment(
            places,
            database_url=database_url,
            redis_url=redis_url,
            smtp_port=smtp_port,
            reloads=self.reloads,
        )
        variables |= fleet.embedding_variables(models)
        environment.write(places.var_dir, stack.shared_variables(variables))
        closing.callback(environment.forget, places.var_dir)
        if emulates_stripe:
            supervisor.start(stack.stripe_emulator(places, variables))
        addresses = {server.settings.name: server.url for server in models}
        if own:
            addresses |= own.addresses()
        self.prepare(variables, addresses)
        background = [stack.worker(variables), stack.beat(places, variables)]
        if self.reloads:
            # While these start again a developer may already wait for the next page.
            for service in background:
                service.command = ["nice", "-n", "10", *service.command]
        supervisor.start(
            stack.web(places, variables, reloads=self.reloads), *background
        )
        if self.reloads:
            # Only what develops the product has it installed.
            from embedded.reloading import follow

            follow(supervisor, background)

        took = time.monotonic() - started
        self.welcome(places, emulates_stripe, took, models)
        supervisor.watch(own.follow if own else None)

    def start_models(
        self, places: stack.Places, supervisor: Supervisor
    ) -> tuple[list[fleet.ModelServer], OwnModels | None]:
        """Start what this machine can serve; nothing else depends on it."""
        if reason := fleet.reason_to_leave_out(os.environ.get("MODELS") or ""):
            self.stdout.write(f"no model is served here: {reason}")
            return [], None
        self.say(f"starting the models {fleet.LANGUAGE} and {fleet.EMBEDDINGS}")
        key = stack.load_secrets(places.var_dir)["MODEL_SERVER_KEY"]
        folder = places.var_dir / "models"
        servers = [
            partial(make, stack.free_port(), key, folder)
            for make in (fleet.language_server, fleet.embeddings_server)
        ]
        running = fleet.start(servers, self.stdout.write)
        for server in running:
            supervisor.adopt(server)
        own = OwnModels(supervisor, folder, key, stack.free_port)
        own.follow()
        return running, own

    def prepare(self, variables: dict[str, str], models: Mapping[str, str]) -> None:
        """Bring the database up to date in one process of its own.

        ``models`` are the addresses of those that are served here.
        """
        command = [
            *(sys.executable, str(stack.ROOT / "manage.py"), "prepare"),
            *("--models", json.dumps(models)),
        ]
        process = spawn(command, output=None, env=variables)
        try:
            code = process.wait()
        finally:
            stop(process)
        if code:
            raise ServiceUnavailable("The database could not be prepared; see above.")

    def welcome(
        self,
        places: stack.Places,
        emulates_stripe: bool,
        took: float,
        models: Iterable[fleet.ModelServer],
    ) -> None:
        """Print where everything is and what to try first."""
        site = places.site_url
        key_file = places.var_dir / "demo-api-key"
        lines = [
            "",
            self.style.SUCCESS(f"Doorstone is ready ({took:.0f} s)."),
            "",
            f"  Site      {site}/",
            f"  Staff     {site}/staff/conversion/",
            f"  Mailbox   {places.mailbox_url}/",
        ]
        if emulates_stripe:
            lines.append(
                f"  Stripe    {places.stripe_url}/_emulator/  (emulated, no money moves)"
            )
        lines += [
            f"  Model     {site}/models/{server.settings.name}/" for server in models
        ]
        if key_file.exists():
            lines += _demo(site, key_file.read_text().strip())
        if self.reloads:
            lines += [
                "",
                "  Edits show at the next look, Django's error page included.",
            ]
        lines += ["", "Ctrl-C stops everything; the data stays.", ""]
        self.stdout.write("\n".join(lines))
        self.stdout.flush()

    def say(self, sentence: str) -> None:
        self.stdout.write(f"{sentence} …")
        self.stdout.flush()


_EXAMPLE = json.dumps(
    {
        "model": "doorstone-docs",
        "messages": [{"role": "user", "content": "How do I stream an answer?"}],
    }
)


def _demo(site: str, key: str) -> list[str]:
    return [
        "",
        "  Demo accounts, password doorstone-demo:",
        "    ada@demo.test    member and contributor     erin@demo.test   owns a paying team",
        "    ben@demo.test    new member                 mod@demo.test    moderator",
        "    chen@demo.test   Chinese-speaking member    staff@demo.test  staff",
        "",
        "  Call a model:",
        f"    curl {site}/v1/chat/completions \\",
        f'      -H "Authorization: Bearer {key}" -H "Content-Type: application/json" \\',
        f"      -d '{_EXAMPLE}'",
        "",
        "  Or with the OpenAI SDK:",
        f'    OpenAI(base_url="{site}/v1", api_key="{key}")',
    ]


def _sentence(error: OSError) -> str:
    """Say what the system refused, where, and what to do about it."""
    place = f" ({error.filename})" if error.filename else ""
    cure = {
        errno.ENOSPC: "Make room there, or set VAR_DIR to another disk.",
        errno.EDQUOT: "Make room there, or set VAR_DIR to another disk.",
        errno.EACCES: "Set VAR_DIR to a folder this account may write.",
        errno.EPERM: "Set VAR_DIR to a folder this account may write.",
        errno.EROFS: "Set VAR_DIR to a folder this account may write.",
        errno.EADDRINUSE: "End what listens there, or set another port.",
    }.get(error.errno or 0, "")
    return f"Doorstone cannot run: {error.strerror or error}{place}. {cure}".strip()


def _interrupt(number: int, frame: object) -> None:
    # The second Ctrl-C must not cut the clean shutdown short.
    for name in _ENDINGS:
        signal.signal(name, signal.SIG_IGN)
    raise KeyboardInterrupt

"""Two real processes at work on the same day, killed in the middle again and again.

Each goes through its deeds by a clock of its own, and asks at the door, shows what
there is on a page and sends what is due. One that dies is followed by another, which
begins with the deed the last one was at.
"""

import mmap
import os
import random
import signal
import struct
import sys
import traceback
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from unittest import mock

from django.db import connections, transaction

from accounts.models import User
from billing.growth import mailing, services
from billing.growth.campaigns.stepping import take_due_steps
from billing.growth.deciding import DecisionUnit
from billing.growth.moments import Moment
from billing.growth.occurrences import occur
from billing.growth.queries import offer_for_surface
from tests.billing.growth.proof.world import Clock, Deed, at

# Of a thousand deeds so many end by a kill, before their commit: in the small part of
# the proof fourteen are expected, so that none at all never comes about.
DEADLY = 10
# Of a thousand mails.
DEADLY_MAIL = 10
# Simulated hours between two runs of what sends.
SENDING = timedelta(hours=3)
# Of a hundred decisions that offer something, how many are looked at and put away.
LOOKED_AT, PUT_AWAY = 60, 10
SURFACES = ("console", "pricing")


class Progress:
    """Which deed a process is at, told to whom follows it."""

    def __init__(self) -> None:
        self.memory = mmap.mmap(-1, 8)

    @property
    def done(self) -> int:
        (done,) = struct.unpack("q", self.memory[:8])
        return int(done)

    @done.setter
    def done(self, number: int) -> None:
        self.memory[:8] = struct.pack("q", number)


def work_off(parts: Sequence[list[Deed]], *, seed: int) -> int:
    """Have one process for each part work it off; return how many were killed."""
    progress = [Progress() for _ in parts]
    attempts = [0 for _ in parts]
    running: dict[int, int] = {}
    killed = 0
    # A connection that two processes share is broken for both.
    connections.close_all()
    waiting = list(range(len(parts)))
    while waiting or running:
        for number in waiting:
            rng = random.Random(f"{seed}:{number}:{attempts[number]}")  # noqa: S311
            attempts[number] += 1
            pid = os.fork()
            if pid == 0:
                _live(partial(_work, parts[number], progress[number], rng))
            running[pid] = number
        waiting = []
        pid, status = os.wait()
        number = running.pop(pid)
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
            killed += 1
            waiting = [number]
        elif status:
            raise RuntimeError("A process ended by an error; its traceback is above.")
    return killed


def _live(act: Callable[[], None]) -> None:
    """Do it, and never come back into the tests of the parent."""
    code = 0
    try:
        act()
    except BaseException:  # noqa: BLE001 - nothing may leave this process
        traceback.print_exc(file=sys.__stderr__)
        code = 1
    finally:
        connections.close_all()
        os._exit(code)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _work(deeds: list[Deed], progress: Progress, rng: random.Random) -> None:
    clock = Clock(deeds[0].at)
    # Who follows one that died sends first: it may have died while it sent.
    send_at = deeds[min(progress.done, len(deeds) - 1)].at
    tell = mailing._notify

    def told(*args: Any) -> bool:
        done = tell(*args)
        if rng.randrange(1000) < DEADLY_MAIL:
            _die()
        return done

    with at(clock), mock.patch.object(mailing, "_notify", told):
        while progress.done < len(deeds):
            deed = deeds[progress.done]
            clock.moment = deed.at
            _do(deed, rng)
            while deed.at >= send_at:
                send_at += SENDING
                _send()
            progress.done += 1
        clock.moment = _end_of(deeds[-1].at)
        _send()


def _end_of(moment: datetime) -> datetime:
    return moment.replace(hour=23, minute=59)


def _send() -> None:
    mailing.send_offers()
    take_due_steps()
    services.release_expired()


def _do(deed: Deed, rng: random.Random) -> None:
    with transaction.atomic():
        decided = occur(
            Moment(deed.moment),
            DecisionUnit(deed.organisation_id, deed.user_id),
            occasion=deed.occasion,
        )
        if rng.randrange(1000) < DEADLY:
            _die()
    # Anybody may open a page, whatever was decided.
    if decided.offer_id is None and rng.randrange(10):
        return
    if rng.randrange(100) >= LOOKED_AT:
        return
    user = User.objects.get(pk=deed.user_id)
    surface = rng.choice(SURFACES)
    shown = offer_for_surface(user, surface, organisation_id=deed.organisation_id)
    if shown is None:
        return
    services.record_exposure(shown.uuid, user=user, surface=surface)
    if rng.randrange(100) < PUT_AWAY:
        services.dismiss_offer(shown.uuid, by=user)

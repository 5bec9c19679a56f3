import io
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from embedded.process import ServiceUnavailable
from embedded.supervisor import Service, Supervisor
from tests.waiting import wait_for


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    running = Supervisor()
    yield running
    running.stop()


def program(name: str, text: str, **options: object) -> Service:
    return Service(name, [sys.executable, "-c", text], os.environ, **options)  # type: ignore[arg-type]


def test_a_service_that_crashes_is_started_again(
    supervisor: Supervisor, capsys: pytest.CaptureFixture[str]
) -> None:
    service = program("sleeper", "import time; time.sleep(600)")
    supervisor.start(service)
    assert service.process is not None
    first = service.process.pid
    threading.Thread(target=supervisor.watch, daemon=True).start()

    os.kill(first, signal.SIGKILL)
    wait_for(lambda: service.process is not None and service.process.pid != first)

    assert service.process.poll() is None
    assert "ended with -9; starting it again" in capsys.readouterr().out


# Starts a process, writes its number to a file and waits.
PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
with open({pids!r}, "a") as pids:
    pids.write(f"{{child.pid}}\\n")
time.sleep(600)
"""


def is_gone(pid: int) -> bool:
    """Tell whether a process has ended, if only nobody has taken note of it."""
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True


@pytest.mark.parametrize("way", ["killed", "stopped before the look", "ended"])
def test_what_a_service_left_running_ends_with_it(
    way: str, supervisor: Supervisor, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    pids.touch()
    service = program("parent", PARENT.format(pids=str(pids)))
    supervisor.start(service)
    wait_for(lambda: pids.read_text().endswith("\n"))
    child = int(pids.read_text())
    assert service.process is not None

    if way == "killed":
        threading.Thread(target=supervisor.watch, daemon=True).start()
        os.kill(service.process.pid, signal.SIGKILL)
        wait_for(lambda: pids.read_text().count("\n") == 2)
    elif way == "stopped before the look":
        os.kill(service.process.pid, signal.SIGKILL)
        supervisor.stop()
    else:
        # It ends at SIGTERM, and never told its child.
        supervisor.stop()

    wait_for(lambda: is_gone(child))


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who stands still")
def test_who_stands_still_is_started_again_before_its_silence_would_tell(
    supervisor: Supervisor,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("embedded.supervisor.STANDSTILL", 0.4)
    service = program("sleeper", "import time; time.sleep(600)")
    supervisor.start(service)
    assert service.process is not None
    first = service.process.pid
    threading.Thread(target=supervisor.watch, daemon=True).start()

    os.kill(first, signal.SIGSTOP)
    wait_for(lambda: service.process is not None and service.process.pid != first)

    assert "has stood still for 0.4 s; killing it" in capsys.readouterr().out


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who stands still")
def test_who_was_stopped_for_a_moment_goes_on(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("embedded.supervisor.STANDSTILL", 3_600)
    service = program("sleeper", "import time; time.sleep(600)")
    supervisor.start(service)
    (each,) = supervisor.watched
    assert service.process is not None
    first = service.process.pid
    threading.Thread(target=supervisor.watch, daemon=True).start()

    for _ in range(2):
        os.kill(first, signal.SIGSTOP)
        wait_for(lambda: each.stopped_at is not None)
        os.kill(first, signal.SIGCONT)
        wait_for(lambda: each.stopped_at is None)

    assert service.process.pid == first


def test_a_service_that_runs_and_says_nothing_is_started_again(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("embedded.supervisor.SILENCE", 0.4)
    sign = tmp_path / "sign"
    sign.touch()
    text = "import time; time.sleep(600)"
    service = program("dumb", text, is_alive=lambda patience: sign.exists())
    supervisor.start(service)
    wait_for(lambda: supervisor.watched[0].has_answered)
    assert service.process is not None
    first = service.process.pid
    threading.Thread(target=supervisor.watch, daemon=True).start()

    sign.unlink()
    wait_for(lambda: service.process is not None and service.process.pid != first)
    second = service.process.pid

    # One that has not said anything yet is loading, and gets its time.
    wait_for(lambda: not supervisor.watched[0].has_answered)
    assert service.process.pid == second


def test_only_silence_for_long_is_the_end(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("embedded.supervisor.SILENCE", 1.0)
    answered: list[float] = []

    def once(patience: float) -> bool:
        if answered:
            return False
        answered.append(time.monotonic())
        return True

    supervisor.start(program("dumb", "import time; time.sleep(600)", is_alive=once))
    each = supervisor.watched[0]
    wait_for(lambda: each.stuck is not None)

    assert time.monotonic() - answered[0] >= 1.0
    assert each.stuck is each.kept.process


def test_a_restart_that_was_asked_for_is_no_crash(
    supervisor: Supervisor, capsys: pytest.CaptureFixture[str]
) -> None:
    service = program("sleeper", "import time; time.sleep(600)")
    supervisor.start(service)
    supervisor.watched[0].crashes = 5
    threading.Thread(target=supervisor.watch, daemon=True).start()
    assert service.process is not None
    first = service.process.pid

    # Five crashes before would have it wait for eight seconds.
    began = time.monotonic()
    supervisor.restart(service)
    wait_for(lambda: service.process is not None and service.process.pid != first)

    assert time.monotonic() - began < 5
    assert supervisor.watched[0].crashes == 0
    assert service.process.poll() is None
    assert "ended" not in capsys.readouterr().out


def test_a_service_that_keeps_crashing_is_started_more_and_more_slowly(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    starts = tmp_path / "starts"
    note = f"open({str(starts)!r}, 'a').write('x'); raise SystemExit(3)"
    supervisor.start(program("faulty", note))
    watching = threading.Thread(target=supervisor.watch)
    watching.start()

    wait_for(lambda: supervisor.watched[0].crashes == 3)
    supervisor.stop()
    watching.join()

    assert 3 <= len(starts.read_text()) <= 4


def test_what_ends_before_it_is_ready_is_named(supervisor: Supervisor) -> None:
    service = program("faulty", "raise SystemExit(1)", is_ready=lambda: False)

    with pytest.raises(ServiceUnavailable, match="faulty ended before it was ready"):
        supervisor.start(service)


def test_what_is_never_ready_is_named(supervisor: Supervisor) -> None:
    service = program("idle", "import time; time.sleep(60)", is_ready=lambda: False)

    with pytest.raises(ServiceUnavailable, match="idle was not ready in 0 s"):
        supervisor.start(service, timeout=0.2)


def test_stopping_ends_the_last_one_first(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    order = tmp_path / "order"
    text = (
        "import signal, time\n"
        "def end(*_):\n"
        f"    open({str(order)!r}, 'a').write('{{name}} ')\n"
        "    raise SystemExit\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "open({ready!r}, 'w').close()\n"
        "time.sleep(60)\n"
    )
    for name in ("first", "second"):
        ready = tmp_path / name
        code = text.format(name=name, ready=str(ready))
        supervisor.start(program(name, code, is_ready=ready.exists))

    supervisor.stop()

    assert order.read_text() == "second first "


def test_lines_are_printed_under_the_service_they_come_from(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Read without taking away: what is captured is emptied after it was read, and a
    # line printed between the two is lost.
    said = io.StringIO()
    monkeypatch.setattr(sys, "stdout", said)

    supervisor.start(program("talker", "print('hello')"))
    wait_for(lambda: said.getvalue().endswith("\n"))

    assert said.getvalue() == "talker  │ hello\n"

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from embedded.process import ServiceUnavailable
from embedded.supervisor import Service, Supervisor


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    running = Supervisor()
    yield running
    running.stop()


def program(name: str, text: str, **options: object) -> Service:
    return Service(name, [sys.executable, "-c", text], os.environ, **options)  # type: ignore[arg-type]


def wait_for(condition: Callable[[], bool], *, timeout: float = 20) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


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
    supervisor: Supervisor, capsys: pytest.CaptureFixture[str]
) -> None:
    service = program("talker", "print('hello')")
    supervisor.start(service)
    said = ""
    deadline = time.monotonic() + 20

    while not said and time.monotonic() < deadline:
        said = capsys.readouterr().out

    assert said == "talker  │ hello\n"

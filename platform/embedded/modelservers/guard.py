"""What ends a model server: too much memory, or that nobody supervises it any more.

A limit of the address space (``RLIMIT_AS``) counts what is mapped and not used, which
is most of a model, and macOS does not hold it. So a thread of the server looks at what
is resident, ends the process above its bound, and the supervisor starts it anew.
"""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

# Meanwhile it can grow by some ten MB, not by hundreds: context and cache are bounded.
INTERVAL = 2.0
# The exit code that says "try again": EX_TEMPFAIL of sysexits.h.
OVER = 75


def guard(memory_mb: int) -> None:
    """Have this process end when it outgrows ``memory_mb`` or its parent is gone."""
    parent = os.getppid()
    threading.Thread(target=_watch, args=(memory_mb, parent), daemon=True).start()


def resident_mb(pid: int) -> float:
    """Return what a process has in memory, shared pages included, in 10⁶ bytes."""
    statm = Path(f"/proc/{pid}/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    asked = subprocess.run(
        ["ps", "-o", "rss=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
    )
    return int(asked.stdout.strip() or 0) * 1024 / 1e6


def _watch(memory_mb: int, parent: int) -> None:
    while True:
        time.sleep(INTERVAL)
        if os.getppid() != parent:
            os._exit(0)
        used = resident_mb(os.getpid())
        if used > memory_mb:
            sys.stderr.write(
                f"{used:.0f} MB are in use, more than the {memory_mb} MB allowed: "
                "ending, to begin anew.\n"
            )
            sys.stderr.flush()
            os._exit(OVER)

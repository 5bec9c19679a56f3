"""What a process and everything it started use, from ``/proc``."""

import os
from pathlib import Path

PROC = Path("/proc")


def tree(root: int) -> list[int]:
    """Return ``root`` and all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            try:
                fields = _stat(int(entry.name))
            except OSError:
                continue
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def processor_seconds(root: int) -> float:
    """Return the processor time a tree has used, ended children included."""
    total = 0
    for pid in tree(root):
        try:
            fields = _stat(pid)
        except OSError:
            continue
        # Own and waited-for children's user and system time.
        total += sum(int(field) for field in fields[11:15])
    return total / os.sysconf("SC_CLK_TCK")


def memory_bytes(pid: int) -> int:
    """Return a process's proportional share of memory, or 0 once it has ended."""
    try:
        lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024


def name_of(pid: int) -> str:
    """Return the command of a process."""
    try:
        command = (PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return ""
    return b" ".join(command).decode(errors="replace")


def _stat(pid: int) -> list[str]:
    # The name is in brackets and may hold anything; what follows it does not.
    return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()

"""What a model server is told: by its environment, which only its account can read."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Self

_VARIABLE = "MODEL_SERVER"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One server: what it serves, where it listens and how much it may take.

    ``context`` is in tokens and for one request; ``slots`` requests run at a time.
    ``memory_mb`` is what the process may have resident, in units of a million bytes.
    """

    name: str
    key: str
    port: int
    threads: int
    memory_mb: int
    path: str = ""
    context: int = 0
    slots: int = 1

    def to_environment(self) -> dict[str, str]:
        return {_VARIABLE: json.dumps(asdict(self))}

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        return cls(**json.loads(environment[_VARIABLE]))


def spare_cores() -> int:
    """Return the cores but one, and at least one.

    A model that has every core waits at each step for the one thread that something
    else has put aside: on a busy machine of two cores, two threads write a tenth of
    what one does. It also leaves a core for the pages.
    """
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:
        # Only Linux bounds a process to some cores.
        cores = os.cpu_count() or 1
    return max(1, cores - 1)

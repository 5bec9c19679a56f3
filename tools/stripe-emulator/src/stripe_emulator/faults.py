"""Trouble on demand: API answers that fail, deliveries that go astray."""

import re
from dataclasses import dataclass
from typing import Any

from stripe_emulator.errors import ApiError
from stripe_emulator.store import Store

NOTE = "faults"
DELIVERY_FAULTS = {"duplicate", "shuffle", "delay", "drop"}


@dataclass(frozen=True, slots=True)
class Answer:
    """A failure for the next calls that match."""

    status: int
    after: bool
    delay: float


class Faults:
    """What is switched on; kept in the store, so that a restart keeps it too.

    ``{"answers": [{"path": "^/v1/customers", "method": "POST", "status": 500,
    "times": 2, "after": true}], "deliveries": {"duplicate": 1, "delay": 0.5}}``:
    ``status`` 0 means no answer for ``delay`` seconds, ``after`` means that the
    work is done and only its answer is lost, ``times`` 0 means until cleared.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def current(self) -> dict[str, Any]:
        """What is on."""
        return {"answers": [], "deliveries": {}, **(self._store.note(NOTE) or {})}

    def set(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """Replace what is on; an empty dictionary heals everything."""
        answers = wanted.get("answers", [])
        deliveries = wanted.get("deliveries", {})
        if set(wanted) - {"answers", "deliveries"}:
            raise ApiError("Faults are answers and deliveries.", param="answers")
        if set(deliveries) - DELIVERY_FAULTS:
            raise ApiError(
                f"Delivery faults are {', '.join(sorted(DELIVERY_FAULTS))}.",
                param="deliveries",
            )
        for answer in answers:
            try:
                re.compile(answer["path"])
            except (KeyError, TypeError, re.error) as error:
                raise ApiError("Every answer needs a path pattern.") from error
        self._store.set_note(NOTE, {"answers": answers, "deliveries": deliveries})
        return self.current()

    def answer_for(self, method: str, path: str) -> Answer | None:
        """The failure this call meets, used up by one."""
        current = self.current()
        for answer in current["answers"]:
            if not re.search(answer["path"], path):
                continue
            if answer.get("method", method) != method:
                continue
            times = answer.get("times", 1)
            if times == 1:
                current["answers"].remove(answer)
            elif times:
                answer["times"] = times - 1
            if times:
                self._store.set_note(NOTE, current)
            return Answer(
                status=int(answer.get("status", 500)),
                after=bool(answer.get("after")),
                delay=float(answer.get("delay", 0)),
            )
        return None

    def delivery(self, name: str) -> float:
        """How much of a delivery fault is on; counted ones are used up by one."""
        current = self.current()
        value = current["deliveries"].get(name, 0)
        if value and name in {"duplicate", "drop"} and value is not True:
            current["deliveries"][name] = value - 1
            self._store.set_note(NOTE, current)
        return float(value)

"""No server of a model answered: may another model do what this one did not?"""

from inference.directory.offers import OfferedModel
from inference.routing.faults import Verdict


class Unanswered(Exception):
    """No deployment of a model answered; ``verdict`` is on the last that was tried."""

    def __init__(self, verdict: Verdict | None) -> None:
        super().__init__()
        self.verdict = verdict

    def leads_to(self, runner: OfferedModel, before: OfferedModel) -> bool:
        """Tell whether ``runner`` is to be asked after ``before`` was in vain."""
        if self.verdict is None or self.verdict.may_go_on:
            return True
        is_too_long = self.verdict.error.code == "context_length_exceeded"
        return is_too_long and runner.context_tokens > before.context_tokens

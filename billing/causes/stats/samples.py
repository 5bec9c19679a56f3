"""What an effect is estimated from: one row for each comparison of a person."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialSample:
    """Rows that are compared; all arrays have one entry for each.

    ``covariates`` is rows × facts, all measured before ``treated``; ``outcome`` came
    after it. One person may have several rows: ``person`` says whose each is.
    """

    names: tuple[str, ...]
    covariates: Floats
    treated: Flags
    outcome: Flags
    person: Ints

    @property
    def rows(self) -> int:
        return len(self.treated)

    def only(self, kept: Flags) -> "TrialSample":
        """Return the rows that a mask keeps."""
        return replace(
            self,
            covariates=self.covariates[kept],
            treated=self.treated[kept],
            outcome=self.outcome[kept],
            person=self.person[kept],
        )

    def with_outcome(self, name: str) -> "TrialSample":
        """Return the same rows with one of the earlier facts as their outcome."""
        at = self.names.index(name)
        return replace(
            self,
            names=self.names[:at] + self.names[at + 1 :],
            covariates=np.delete(self.covariates, at, axis=1),
            outcome=self.covariates[:, at] > 0,
        )

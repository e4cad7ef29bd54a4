"""A straight line through samples, by least squares."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean


@dataclass(frozen=True, slots=True)
class Slope:
    """The growth of a quantity per unit of time, and its standard error."""

    value: float
    error: float

    @property
    def surely(self) -> float:
        """The growth that is there with great likelihood: two standard errors less than found."""
        return self.value - 2 * self.error

    @classmethod
    def through(cls, times: Sequence[float], values: Sequence[float]) -> "Slope":
        """Fit the line; at least three samples at different times."""
        middle, mean = fmean(times), fmean(values)
        spread = sum((time - middle) ** 2 for time in times)
        pairs = list(zip(times, values, strict=True))
        value = sum((time - middle) * (it - mean) for time, it in pairs) / spread
        rest = sum((it - mean - value * (time - middle)) ** 2 for time, it in pairs)
        return cls(value, math.sqrt(rest / (len(times) - 2) / spread))

"""Says how far an outcome has come from its baseline to its target, and writes its numbers as people do."""

from __future__ import annotations

_LONGEST = 1e15  # from here on a number in full is longer than a line, and a float no longer exact
_STEPS = ((1e12, "T"), (1e9, "B"), (1e6, "M"))


def format_number(value: float) -> str:
    """Return a number such as 1,234.5, with at most four decimals and no zeros at the end.

    A number of more than 15 digits is written like 1.23e+20.
    """
    if abs(value) >= _LONGEST:
        return f"{value:.3g}"
    text = f"{value:,.4f}".rstrip("0").rstrip(".")
    # A small negative number is rounded to "-0", which people would read as a mistake.
    return "0" if text == "-0" else text


def shorten_number(value: float) -> str:
    """Return a number in at most nine characters, such as 25M, for a place in a chart."""
    size = abs(value)
    if size >= _LONGEST:
        return f"{value:.2g}"
    for step, letter in _STEPS:
        # 999,999,999 is rounded up, to 1000M.
        if size >= step:
            return f"{float(f'{value / step:.3g}'):g}{letter}"
    return format_number(round(value, 2 if size < 10_000 else 0))


def measure_progress(baseline: float, target: float, value: float) -> float:
    """Return how much of the way from the baseline (0) to the target (1) is covered. May be negative or above 1."""
    if target == baseline:
        return 1.0 if value == target else 0.0
    # The distance between two very large numbers may be more than a float can hold, but not that of their halves.
    return (value / 2 - baseline / 2) / (target / 2 - baseline / 2)


def describe(baseline: float, target: float, value: float | None, direction: str) -> str:
    """Return in words how far the outcome has come. `direction` is "increase" or "decrease"."""
    if value is None:
        return "not reported yet"
    if target == baseline:
        is_kept = value >= target if direction == "increase" else value <= target
        return "target kept" if is_kept else "away from the target"
    covered = measure_progress(baseline, target, value)
    if covered >= 1:
        return "target reached"
    if covered < 0:
        return "moving away from the target"
    if covered == 0:
        return "at the baseline"
    # Rounding must not say 0 or 100 % where the baseline was left or the target is not reached.
    return f"on the way, {max(1, min(99, round(covered * 100)))} % covered"

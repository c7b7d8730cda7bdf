"""What came of a comparison as tables: medians, and ratios to the first contender with how far they vary."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from comparison import Comparison, Outcome, Values
from scenarios import Scenario

# With less than this share of its core in use, a gateway was not what limited throughput.
LIMITED = 0.9
GIB = 1024**3

PACED_NOTE = "Requests are sent by a timetable, to all at the same rate."


@dataclass(frozen=True)
class Table:
    """A heading and rows of equal length."""

    title: str
    note: str
    heading: list[str]
    rows: list[list[str]]

    def text(self) -> str:
        """Columns aligned with blanks."""
        lines = [self.heading, *self.rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.heading))]
        aligned = [
            "  ".join([f"{line[0]:<{widths[0]}}", *(f"{cell:>{width}}" for cell, width in zip(line[1:], widths[1:]))])
            for line in lines
        ]
        return "\n".join([f"{self.title}. {self.note}", *aligned])

    def markdown(self) -> str:
        lines = [self.heading, ["---", *("---:" for _ in self.heading[1:])], *self.rows]
        return "\n".join([f"**{self.title}.** {self.note}", "", *(f"| {' | '.join(line)} |" for line in lines)])


@dataclass(frozen=True)
class Metric:
    """A number that every round of a scenario has for every contender."""

    title: str
    note: str
    # Whether it was seen under full load or by the timetable.
    paced: bool
    value: Callable[[Values, Scenario], float | None]
    applies: Callable[[Scenario], bool]
    # Whether it says nothing of a gateway that could have done more.
    limited: bool = False


METRICS = [
    Metric(
        "CPU per request, µs",
        "Under full load.",
        paced=False,
        value=lambda values, _: values.get("cpu_us"),
        applies=lambda scenario: not scenario.fresh,
    ),
    Metric(
        "CPU per request at the same rate, µs",
        "All answer the same requests in the same time, and have as much time to spare as that leaves them.",
        paced=True,
        value=lambda values, _: values.get("cpu_us"),
        applies=lambda scenario: not scenario.fresh,
    ),
    Metric(
        "CPU per GiB, ms",
        "Under full load.",
        paced=False,
        value=lambda values, scenario: per_gib(values.get("cpu_us"), scenario),
        applies=lambda scenario: scenario.size.long,
    ),
    Metric(
        "CPU per connection, µs",
        "A TLS handshake, one request, the end.",
        paced=True,
        value=lambda values, _: values.get("cpu_us"),
        applies=lambda scenario: scenario.fresh,
    ),
    Metric(
        "Requests per second",
        f"Under full load. *: less than {LIMITED:.0%} of its core was in use, so that the load or the upstream was the limit.",
        paced=False,
        value=lambda values, _: values.get("throughput"),
        applies=lambda scenario: not scenario.fresh,
        limited=True,
    ),
    Metric(
        "Median latency, ms",
        PACED_NOTE,
        paced=True,
        value=lambda values, _: milliseconds(values, "p50_us"),
        applies=lambda _: True,
    ),
    Metric(
        "99th percentile of latency, ms",
        PACED_NOTE,
        paced=True,
        value=lambda values, _: milliseconds(values, "p99_us"),
        applies=lambda _: True,
    ),
]


def tables(comparison: Comparison) -> list[Table]:
    """Those that have rows, in the order in which they are read."""
    names = [contender.name for contender in comparison.contenders]
    found = [of_metric(metric, names, comparison.outcomes) for metric in METRICS]
    return [table for table in [*found, of_memory(names, comparison.memory)] if table.rows]


def of_metric(metric: Metric, names: list[str], outcomes: list[Outcome]) -> Table:
    rows = []
    for outcome in outcomes:
        rounds = outcome.paced if metric.paced else outcome.full
        if not rounds or not metric.applies(outcome.scenario):
            continue
        values = {name: [metric.value(one, outcome.scenario) for one in rounds[name]] for name in names}
        pace = f", {outcome.rate:,.0f}/s" if metric.paced else ""
        cells = [
            written(values[name], values[names[0]], gap(rounds[name])) + (star(rounds[name]) if metric.limited else "")
            for name in names
        ]
        rows.append([outcome.scenario.title + pace, *cells])
    return Table(metric.title, metric.note, ["", *names], rows)


def of_memory(names: list[str], memory: dict[str, dict[str, float]]) -> Table:
    rows = []
    for when, resident in memory.items():
        if not resident:
            continue
        values = {name: [resident[name] / 1024**2] if name in resident else [] for name in names}
        rows.append([when, *(written(values[name], values[names[0]], "") for name in names)])
    return Table("Resident memory, MiB", "Of all processes of a gateway.", ["", *names], rows)


def written(values: Sequence[float | None], base: Sequence[float | None], gap: str) -> str:
    """The median of all rounds, and that of the ratios to the same round of the base with half the way from least to most."""
    known = [value for value in values if value is not None]
    if len(known) * 2 <= len(values):
        return gap
    median = short(statistics.median(known))
    ratios = [value / other for value, other in zip(values, base) if value is not None and other]
    if values is base or not ratios:
        return median
    spread = f" ±{(max(ratios) - min(ratios)) / 2:.2f}" if len(ratios) > 1 else ""
    return f"{median} ({statistics.median(ratios):.2f}{spread})"


def gap(rounds: list[Values]) -> str:
    """What stands where there is no number."""
    return "overload" if any("in_time" in values for values in rounds) else "failed"


def star(rounds: list[Values]) -> str:
    """The mark of a gateway that was not the limit."""
    busy = [values["busy"] for values in rounds if values]
    return "*" if busy and statistics.median(busy) < LIMITED else ""


def milliseconds(values: Values, name: str) -> float | None:
    return values[name] / 1000 if name in values else None


def per_gib(cpu_us: float | None, scenario: Scenario) -> float | None:
    return None if cpu_us is None else cpu_us / 1000 * GIB / scenario.size.bytes


def short(value: float) -> str:
    """Three digits, or all before the point."""
    return f"{value:,.{0 if value >= 100 else 1 if value >= 10 else 2}f}"

"""Two plots as SVG text for a page: risk against coverage, and reliability. No script, no style from outside."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from evals import risk
from evals.statistics import wilson

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP, _RIGHT = 420, 300, 52, 44, 16, 14


def _x(value: float) -> float:
    return _LEFT + value * (_WIDTH - _LEFT - _RIGHT)


def _y(value: float) -> float:
    return _HEIGHT - _BOTTOM - value * (_HEIGHT - _BOTTOM - _TOP)


def _frame(title: str, x_label: str, y_label: str, inside: Sequence[str]) -> str:
    """Axes from 0 to 1 with a grid; `inside` is drawn on top."""
    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" role="img" '
        f'aria-label="{escape(title)}" xmlns="http://www.w3.org/2000/svg"><title>{escape(title)}</title>'
    ]
    for tick in (0, 0.25, 0.5, 0.75, 1):
        parts += [
            f'<line class="grid" x1="{_x(tick):.1f}" y1="{_y(0):.1f}" x2="{_x(tick):.1f}" y2="{_y(1):.1f}"/>',
            f'<line class="grid" x1="{_x(0):.1f}" y1="{_y(tick):.1f}" x2="{_x(1):.1f}" y2="{_y(tick):.1f}"/>',
            f'<text x="{_x(tick):.1f}" y="{_y(0) + 16:.1f}" text-anchor="middle">{tick:g}</text>',
            f'<text x="{_x(0) - 6:.1f}" y="{_y(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>',
        ]
    parts += inside
    middle_y = _y(0.5)
    parts += [
        f'<text x="{_x(0.5):.1f}" y="{_HEIGHT - 8}" text-anchor="middle">{escape(x_label)}</text>',
        f'<text x="14" y="{middle_y:.1f}" text-anchor="middle" transform="rotate(-90 14 {middle_y:.1f})">'
        f"{escape(y_label)}</text></svg>",
    ]
    return "".join(parts)


def risk_coverage(pairs: Sequence[risk.Pair], questions: int) -> str:
    """Share of wrong answers among the most confident, against the share of all `questions` that they are."""
    points = risk.risk_coverage(pairs)
    line = " ".join(f"{_x(point.answered / questions):.1f},{_y(point.risk):.1f}" for point in points)
    inside = [f'<polyline class="line" points="{line}"/>'] if points else []
    return _frame("Risk against coverage", "coverage (share of all questions)", "risk (share wrong)", inside)


def reliability(pairs: Sequence[risk.Pair], bins: int = 10) -> str:
    """Share of right answers against confidence, ten groups of equal size, with Wilson intervals; the diagonal is
    perfect calibration."""
    inside = [f'<line class="diagonal" x1="{_x(0):.1f}" y1="{_y(0):.1f}" x2="{_x(1):.1f}" y2="{_y(1):.1f}"/>']
    for group in risk.reliability(pairs, bins):
        x, interval = _x(min(1.0, max(0.0, group.confidence))), wilson(group.correct * group.n, group.n)
        if interval is not None:
            low, high = _y(interval.low), _y(interval.high)
            inside.append(f'<line class="bar" x1="{x:.1f}" y1="{low:.1f}" x2="{x:.1f}" y2="{high:.1f}"/>')
        inside.append(
            f'<circle class="dot" cx="{x:.1f}" cy="{_y(group.correct):.1f}" r="4">'
            f"<title>{group.n} answers, confidence {group.confidence:.2f}, right {group.correct:.2f}</title></circle>"
        )
    return _frame("Reliability", "confidence", "share right", inside)

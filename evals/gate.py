"""Gates: bounds that a run must keep. Those of `suite.yaml`, and floors pinned in a `floors.json`.

A floor is pinned with the digests of suite and corpus, so that an easier suite cannot pass for an improvement.
`--update` raises floors to what the run reached; it lowers one only with `--allow-lower`, and says so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evals.measures import MEASURES
from evals.store import as_document, write_whole
from evals.suite import Gate
from rag.errors import UsageError

# The last digit is rounding, not regression: summaries keep six places.
TOLERANCE = 1e-6


def broken_gates(gates: Sequence[Gate], summary: Mapping[str, Any]) -> list[str]:
    """A sentence for each gate of the suite that the run breaks; a metric without a value breaks its gate."""
    broken = []
    for gate in gates:
        name = gate.metric + (f" of {gate.category}" if gate.category else "")
        value = _value(summary, gate.metric, gate.category)
        if value is None:
            broken.append(f"{name} was not measured")
        elif gate.min is not None and value < gate.min - TOLERANCE:
            broken.append(f"{name} is {value:.4f}, below {gate.min:g}")
        elif gate.max is not None and value > gate.max + TOLERANCE:
            broken.append(f"{name} is {value:.4f}, above {gate.max:g}")
    return broken


def _value(summary: Mapping[str, Any], metric: str, category: str | None) -> float | None:
    metrics = summary["metrics"] if category is None else summary["by_category"].get(category, {})
    entry = metrics.get(metric)
    return None if entry is None else entry["value"]


def read_floors(path: Path) -> dict[str, Any]:
    """The floors file; empty where there is none. Raises UsageError where it is not one."""
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UsageError(
            f"the floors cannot be read ({error})", where=str(path), next_step="correct the file"
        ) from error
    for name, entry in found.items() if isinstance(found, dict) else ():
        if not (isinstance(entry, dict) and {"suite", "corpus", "floors"} <= entry.keys()):
            raise UsageError(
                "a suite's entry needs suite, corpus and floors",
                where=f"{path}: {name}",
                next_step="correct the file",
            )
        unknown = [metric for metric in entry["floors"] if metric.partition("/")[0] not in MEASURES]
        if unknown:
            raise UsageError(
                f"{unknown[0]!r} is not a metric",
                where=f"{path}: {name}",
                next_step=f"use one of {', '.join(MEASURES)}",
            )
    if not isinstance(found, dict):
        raise UsageError("an object of suites is needed", where=str(path), next_step="correct the file")
    return found


def broken_floors(
    floors: Mapping[str, Any], identity: Mapping[str, Any], summary: Mapping[str, Any]
) -> list[str]:
    """A sentence for each floor that the run breaks. A key is METRIC or METRIC/CATEGORY.

    For a metric of which less is better the pinned number is a ceiling. Raises UsageError where the suite has no
    floors, or they were pinned for another suite or corpus.
    """
    name = identity["suite"]["name"]
    entry = floors.get(name)
    if entry is None:
        raise UsageError(f"no floors are pinned for the suite {name!r}", next_step="pin them with --update")
    for part in ("suite", "corpus"):
        if entry[part] != identity[part]["digest"]:
            raise UsageError(
                f"the floors of {name!r} are for another {part} ({entry[part][:8]}, not {identity[part]['digest'][:8]})",
                next_step="look at what changed, then pin them again with --update",
            )
    broken = []
    for key, floor in entry["floors"].items():
        metric, _, category = key.partition("/")
        value = _value(summary, metric, category or None)
        if value is None:
            broken.append(f"{key} was not measured")
        elif _worse(metric, value, floor):
            broken.append(f"{key} is {value:.4f}, its floor is {floor:.4f}")
    return broken


def _worse(metric: str, value: float, floor: float) -> bool:
    return value < floor - TOLERANCE if MEASURES[metric].higher_is_better else value > floor + TOLERANCE


def update_floors(
    path: Path,
    identity: Mapping[str, Any],
    summary: Mapping[str, Any],
    metrics: Sequence[str],
    *,
    allow_lower: bool,
) -> list[str]:
    """Pin what the run reached for `metrics` (empty: those pinned already, else every measured one); what changed.

    Floors of the same suite and corpus are only raised. Raises UsageError, and writes nothing, where one would be
    lowered without `allow_lower`; other digests start anew, which also needs `allow_lower` where a floor falls.
    """
    floors = read_floors(path)
    name = identity["suite"]["name"]
    before: dict[str, float] = floors.get(name, {}).get("floors", {})
    measured = [metric for metric, entry in summary["metrics"].items() if entry["value"] is not None]
    wanted = list(metrics) or list(before) or measured
    after = dict(before)
    changes, lowered = [], []
    for key in wanted:
        metric, _, category = key.partition("/")
        if metric not in MEASURES:
            raise UsageError(f"{metric!r} is not a metric", next_step=f"use one of {', '.join(MEASURES)}")
        value = _value(summary, metric, category or None)
        if value is None:
            raise UsageError(f"{key} was not measured in this run", next_step="leave it out")
        if key in before and _worse(metric, value, before[key]):
            lowered.append(f"{key} {before[key]:.4f} → {value:.4f}")
        if before.get(key) != value:
            changes.append(f"{key} {'new' if key not in before else f'{before[key]:.4f}'} → {value:.4f}")
        after[key] = value
    if lowered and not allow_lower:
        raise UsageError(
            f"{len(lowered)} floors would be lowered ({'; '.join(lowered)})",
            where=str(path),
            next_step="find out why; if it is meant, repeat with --allow-lower",
        )
    floors[name] = {
        "suite": identity["suite"]["digest"],
        "corpus": identity["corpus"]["digest"],
        "floors": dict(sorted(after.items())),
    }
    write_whole(path, as_document(floors))
    return changes

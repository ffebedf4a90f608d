"""`suite.yaml`: name, version, licence, primary metric, gates and where the corpus is; checked value by value."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import yaml

from evals.checker import Checker, Problem, kind_of
from evals.measures import MEASURES

_YAML_FIELDS = ("name", "version", "licence", "primary_metric", "gates", "corpus", "description")


def read_yaml(path: Path, problems: list[Problem]) -> dict[str, Any]:
    """The checked values of `suite.yaml`; empty where the file is absent or unusable."""
    if not path.exists():
        return {}
    try:
        text = path.read_bytes().decode("utf-8-sig")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        value = yaml.safe_load(text)
    except UnicodeDecodeError as error:
        problems.append(Problem(str(path), None, "", f"not UTF-8 (byte {error.start + 1})"))
        return {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reason = getattr(error, "problem", None) or "unreadable"
        problems.append(Problem(str(path), mark.line + 1 if mark else None, "", f"not YAML: {reason}"))
        return {}
    if value is None:
        return {}
    if not isinstance(value, dict) or not isinstance(node, yaml.MappingNode):
        problems.append(Problem(str(path), 1, "", "names and values are needed"))
        return {}
    lines = {key.value: key.start_mark.line + 1 for key, _ in node.value}
    found: dict[str, Any] = {}
    for name, entry in value.items():
        check = Checker({str(name): entry}, str(path), lines.get(str(name)), problems)
        if name not in _YAML_FIELDS:
            check.report(str(name), f"unknown field; known are {', '.join(_YAML_FIELDS)}")
        elif name == "gates":
            found["gates"] = _gates(check)
        elif name == "version" and isinstance(entry, int | float | dt.date) and not isinstance(entry, bool):
            found["version"] = str(entry)
        elif entry is not None:
            found[name] = check.text(name)
            if name == "primary_metric" and found[name] is not None and found[name] not in MEASURES:
                check.report(name, f"{entry!r} is not a metric; known are {', '.join(MEASURES)}")
    return found


def _gates(check: Checker) -> list[dict[str, Any]]:
    if check.value.get("gates") == []:
        return []
    gates = []
    for _, inner in check.objects("gates") or ():
        inner.unknown(("metric", "category", "min", "max"))
        metric = inner.text("metric", required=True)
        if metric is not None and metric not in MEASURES:
            inner.report("metric", f"{metric!r} is not a metric; known are {', '.join(MEASURES)}")
        gate: dict[str, Any] = {"metric": metric, "category": inner.text("category")}
        for name in ("min", "max"):
            bound = inner.value.get(name)
            if bound is not None and (isinstance(bound, bool) or not isinstance(bound, int | float)):
                inner.report(name, f"a number is needed, not {kind_of(bound)}")
            elif bound is not None:
                gate[name] = float(bound)
        if not (inner.given("min") or inner.given("max")):
            inner.report("min", "the field is missing")
        gates.append(gate)
    return gates

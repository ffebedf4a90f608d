"""What to do about a run, as `onrecord eval` says it; the Evaluate page says it in its own words (`rag.wording`)."""

from __future__ import annotations

from enum import StrEnum


class RunWay(StrEnum):
    GO_ON = "run the same command again to go on"
    FINISH = "run the same `eval answers` again to finish it"
    RETRY = "run again with --retry-failed"
    SEE_ERRORS = "see `error` in results.jsonl"
    SEE_REASONS = "see the reasons above"
    OTHER_FOLDER = "choose another --out"

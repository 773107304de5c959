"""Parts of a report that answer METRICS and CLEAR item by item, from the record of the run."""

from __future__ import annotations

from radiomics.io.files.tables import FeatureTable, Manifest
from radiomics.pipelines.report import clear, metrics
from radiomics.pipelines.report.run_record import AUTHOR, MET, NONE, NOT, Question, RunRecord
from radiomics.pipelines.study.results import Study
from radiomics.reporting.html import Section, Table

HEADS = ("No.", "Item", "State", "Evidence in this run, or what to fill in")


def guideline_sections(study: Study, source: Manifest | FeatureTable) -> list[Section]:
    """Return the sections that answer METRICS [1]_ and CLEAR [2]_.

    Nothing is claimed without evidence of this run.

    References
    ----------
    .. [1] Kocak et al., Insights into Imaging 15 (2024) 8.
    .. [2] Kocak et al., Insights into Imaging 14 (2023) 75.
    """
    record = RunRecord(study, source)
    return [
        _section("METRICS", "METhodological RadiomICs Score, 2024", metrics.ITEMS, record),
        _section("CLEAR", "CheckList for EvaluAtion of Radiomics, 2023", clear.ITEMS, record),
    ]


def _section(name: str, full: str, items: tuple[Question, ...], record: RunRecord) -> Section:
    answers = [answer(record) for _, answer in items]
    states = [state for state, _ in answers]
    rows = [
        [str(n), title, state.replace(" ", "\xa0"), told]
        for n, ((title, _), (state, told)) in enumerate(zip(items, answers, strict=True), start=1)
    ]
    count = {state: states.count(state) for state in (MET, NOT, AUTHOR, NONE)}
    told = ", ".join(f"{number} {state}" for state, number in count.items() if number)
    text = (
        f"The {len(items)} items of {name} ({full}), in short words of our own, answered from what "
        f"this run recorded: {told}. What a program cannot know is left to the author, also where "
        f"the study may meet it."
    )
    return Section(f"{name}, item by item", text, Table(HEADS, rows))

"""The fault report of the whole folder, checked after its other tests have run."""

from pathlib import Path

import pytest

from support.faults.report import REPORT

LEAST_FAULTS = 120


def test_a_hundred_and_twenty_distinct_faults_were_tried_and_all_survived(
    request: pytest.FixtureRequest,
) -> None:
    here = Path(__file__).parent
    config, items = request.config, request.session.items
    narrowed = config.option.keyword or config.option.markexpr or config.option.lf
    if narrowed or any("::" in argument for argument in config.args):
        pytest.skip("only a part of the suite was selected")
    if set(here.glob("test_*.py")) - {item.path for item in items}:
        pytest.skip("only a part of the suite was selected")
    # All of them in this process: a report of half of them would pass as well. The tests of
    # memory report no fault, and run on any worker.
    ours = {item.nodeid for item in items if here in item.path.parents}
    apart = {item.nodeid for item in items if item.path == here / "test_memory.py"}
    assert ours - apart == REPORT.tests - apart
    assert len(REPORT.faults) >= LEAST_FAULTS
    assert [name for name, well in REPORT.tried.items() if not well] == []

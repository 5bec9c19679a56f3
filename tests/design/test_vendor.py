import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    monkeypatch.delitem(sys.modules, "vendor", raising=False)
    import vendor

    return vendor


def test_every_vendored_file_is_the_one_that_was_listed(vendor) -> None:
    assert vendor.differences() == []


def test_the_notice_names_what_is_vendored(vendor) -> None:
    import json

    data = json.loads(vendor.LIST.read_text())

    assert vendor.NOTICE.read_text() == vendor.notice(data)

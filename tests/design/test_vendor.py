import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

TOOL = Path(__file__).resolve().parents[2] / "tools" / "vendor.py"


@pytest.fixture(scope="module")
def vendor() -> ModuleType:
    """Return the tool, which is a script and in no package."""
    spec = importlib.util.spec_from_file_location("vendor", TOOL)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_vendored_file_is_the_one_that_was_listed(vendor: ModuleType) -> None:
    assert vendor.differences() == []


def test_the_notice_names_what_is_vendored(vendor: ModuleType) -> None:
    data = json.loads(vendor.LIST.read_text())

    assert vendor.NOTICE.read_text() == vendor.notice(data)

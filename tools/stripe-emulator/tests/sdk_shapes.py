"""What the SDK's resource classes promise about an answer."""

import ast
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

PLACES = {
    "billing_portal.configuration": ("billing_portal/_configuration", "Configuration"),
    "billing_portal.session": ("billing_portal/_session", "Session"),
    "billing.meter": ("billing/_meter", "Meter"),
    "billing.meter_event": ("billing/_meter_event", "MeterEvent"),
    "billing.meter_event_summary": (
        "billing/_meter_event_summary",
        "MeterEventSummary",
    ),
    "checkout.session": ("checkout/_session", "Session"),
    "entitlements.active_entitlement": (
        "entitlements/_active_entitlement",
        "ActiveEntitlement",
    ),
    "entitlements.active_entitlement_summary": (
        "entitlements/_active_entitlement_summary",
        "ActiveEntitlementSummary",
    ),
    "entitlements.feature": ("entitlements/_feature", "Feature"),
    "invoiceitem": ("_invoice_item", "InvoiceItem"),
    "item": ("_line_item", "LineItem"),
    "line_item": ("_invoice_line_item", "InvoiceLineItem"),
    "list": ("_list_object", "ListObject"),
    "test_helpers.test_clock": ("test_helpers/_test_clock", "TestClock"),
}


@cache
def _class(kind: str) -> ast.ClassDef:
    title = "".join(part.title() for part in kind.split("_"))
    path, name = PLACES.get(kind, (f"_{kind}", title))
    spec = find_spec("stripe")
    assert spec is not None
    assert spec.origin is not None
    source = (Path(spec.origin).parent / f"{path}.py").read_text("utf-8")
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return node
    raise AssertionError(kind)


def problems(value: Any, where: str = "") -> list[str]:
    """Fields that the SDK says are always there and are not, at any depth."""
    if isinstance(value, list):
        return [bad for entry in value for bad in problems(entry, where)]
    if not isinstance(value, dict):
        return []
    found = []
    if isinstance(value.get("object"), str):
        found += _against(_class(value["object"]), value, where or value["object"])
    for name, inner in value.items():
        if name != "metadata":
            found += problems(inner, f"{where or value.get('object', '')}.{name}")
    return found


def _against(shape: ast.ClassDef, value: dict[str, Any], where: str) -> list[str]:
    """Compare one object with one class, and its nested hashes with theirs."""
    nested = {node.name: node for node in shape.body if isinstance(node, ast.ClassDef)}
    found = []
    for node in shape.body:
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
            continue
        kind, name = ast.unparse(node.annotation), node.target.id
        if kind.startswith("ClassVar"):
            continue
        inner = value.get(name)
        if inner is None:
            if not kind.startswith("Optional"):
                found.append(f"{where}.{name}")
            continue
        for part in nested:
            if kind in {part, f"Optional[{part}]"} and isinstance(inner, dict):
                found += _against(nested[part], inner, f"{where}.{name}")
            if kind in {f"List[{part}]", f"Optional[List[{part}]]"}:
                for entry in inner:
                    found += _against(nested[part], entry, f"{where}.{name}")
    return found

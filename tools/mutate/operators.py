"""The small changes: cosmic-ray's own, and those a query can suffer."""

from collections.abc import Iterator
from typing import Any

from cosmic_ray.operators.operator import Example, Operator
from cosmic_ray.plugins import get_operator
from parso.python.tree import Name, String
from parso.tree import NodeOrLeaf

Position = tuple[tuple[int, int], tuple[int, int]]

# One change for each kind of slip; the library has more of the same kinds.
LIBRARY = (
    "AddNot",
    "NumberReplacer",
    "RemoveDecorator",
    "ReplaceAndWithOr",
    "ReplaceBinaryOperator_Add_Sub",
    "ReplaceBinaryOperator_FloorDiv_Div",
    "ReplaceBinaryOperator_Mod_Mul",
    "ReplaceBinaryOperator_Mul_FloorDiv",
    "ReplaceBinaryOperator_Sub_Add",
    "ReplaceBreakWithContinue",
    "ReplaceComparisonOperator_Eq_NotEq",
    "ReplaceComparisonOperator_Gt_GtE",
    "ReplaceComparisonOperator_GtE_Gt",
    "ReplaceComparisonOperator_Lt_LtE",
    "ReplaceComparisonOperator_LtE_Lt",
    "ReplaceComparisonOperator_NotEq_Eq",
    "ReplaceFalseWithTrue",
    "ReplaceOrWithAnd",
    "ReplaceTrueWithFalse",
    "ReplaceUnaryOperator_Delete_Not",
    "ZeroIterationForLoop",
)


class DropLink(Operator):
    """Leave out a link of a query: its lock, its order or what it lets be seen."""

    LINKS = frozenset(
        {
            "select_for_update",
            "order_by",
            "visible_to",
            "filter",
            "exclude",
            "distinct",
            "listed",
        }
    )

    def mutation_positions(self, node: NodeOrLeaf) -> Iterator[Position]:
        for index in self._links(node):
            link = node.children[index]  # type: ignore[attr-defined]
            yield link.start_pos, link.end_pos

    def mutate(self, node: NodeOrLeaf, index: int) -> NodeOrLeaf:
        start = self._links(node)[index]
        del node.children[start : start + 2]  # type: ignore[attr-defined]
        return node

    def _links(self, node: NodeOrLeaf) -> list[int]:
        """Return where in a chain a link begins that something still follows."""
        parts = getattr(node, "children", [])
        return [
            index
            for index in range(1, len(parts) - 2)
            if parts[index].type == parts[index + 1].type == "trailer"
            and parts[index].children[0].value == "."
            and parts[index].children[1].value in self.LINKS
            and parts[index + 1].children[0].value == "("
        ]

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            Example("a.select_for_update().get(pk=1)", "a.get(pk=1)"),
            Example("a.filter(b=1).order_by('b')[0]", "a.order_by('b')[0]"),
            Example("a.filter(b=1).order_by('b')[0]", "a.filter(b=1)[0]", 1),
        )


class SwapName(Operator):
    """Put one name in another's place: the other way of rounding, the other bound."""

    OTHER = {
        "ROUND_HALF_EVEN": "ROUND_DOWN",
        "ROUND_CEILING": "ROUND_FLOOR",
        "ROUND_FLOOR": "ROUND_CEILING",
        "ROUND_UP": "ROUND_DOWN",
        "ceil": "floor",
        "min": "max",
        "max": "min",
        "all": "any",
        "any": "all",
    }

    def mutation_positions(self, node: NodeOrLeaf) -> Iterator[Position]:
        if isinstance(node, Name) and node.value in self.OTHER:
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> NodeOrLeaf:
        return Name(self.OTHER[node.value], node.start_pos, node.prefix)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (Example("x = max(a, b)", "x = min(a, b)"),)


class TurnOrder(Operator):
    """Let what came last come first: ``"-pk"`` for ``"pk"`` and the other way."""

    def mutation_positions(self, node: NodeOrLeaf) -> Iterator[Position]:
        if isinstance(node, String) and self._is_order(node):
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> NodeOrLeaf:
        quote, text = node.value[0], node.value[1:-1]
        turned = text.removeprefix("-") if text.startswith("-") else f"-{text}"
        return String(f"{quote}{turned}{quote}", node.start_pos, node.prefix)

    @staticmethod
    def _is_order(node: NodeOrLeaf) -> bool:
        call = node.search_ancestor("trailer")
        name = call.get_previous_leaf() if call else None
        return name is not None and name.value == "order_by"

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            Example("a.order_by('-pk')", "a.order_by('pk')"),
            Example("a.order_by('pk')", "a.order_by('-pk')"),
        )


OWN = (DropLink, SwapName, TurnOrder)


def operators() -> dict[str, Operator]:
    """Return every small change by its name."""
    library = {name: get_operator(f"core/{name}")() for name in LIBRARY}
    return {**library, **{kind.__name__: kind() for kind in OWN}}

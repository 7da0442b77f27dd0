"""Conditions on the columns of a dataset, as `--where` and `--accept` take them.

A condition is written like Python: names are columns, texts are quoted, and `and`, `or`, `not`, comparisons,
`in [...]`, `+ - * /` and brackets mean what they mean there. `col("my column")` names a column whose name is
not a Python name. Nothing else is accepted, and nothing is executed.

    foot_skate_mm_per_frame < 4 and penetration_mm < 10 and read_as in ["hug", "bow"]

A comparison with a value that is missing (an empty cell, NaN) is false.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from intermask_cli.errors import InputError

_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_ARITHMETIC: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
#: Longer conditions are a mistake, or an attempt to exhaust the parser.
_LONGEST = 2000
_GRAMMAR = (
    'accepted: columns, numbers, "texts", comparisons, in [...], and, or, not, + - * / and brackets, such as '
    'foot_skate_mm_per_frame < 4 and not read_as == "hug"'
)


@dataclass(frozen=True)
class Condition:
    """A parsed condition. `columns` are the names it uses."""

    text: str
    columns: frozenset[str]
    _tree: ast.expr

    @classmethod
    def parse(cls, text: str) -> Condition:
        """Raises InputError for anything that is not a condition."""
        if len(text) > _LONGEST:
            raise InputError(f"a condition of {len(text):,} characters; accepted: up to {_LONGEST:,}")
        try:
            tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise InputError(f"condition {text!r} cannot be read; {_GRAMMAR}") from error
        columns: set[str] = set()
        _check(tree, text, columns)
        if not columns:
            raise InputError(f"condition {text!r} names no column; {_GRAMMAR}")
        return cls(text, frozenset(columns), tree)

    def check_columns(self, known: Mapping[str, Any] | set[str]) -> None:
        """InputError for a name that is not a column."""
        for name in sorted(self.columns):
            if name not in known:
                raise InputError(
                    f"condition {self.text!r}: no column '{name}'; there are: {', '.join(sorted(known))}; "
                    "texts are quoted"
                )

    def check_types(self, texts: Collection[str], numbers: Collection[str]) -> None:
        """InputError where a text is compared with a number, or calculated with.

        texts, numbers: columns that hold such values; others may hold either.
        """
        _Types(texts, numbers, self.text).is_text(self._tree)

    def holds(self, row: Mapping[str, Any]) -> bool:
        """Whether it is true of one row. Raises InputError where a text is compared with a number."""
        return bool(_value(self._tree, row, self.text))


def _check(node: ast.AST, text: str, columns: set[str]) -> None:
    """Raise InputError unless the tree has nothing but what conditions are made of; collect its columns."""
    if isinstance(node, ast.Name):
        columns.add(node.id)
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float, str, bool):
        pass
    elif isinstance(node, ast.Call) and _called_column(node) is not None:
        columns.add(str(_called_column(node)))
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            _check(value, text, columns)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        _check(node.operand, text, columns)
    elif isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
        _check(node.left, text, columns)
        _check(node.right, text, columns)
    elif isinstance(node, ast.Compare):
        _check(node.left, text, columns)
        for op, right in zip(node.ops, node.comparators, strict=True):
            if isinstance(op, ast.In | ast.NotIn) and isinstance(right, ast.List | ast.Tuple):
                for value in right.elts:
                    _check(value, text, columns)
            elif type(op) in _COMPARISONS:
                _check(right, text, columns)
            else:
                raise InputError(f"condition {text!r}: {ast.unparse(node)!r} cannot be used; {_GRAMMAR}")
    else:
        part = ast.unparse(node) if isinstance(node, ast.expr) else text
        raise InputError(f"condition {text!r}: {part!r} cannot be used; {_GRAMMAR}")


class _Types:
    """The type that each part of a checked tree has: True for a text, False for a number, None for either."""

    def __init__(self, texts: Collection[str], numbers: Collection[str], condition: str):
        self._texts, self._numbers, self._condition = texts, numbers, condition

    def is_text(self, node: ast.AST) -> bool | None:
        """Raises InputError where texts and numbers are mixed."""
        if isinstance(node, ast.Constant):
            return isinstance(node.value, str)
        if isinstance(node, ast.Name | ast.Call):
            name = node.id if isinstance(node, ast.Name) else _called_column(node)
            return True if name in self._texts else False if name in self._numbers else None
        if isinstance(node, ast.Compare):
            sides = [node.left]
            for side in node.comparators:
                sides += side.elts if isinstance(side, ast.List | ast.Tuple) else [side]
            if {True, False} <= {self.is_text(side) for side in sides}:
                raise self._error(node, "compares a text with a number")
        elif isinstance(node, ast.BoolOp):
            for value in node.values:
                self.is_text(value)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            self.is_text(node.operand)
        else:
            assert isinstance(node, ast.UnaryOp | ast.BinOp)
            operands = [node.operand] if isinstance(node, ast.UnaryOp) else [node.left, node.right]
            if True in [self.is_text(operand) for operand in operands]:
                raise self._error(node, "calculates with a text")
        return False

    def _error(self, node: ast.expr, problem: str) -> InputError:
        return InputError(
            f"condition {self._condition!r}: {ast.unparse(node)!r} {problem}; columns of texts are: "
            f"{', '.join(sorted(self._texts))}"
        )


def _called_column(node: ast.Call) -> str | None:
    """The name in `col("name")`."""
    named = isinstance(node.func, ast.Name) and node.func.id == "col"
    if named and len(node.args) == 1 and not node.keywords and isinstance(node.args[0], ast.Constant):
        value = node.args[0].value
        return value if isinstance(value, str) else None
    return None


def _value(node: ast.AST, row: Mapping[str, Any], text: str) -> Any:
    """The value of a checked tree for a row; None where something is missing."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return _present(row[node.id])
    if isinstance(node, ast.Call):
        return _present(row[str(_called_column(node))])
    if isinstance(node, ast.BoolOp):
        values = (bool(_value(value, row, text)) for value in node.values)
        return all(values) if isinstance(node.op, ast.And) else any(values)
    if isinstance(node, ast.UnaryOp):
        value = _value(node.operand, row, text)
        if isinstance(node.op, ast.Not):
            return not value
        return None if value is None else -_number(value, row, text)
    if isinstance(node, ast.BinOp):
        left, right = _value(node.left, row, text), _value(node.right, row, text)
        if left is None or right is None:
            return None
        try:
            return _ARITHMETIC[type(node.op)](_number(left, row, text), _number(right, row, text))
        except ZeroDivisionError:
            return None
    assert isinstance(node, ast.Compare)
    left = _value(node.left, row, text)
    for op, comparator in zip(node.ops, node.comparators, strict=True):
        if isinstance(op, ast.In | ast.NotIn):
            assert isinstance(comparator, ast.List | ast.Tuple)
            options = [_value(value, row, text) for value in comparator.elts]
            found = any(_compare(operator.eq, left, option, row, text) for option in options)
            if left is None or found == isinstance(op, ast.NotIn):
                return False
        else:
            right = _value(comparator, row, text)
            if not _compare(_COMPARISONS[type(op)], left, right, row, text):
                return False
            left = right
    return True


def _compare(
    compare: Callable[[Any, Any], bool], left: Any, right: Any, row: Mapping[str, Any], text: str
) -> bool:
    if left is None or right is None:
        return False
    if isinstance(left, str) and isinstance(right, str):
        return compare(left, right)
    return compare(_number(left, row, text), _number(right, row, text))


def _present(value: Any) -> Any:
    """A cell's value, None if it is empty or NaN."""
    if value == "" or value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    return value


def _number(value: Any, row: Mapping[str, Any], text: str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        where = f" of {row['id']}" if "id" in row else ""
        raise InputError(f"condition {text!r}: {value!r}{where} is not a number") from error

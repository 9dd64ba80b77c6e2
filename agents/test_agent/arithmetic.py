"""Evaluates arithmetic that a model wrote, without running it: bounded in length, depth, size and time."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable

Number = int | float

MAX_CHARACTERS = 200
MAX_BITS = 2048
"""Of a result or of anything on the way to it; some 600 decimal digits."""

_BINARY: dict[type[ast.operator], Callable[[Number, Number], Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_UNARY: dict[type[ast.unaryop], Callable[[Number], Number]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}


def evaluate(expression: str) -> Number:
    """The value of an expression of numbers, + - * / // % ** and parentheses.

    Raises:
        ValueError: it is something else, it has no value, or it is too long or too large. The text says which.
    """
    if len(expression) > MAX_CHARACTERS:
        raise ValueError(f"The expression has more than {MAX_CHARACTERS} characters.")
    try:
        tree = ast.parse(expression.strip(), mode="eval")
        return _bounded(_value(tree.body))
    except ZeroDivisionError:
        raise ValueError("Division by zero has no value.") from None
    except OverflowError:
        raise ValueError("The result is too large.") from None
    except (SyntaxError, RecursionError, MemoryError):
        raise ValueError("This is not an arithmetic expression.") from None


def _value(node: ast.expr) -> Number:
    match node:
        case ast.Constant(value=bool()):
            pass
        case ast.Constant(value=int() | float() as number):
            return _bounded(number)
        case ast.UnaryOp(op=sign, operand=operand) if type(sign) in _UNARY:
            return _UNARY[type(sign)](_value(operand))
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _power(_value(left), _value(right))
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _BINARY:
            return _bounded(_BINARY[type(sign)](_value(left), _value(right)))
    raise ValueError("Only numbers, + - * / // % ** and parentheses can be calculated.")


def _power(base: Number, exponent: Number) -> Number:
    # The size of the result is known before it is calculated, which could take hours.
    if isinstance(base, int) and isinstance(exponent, int) and base.bit_length() * abs(exponent) > MAX_BITS:
        raise ValueError("The power is too large.")
    result = base**exponent
    if isinstance(result, complex):
        raise ValueError("The root of a negative number has no real value.")
    return _bounded(result)


def _bounded(number: Number) -> Number:
    if isinstance(number, int) and number.bit_length() > MAX_BITS:
        raise ValueError("The result is too large.")
    if isinstance(number, float) and not math.isfinite(number):
        raise ValueError("The result is too large.")
    return number

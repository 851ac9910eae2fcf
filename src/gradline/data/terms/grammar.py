"""The grammar of formulas, R's: text to a tree, and the one text that every tree has."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from gradline.core.errors import RequestError
from gradline.data.terms.written_names import TRUTH, quoted

# A formula is written by hand and read back from files of models: these bound what a forged one may cost.
_MOST_CHARACTERS, _MOST_OPERATORS, _DEEPEST = 10_000, 300, 60

# How tightly an operator binds (R's order, ?Syntax); a sign before a factor binds more than a colon, less than a power.
_BINDS = {"~": 1, "+": 2, "-": 2, "*": 3, "/": 3, "%in%": 4, ":": 5, "^": 7}
_SIGN = 6
_READ_AS = {
    "**": "^",
    "factor": "C",
    "as.factor": "C",
}  # other words for the same; a %in% b is a:b (R's ?formula)


@dataclass(frozen=True)
class Name:
    """A column of the table."""

    name: str


@dataclass(frozen=True)
class Every:
    """The dot: every column that is no target."""


@dataclass(frozen=True)
class Literal:
    """A number, a text or a truth value."""

    value: float | str | bool


@dataclass(frozen=True)
class Call:
    """A function of some arguments; `I(…)` is one, and so is a list, `c(…)` or `[…]`."""

    function: str
    arguments: tuple["Node", ...]
    named: tuple[tuple[str, "Node"], ...] = ()


@dataclass(frozen=True)
class Operation:
    """An operator between two operands, or a sign before one (`left` is None)."""

    mark: str
    left: "Node | None"
    right: "Node"


Node = Name | Every | Literal | Call | Operation


class _Token(NamedTuple):
    kind: str
    text: str
    place: int


_TOKENS = re.compile(
    r"""\s*(?:
    (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<name>(?:[^\W\d]|\.(?=[^\W\d]))[\w.]*)
    |(?P<quoted>`(?:[^`]|``)+`)
    |(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<mark>\*\*|%in%|[-~+*/^:(),=\[\].])
    |(?P<end>$))""",
    re.VERBOSE,
)


def parse(formula: str) -> Node:
    """The tree of a formula. Raises `RequestError` that shows where it cannot be read."""
    if len(formula) > _MOST_CHARACTERS:
        raise RequestError(
            "formula-too-long",
            f"the formula has {len(formula):,} characters",
            f"write up to {_MOST_CHARACTERS:,}",
        )
    return _Parser(formula).whole()


class _Parser:
    """One walk along the tokens, by the strength of operators (Pratt 1973)."""

    def __init__(self, formula: str) -> None:
        self._formula, self._depth, self._operators = formula, 0, 0
        self._tokens = list(self._read())
        self._at = 0

    def _read(self) -> Iterator[_Token]:
        place = 0
        while True:
            found = _TOKENS.match(self._formula, place)
            if found is None or found.lastgroup is None:
                raise self._unreadable(place, "this is no part of a formula")
            kind = found.lastgroup
            yield _Token(kind, found[kind], found.start(kind))
            if kind == "end":
                return
            place = found.end()

    def whole(self) -> Node:
        found = self._expression(0)
        if self._next.kind != "end":
            raise self._unreadable(self._next.place, "an operator such as + or : is missing here")
        return found

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self) -> _Token:
        self._at += 1
        return self._tokens[self._at - 1]

    def _expression(self, least: int) -> Node:
        """As much as operators that bind at least so tightly hold together."""
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._unreadable(self._next.place, f"it is nested more than {_DEEPEST} deep")
        left = self._operand()
        while (
            mark := _READ_AS.get(self._next.text, self._next.text)
        ) in _BINDS and self._next.kind == "mark":
            binds = _BINDS[mark]
            if binds < least:
                break
            self._take()
            self._operators += 1
            if self._operators > _MOST_OPERATORS:
                raise self._unreadable(self._next.place, f"it has more than {_MOST_OPERATORS} operators")
            right = self._expression(binds if mark == "^" else binds + 1)
            left = Operation(":" if mark == "%in%" else mark, left, right)
        self._depth -= 1
        return left

    def _operand(self) -> Node:
        token = self._take()
        if token.kind == "number":
            return Literal(float(token.text))
        if token.kind == "text":
            return Literal(re.sub(r"\\(.)", r"\1", token.text[1:-1]))
        if token.kind == "quoted":
            return Name(token.text[1:-1].replace("``", "`"))
        if token.kind == "name":
            if self._next.text == "(" and self._next.kind == "mark":
                self._take()
                return self._call(token.text, ")")
            return Literal(TRUTH[token.text]) if token.text in TRUTH else Name(token.text)
        if token.kind == "mark":
            if token.text in "+-":
                return Operation(token.text, None, self._expression(_SIGN))
            if token.text == "~":
                return Operation("~", None, self._expression(_BINDS["~"] + 1))
            if token.text == ".":
                return Every()
            if token.text == "[":
                return self._call("c", "]")
            if token.text == "(":
                inside = self._expression(0)
                self._expect(")")
                return inside
        raise self._unreadable(token.place, "a column or a function is missing here")

    def _call(self, function: str, end: str) -> Node:
        arguments: list[Node] = []
        named: list[tuple[str, Node]] = []
        while self._next.text != end or self._next.kind != "mark":
            name = self._tokens[self._at + 1] if self._next.kind == "name" else None
            if name is not None and name.text == "=" and name.kind == "mark":
                key = self._take().text
                self._take()
                named.append((key, self._expression(0)))
            else:
                arguments.append(self._expression(0))
            if self._next.text != ",":
                break
            self._take()
        self._expect(end)
        if function == "ordered":
            return Call("C", (*arguments, Name("poly")), tuple(named))
        return Call(_READ_AS.get(function, function), tuple(arguments), tuple(named))

    def _expect(self, mark: str) -> None:
        if self._next.text != mark or self._next.kind != "mark":
            raise self._unreadable(self._next.place, f"{mark} is missing here")
        self._take()

    def _unreadable(self, place: int, why: str) -> RequestError:
        shown = f"{self._formula[max(0, place - 40) : place]} ▸ {self._formula[place : place + 20]}".strip()
        return RequestError(
            "formula-unreadable",
            f"the formula cannot be read at ▸ in {shown!r}: {why}",
            "write it as 'price ~ area * town + log(rooms)', and a column with an odd name between backticks",
        )


def text(node: Node) -> str:
    """The one text of a tree, spaced as R spaces it: trees are equal where their texts are."""
    if isinstance(node, Name):
        return quoted(node.name)
    if isinstance(node, Every):
        return "."
    if isinstance(node, Literal):
        return _literal(node.value)
    if isinstance(node, Call):
        given = [*map(text, node.arguments), *(f"{key}={text(value)}" for key, value in node.named)]
        return f"[{', '.join(given)}]" if node.function == "c" else f"{node.function}({', '.join(given)})"
    binds = _SIGN if node.left is None else _BINDS[node.mark]
    # What stands right of an operator is read to its end before; only a power is read from the right.
    right = _operand_text(node.right, binds + (node.left is not None and node.mark != "^"))
    if node.left is None:
        return f"{node.mark}{' ' * (node.mark == '~')}{right}"
    left = _operand_text(node.left, binds + (node.mark == "^"))
    space = "" if node.mark in ":^" else " "
    return f"{left}{space}{node.mark}{space}{right}"


def _operand_text(node: Node, least: int) -> str:
    found = text(node)
    if isinstance(node, Operation):
        binds = _SIGN if node.left is None and node.mark != "~" else _BINDS[node.mark]
        return f"({found})" if binds < least else found
    return found


def _literal(value: float | str | bool) -> str:
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return plain(value)


def plain(value: float) -> str:
    """A number in the fewest digits that read back as the same one, without `.0`."""
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)

"""The algebra of formulas (Wilkinson, Rogers 1973, as R has it): a tree to targets, terms in order, and a bias."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from gradline.core.errors import Notice, RequestError
from gradline.data.terms.grammar import Call, Every, Literal, Name, Node, Operation, parse, text

_MOST_TERMS = (
    10_000  # of one formula: (.)^5 over a wide table would fill the memory before anybody reads a row
)

Factors = tuple[Node, ...]  # a term is the product of these


@dataclass(frozen=True)
class Formula:
    """What a formula says: the targets, the terms, each a product of factors, and whether there is a bias.

    Terms stand in R's order: those of fewer factors first, else as they were written; the factors of a term as they
    appear in the formula. `targets` is empty where nothing stands left of ~.
    """

    targets: tuple[Node, ...]
    terms: tuple[Factors, ...]
    bias: bool
    notices: tuple[Notice, ...]


def target_nodes(formula: str) -> tuple[Node, ...]:
    """What stands left of ~, one node for each target."""
    return _targets(_sides(formula)[0])


def has_bias(formula: str) -> bool:
    """Whether the formula keeps its bias, which `- 1` and `+ 0` take away."""
    return expand(formula, ("x",)).bias


def has_dot(formula: str) -> bool:
    """Whether a dot in it stands for columns that only the table knows."""
    return any(isinstance(node, Every) for node in walk(parse(formula)))


def expand(formula: str, every: Sequence[str] = ()) -> Formula:
    """The targets and terms of a formula, in which a dot stands for the columns `every`.

    Raises `RequestError` for what cannot be read, or says nothing a linear model knows.
    """
    left, right = _sides(formula)
    algebra = _Algebra(every)
    terms = algebra.sum(right)
    order = {factor: i for i, factor in enumerate(_factors(right, every))}
    found = [tuple(sorted(term, key=lambda factor: order[text(factor)])) for term in terms]
    found.sort(key=len)
    return Formula(_targets(left), tuple(found), algebra.bias, tuple(algebra.notices))


def columns(factor: Node) -> Iterator[Name]:
    """The columns that a factor names; the contrast in C(town, sum) is none."""
    if isinstance(factor, Call) and factor.function == "C":
        factor = factor.arguments[0] if factor.arguments else Literal(1.0)
    return (node for node in walk(factor) if isinstance(node, Name))


def columns_named(formula: str) -> set[str]:
    """The columns that the terms of a formula name."""
    return {node.name for term in expand(formula).terms for factor in term for node in columns(factor)}


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it, from left to right."""
    yield node
    if isinstance(node, Call):
        for below in (*node.arguments, *(value for _, value in node.named)):
            yield from walk(below)
    if isinstance(node, Operation):
        for below in (node.left, node.right):
            if below is not None:
                yield from walk(below)


def _sides(formula: str) -> tuple[Node | None, Node]:
    tree = parse(formula)
    inside = tree.right if isinstance(tree, Operation) and tree.mark == "~" else tree
    left = tree.left if isinstance(tree, Operation) and tree.mark == "~" else None
    if any(isinstance(n, Operation) and n.mark == "~" for part in (left, inside) if part for n in walk(part)):
        raise RequestError("formula-two-tildes", f"the formula {formula!r} has more than one ~", "write one")
    return left, inside


def _targets(left: Node | None) -> tuple[Node, ...]:
    if left is None:
        return ()
    if isinstance(left, Call) and left.function in ("cbind", "c"):
        return left.arguments
    if isinstance(left, Operation):
        shown = text(left)
        raise RequestError(
            "formula-target-ambiguous",
            f"{shown} stands left of ~, which R takes for one target and others for two",
            f"write cbind(…, …) for several targets, or I({shown}) for one",
        )
    return (left,)


def _factors(node: Node, every: Sequence[str]) -> dict[str, None]:
    """The texts of the factors in the order in which they appear."""
    if isinstance(node, Operation):
        found: dict[str, None] = {}
        for part in (node.left, node.right):
            if part is not None:
                found |= {name: None for name in _factors(part, every) if name not in found}
        return found
    if isinstance(node, Every):
        return dict.fromkeys(text(Name(name)) for name in every)
    return {text(node): None}


class _Algebra:
    """The terms of a tree, each a tuple of different factors; what it says of the bias is noted on the way."""

    def __init__(self, every: Sequence[str]) -> None:
        self._every, self.bias = every, True
        self.notices: list[Notice] = []

    def terms(self, node: Node) -> list[Factors]:
        """The terms in the order in which they are written."""
        if isinstance(node, Every):
            return [(Name(name),) for name in self._every]
        if isinstance(node, Literal):
            raise _number_as_term(node)
        if not isinstance(node, Operation):
            return [(node,)]
        if node.mark in "+-":
            return self.sum(node)
        assert node.left is not None
        if node.mark == "^":
            return self._power(node.left, node.right)
        left, right = self.terms(node.left), self.terms(node.right)
        if node.mark == ":":
            return _crossed(left, right)
        if node.mark == "*":
            return _distinct([*left, *right, *_crossed(left, right)])
        return _distinct([*left, *_crossed([_joined(left)], right)])  # a/b: b within a

    def sum(self, node: Node) -> list[Factors]:
        """Terms added and taken away, from left to right; 1 and 0 are the bias and none."""
        steps: list[tuple[str, Node]] = []
        first: Node | None = node
        while isinstance(first, Operation) and first.mark in "+-":
            steps.append((first.mark, first.right))
            first = first.left
        if first is not None:
            steps.append(("+", first))
        found: list[Factors] = []
        for mark, part in reversed(steps):
            if isinstance(part, Literal) and part.value in (0.0, 1.0):
                self.bias = (mark == "+") == bool(part.value)
            elif mark == "+":
                found = _distinct([*found, *self.terms(part)])
            else:
                gone = {frozenset(map(text, term)) for term in self.terms(part)}
                found = [term for term in found if frozenset(map(text, term)) not in gone]
        return found

    def _power(self, left: Node, right: Node) -> list[Factors]:
        """(a + b)^2 is a + b + a:b, all products of up to so many."""
        order = right.value if isinstance(right, Literal) and isinstance(right.value, float) else 0.0
        if not order.is_integer() or not 1 <= order <= 100:
            raise RequestError(
                "formula-power-invalid",
                f"{text(left)}^{text(right)} crosses terms, and takes a whole number from 1",
                f"write I({text(left)}^{text(right)}) for the power of a number",
            )
        base = self.terms(left)
        found = base
        for _ in range(int(order) - 1):
            longer = _distinct([*found, *_crossed(found, base)])
            if len(longer) == len(found):
                break
            found = longer
        if len(base) == 1 and order > 1:
            shown = text(left)
            self.notices.append(
                Notice(
                    "power-crosses-terms",
                    f"{shown}^{text(right)} in a formula crosses {shown} with itself, as in R, which is {shown} again. "
                    f"For the power write I({shown}^{text(right)})",
                    is_warning=True,
                )
            )
        return found


def _number_as_term(node: Literal) -> RequestError:
    return RequestError(
        "formula-number-as-term",
        f"{text(node)} stands where a column is wanted",
        "write arithmetic within I(…), such as I(2*x), and 0 or 1 only to leave out or keep the bias",
    )


def _joined(terms: Iterable[Factors]) -> Factors:
    """The product of all factors of some terms, each once."""
    return tuple({text(factor): factor for term in terms for factor in term}.values())


def _crossed(left: Sequence[Factors], right: Sequence[Factors]) -> list[Factors]:
    if len(left) * len(right) > _MOST_TERMS:
        raise RequestError(
            "formula-too-many-terms",
            f"the formula has more than {_MOST_TERMS:,} terms",
            "write a shorter one",
        )
    return _distinct(_joined(pair) for pair in product(left, right))


def _distinct(terms: Iterable[Factors]) -> list[Factors]:
    """Each once: the order of its factors does not count."""
    return list({frozenset(map(text, term)): term for term in reversed(list(terms))}.values())[::-1]

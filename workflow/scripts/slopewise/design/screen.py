"""Formulas are data, not code: what a formula may hold, checked before anything evaluates it.

formulaic evaluates Python. So a formula is parsed with `ast` first. It may hold names of columns, numbers, operators
of model formulas and calls of a short list of functions; neither attributes nor subscripts nor text; and it must not
expand to more terms or larger bases than a growth model could use.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slopewise.run.errors import InputError
from slopewise.study.formulas import BACKTICK

MAX_CHARACTERS = 500
MAX_TERMS = 200
MAX_EXPONENT = 3
MAX_BASIS = 20  # columns that one poly, bs or cr may ask for
KEYWORDS: Mapping[str, frozenset[str]] = {
    "log": frozenset(),
    "sqrt": frozenset(),
    "exp": frozenset(),
    "I": frozenset(),
    "C": frozenset(),
    "poly": frozenset({"degree", "raw"}),
    "bs": frozenset({"df", "knots", "degree", "include_intercept"}),
    "cr": frozenset({"df", "knots"}),
    "harmonic": frozenset({"period", "k"}),
}
MAX_HARMONICS = 10
SPLINES = frozenset({"bs", "cr"})
HARMONIC = "write harmonic(time, 12, 2) for two harmonics of a period of 12 units of time"
_STRANGE = re.compile(r"[^A-Za-z0-9_ .,+*/:()=\[\]-]")


@dataclass(frozen=True)
class Formula:
    """A formula that passed the screen: its text, the columns it names and the functions it calls."""

    text: str
    variables: tuple[str, ...]
    calls: tuple[str, ...]
    categorical: tuple[str, ...]  # columns inside C(...)
    stateful: bool  # some constant is learned from the training rows
    polynomial: bool  # of degree 4 at most in every numeric column


class _Screen:
    """Walks the syntax tree of a formula and refuses everything that is not on the list."""

    def __init__(self, text: str, aliases: Mapping[str, str]) -> None:
        self.text = text
        self.aliases = aliases
        self.variables: dict[str, None] = {}
        self.calls: dict[str, None] = {}
        self.categorical: dict[str, None] = {}
        self.stateful = False

    def refuse(self, what: str, remedy: str) -> InputError:
        return InputError(f"formula {self.text!r}: {what}; {remedy}")

    def terms(self, node: ast.expr) -> int:
        """Screen one node of formula level; an upper bound for the number of its terms."""
        match node:
            case ast.BinOp(left, ast.Add() | ast.Sub(), right):
                count = self.terms(left) + self.terms(right)
            case ast.BinOp(left, ast.Mult(), right):
                first, second = self.terms(left), self.terms(right)
                count = first * second + first + second
            case ast.BinOp(left, ast.MatMult(), right):  # ":" of the formula
                count = self.terms(left) * self.terms(right)
            case ast.BinOp(left, ast.Div(), right):
                first = self.terms(left)
                count = first + first * self.terms(right)
            case ast.BinOp(left, ast.Pow(), right):
                power = self.exponent(right)
                if not isinstance(power, int):
                    base = ast.unparse(left).replace(" @ ", ":")
                    remedy = f"between terms ** takes a whole number up to {MAX_EXPONENT}; a power is "
                    raise self.refuse(f"{_shown(node)} is no term", f"{remedy}I({base}**{power:g})")
                count = self.terms(left) ** power
            case ast.UnaryOp(ast.USub() | ast.UAdd(), ast.Constant(value=0 | 1)):
                count = 1
            case ast.Constant(value=value):
                if isinstance(value, bool) or value not in (0, 1):
                    raise self.refuse(f"{value!r} is not a term", "only 0 and 1 (the intercept) may stand alone")
                count = 1
            case ast.Name() | ast.Call():
                self.factor(node)
                count = 1
            case _:
                raise self.refuse(
                    f"{_shown(node)} is not allowed",
                    "terms are columns and calls of " + ", ".join(KEYWORDS) + ", joined by + - * : / **",
                )
        if count > MAX_TERMS:
            raise self.refuse(f"it expands to more than {MAX_TERMS} terms", "write out the terms that you need")
        return count

    def factor(self, node: ast.expr) -> None:
        """Screen what stands inside one factor: arithmetic, names, numbers and listed calls."""
        match node:
            case ast.Name(id=name):
                self.variables[self.aliases.get(name, name)] = None
            case ast.Constant(value=value):
                self.number(value)
            case ast.BinOp(left, ast.Add() | ast.Sub() | ast.Mult(), right):
                self.factor(left)
                self.factor(right)
            case ast.BinOp(left, ast.Div(), right):
                self.factor(left)
                self.factor(right)
            case ast.BinOp(left, ast.Pow(), right):
                self.exponent(right)
                self.factor(left)
            case ast.UnaryOp(ast.USub() | ast.UAdd(), operand):
                self.factor(operand)
            case ast.Call(func=ast.Name(id=name)) if name in KEYWORDS:
                self.call(name, node)
            case ast.Call():
                raise self.refuse(f"{_shown(node.func)} is no known function", "use one of " + ", ".join(KEYWORDS))
            case _:
                raise self.refuse(f"{_shown(node)} is not allowed", "inside a call use columns, numbers, + - * / **")

    def call(self, name: str, node: ast.Call) -> None:
        if len(node.args) < 1 or (not KEYWORDS[name] and len(node.args) > 1):
            raise self.refuse(f"{name} takes one column first", f"write {name}(time) or the like")
        self.calls[name] = None
        first, *rest = node.args
        if name == "C":
            if not isinstance(first, ast.Name):
                raise self.refuse("C takes the name of one column", "make the column beforehand")
            self.categorical[self.aliases.get(first.id, first.id)] = None
        self.factor(first)
        if name == "harmonic":
            self.harmonic(rest, node.keywords)
            return
        options: dict[str, Any] = {}
        for keyword in node.keywords:
            if keyword.arg not in KEYWORDS[name]:
                raise self.refuse(f"{name} has no option {keyword.arg!r} here", _options(name))
            options[keyword.arg] = self.option(keyword.value)
            whole = keyword.arg in ("df", "degree")
            if whole and (isinstance(options[keyword.arg], bool) or not isinstance(options[keyword.arg], int)):
                raise self.refuse(
                    f"{keyword.arg} of {name} is {_shown(keyword.value)}", f"write a whole number of 1 to {MAX_BASIS}"
                )
        for position, value in enumerate(rest):
            known = name == "poly" and position < 2
            options[("degree", "raw")[position] if known else f"#{position}"] = self.option(value)
        self.stateful = self.stateful or name in SPLINES or (name == "poly" and not options.get("raw", False))

    def harmonic(self, rest: list[ast.expr], keywords: list[ast.keyword]) -> None:
        """Screen the period and the number of harmonics: ``harmonic(time, 12, 2)``."""
        given = dict(zip(("period", "k"), rest, strict=False))
        given |= {str(keyword.arg): keyword.value for keyword in keywords}
        known = len(rest) <= 2 and set(given) <= KEYWORDS["harmonic"] and len(given) == len(rest) + len(keywords)
        numbers = {key: node.value for key, node in given.items() if isinstance(node, ast.Constant)}
        period, k = numbers.get("period"), numbers.get("k", 1)
        if not known or len(numbers) < len(given) or isinstance(period, bool) or isinstance(k, bool):
            raise self.refuse("harmonic takes a column, its period and the number of harmonics", HARMONIC)
        if not isinstance(period, int | float) or not 0 < period < math.inf:
            raise self.refuse("the period of harmonic must be a number above 0", HARMONIC)
        if not isinstance(k, int) or not 1 <= k <= MAX_HARMONICS:
            raise self.refuse(f"harmonic takes 1 to {MAX_HARMONICS} harmonics", HARMONIC)

    def option(self, node: ast.expr) -> Any:
        """The value of an option: a number, True or False, or a list of numbers."""
        if isinstance(node, ast.List | ast.Tuple):
            if len(node.elts) > MAX_BASIS:
                raise self.refuse("the list is too long", f"at most {MAX_BASIS} knots")
            return [self.option(element) for element in node.elts]
        sign = 1
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            node, sign = node.operand, -1
        if not isinstance(node, ast.Constant):
            raise self.refuse(f"{_shown(node)} is not allowed as an option", "options are numbers, True or False")
        if isinstance(node.value, bool):
            return node.value
        value = sign * self.number(node.value)
        if isinstance(value, int) and value > MAX_BASIS:
            raise self.refuse(f"{value} is too large", f"at most {MAX_BASIS}; write a knot as {value}.0")
        return value

    def number(self, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self.refuse(f"{value!r} is not a plain number", "text and other literals are not allowed")
        return value

    def exponent(self, node: ast.expr) -> float:
        value = node.value if isinstance(node, ast.Constant) else None
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MAX_EXPONENT:
            raise self.refuse(f"exponent {_shown(node)} is not allowed", f"exponents are numbers up to {MAX_EXPONENT}")
        return value


def _degree(node: ast.expr, inside: bool = False) -> float:
    """An upper bound for the degree of a screened formula as a polynomial; infinite where it is none.

    inside: within a call, where "/" divides; outside it nests terms.
    """
    match node:
        case ast.Name():
            return 1
        case ast.Constant() | ast.Call(func=ast.Name(id="C")):
            return 0
        case ast.UnaryOp(operand=operand):
            return _degree(operand, inside)
        case ast.BinOp(left, ast.Add() | ast.Sub(), right):
            return max(_degree(left, inside), _degree(right, inside))
        case ast.BinOp(left, ast.Div(), right) if inside:
            return _degree(left, inside) if isinstance(right, ast.Constant) else math.inf
        case ast.BinOp(left, ast.Mult() | ast.MatMult() | ast.Div(), right):
            return _degree(left, inside) + _degree(right, inside)
        case ast.BinOp(left, ast.Pow(), ast.Constant(value=int(exponent))):
            return exponent * _degree(left, inside)
        case ast.Call(func=ast.Name(id="I"), args=[first]):
            return _degree(first, True)
        case ast.Call(func=ast.Name(id="poly"), args=[first, *rest], keywords=keywords):
            named = [keyword.value for keyword in keywords if keyword.arg == "degree"]
            match [*rest[:1], *named, ast.Constant(1)][0]:
                case ast.Constant(value=int(degree)):
                    return degree * _degree(first, True)
    return math.inf


def _shown(node: ast.expr) -> str:
    return repr(ast.unparse(node).replace(" @ ", ":")[:40])


def _options(name: str) -> str:
    return "its options are " + ", ".join(sorted(KEYWORDS[name])) if KEYWORDS[name] else "it has none"


def screen(text: str) -> Formula:
    """Check that `text` is a formula and nothing more.

    A one-sided formula such as ``"~ time * sex + age"``. Backticks quote a column whose name is no Python name.
    Raises `InputError` with the offending part and what is allowed instead.
    """
    if not isinstance(text, str) or not text.strip():
        raise InputError(f"formula {text!r}: it is empty; write for example ~ time")
    if len(text) > MAX_CHARACTERS:
        raise InputError(f"formula {text[:40]!r}...: {len(text)} characters; at most {MAX_CHARACTERS} are allowed")
    body = text.strip().removeprefix("~").strip()
    aliases: dict[str, str] = {}

    def alias(found: re.Match[str]) -> str:
        name = f"backtick_{len(aliases)}_"
        aliases[name] = found.group(1)
        return name

    replaced = BACKTICK.sub(alias, body)
    strange = _STRANGE.search(replaced)
    if strange:
        raise InputError(f"formula {text!r}: {strange.group()!r} is not allowed; quote unusual names with backticks")
    walker = _Screen(text, aliases)
    try:
        tree = ast.parse(replaced.replace(":", "@"), mode="eval")
        walker.terms(tree.body)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise InputError(f"formula {text!r}: it cannot be read; write for example ~ time * sex + age") from None
    clash = [name for name in walker.variables if name in KEYWORDS]
    if clash:
        raise walker.refuse(f"{clash[0]!r} is both a function and a column", "rename the column")
    return Formula(
        text="~ " + body,
        variables=tuple(walker.variables),
        calls=tuple(walker.calls),
        categorical=tuple(walker.categorical),
        stateful=walker.stateful,
        polynomial=_degree(tree.body) <= 4,
    )


def as_python(text: str) -> str:
    """A screened formula as text that `ast` reads: ":" becomes "@", quoted names go."""
    return BACKTICK.sub("quoted", text.removeprefix("~")).replace(":", "@").strip()


def screen_factor(text: str, formula: Formula) -> None:
    """Screen one factor as formulaic read it: nothing may be evaluated that the screen of the formula did not see."""
    if text in formula.variables:  # formulaic takes the backticks of a plain column off
        return
    walker = _Screen(formula.text, {})
    quoted = BACKTICK.sub(lambda found: "quoted", text)
    try:
        walker.factor(ast.parse(quoted, mode="eval").body)
    except SyntaxError:
        raise walker.refuse(f"{text[:40]!r} is not a factor", "write for example ~ time * sex + age") from None
    if not set(walker.variables) <= {*formula.variables, "quoted"}:
        raise walker.refuse(f"{text[:40]!r} names a column that was not screened", "write the formula more plainly")


class _Straight(ast.NodeTransformer):
    """Puts the predictor in the place of every function of it."""

    def __init__(self, predictor: str) -> None:
        self.predictor = predictor

    def visit_Call(self, node: ast.Call) -> ast.AST:
        named = {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
        return ast.Name(self.predictor, ast.Load()) if self.predictor in named else node


def straight(formula: str, predictor: str) -> str:
    """The formula with every curve of the predictor in place of it: ``~ cr(time, df=3) * sex`` is ``~ time * sex``."""
    quoted: list[str] = []

    def alias(found: re.Match[str]) -> str:
        quoted.append(found[1])
        return f"backtick_{len(quoted) - 1}_"

    text = as_python(BACKTICK.sub(alias, formula.strip()))
    name = f"backtick_{quoted.index(predictor)}_" if predictor in quoted else predictor
    tree = _Straight(name).visit(ast.parse(text, mode="eval"))
    plain = ast.unparse(tree).replace(" @ ", ":")
    return "~ " + re.sub(r"backtick_(\d+)_", lambda found: f"`{quoted[int(found[1])]}`", plain)


def is_straight(formula: str, predictor: str) -> bool:
    """Whether a formula holds no function of the predictor."""
    return straight(formula, predictor) == straight(formula, "")

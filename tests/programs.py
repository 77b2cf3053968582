"""Random programs that are right: every name is bound, every type fits, every construct of the language turns up.

`programs()` gives source text. Models are servers that nobody runs, so such a program is run with stand-ins.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import strategies as st

MODELS = """model writer = language(endpoint: "http://127.0.0.1:9/v1", name: "none")
model painter = diffusion("nobody/paints")
model judge = scorer("nobody/judges")
"""

WORDS = ["red", "a b", "", "naïve", "x${1 + 1}y", 'say \\"hi\\"', "{brace}", "\\$ten"]
COMPARISONS = ["<", "<=", "==", "!=", ">", ">="]
RECORD = "{ name: text, size: int }"
SCALARS = ["int", "float", "bool", "text", "size", "duration", "image"]
TYPES = [*SCALARS, "list<int>", "list<text>", "list<image>", RECORD]


@dataclass
class _Names:
    """What is in sight, by type, and how deep the expression is."""

    known: dict[str, list[str]] = field(default_factory=dict)
    count: int = 0
    depth: int = 0

    def fresh(self) -> str:
        self.count += 1
        return f"n{self.count}"

    def inside(self, **more: str) -> _Names:
        known = {type_: list(names) for type_, names in self.known.items()}
        for name, type_ in more.items():
            known.setdefault(type_, []).append(name)
        return _Names(known, self.count + 100 * (self.depth + 1), self.depth + 1)


@st.composite
def programs(draw: st.DrawFn) -> str:
    """A file with one to three flows; later ones may call earlier ones."""
    flows: list[tuple[str, list[str], str]] = []
    text = MODELS + "record Item { name: text, size: int }\nlet limit = 1 + 2\n"
    for number in range(draw(st.integers(1, 3))):
        params = draw(st.lists(st.sampled_from(["int", "text", "float", "bool", RECORD]), max_size=3))
        names = _Names({"int": ["limit"]})
        shown = []
        for index, type_ in enumerate(params):
            names.known.setdefault(type_, []).append(f"p{index}")
            shown.append(f"p{index}: {type_} = {_literal(draw, type_)}")
        result = draw(st.sampled_from(TYPES))
        body = _block(draw, names, result, flows)
        text += f"\n/// Flow number {number}.\nflow f{number}({', '.join(shown)}) -> {result} {body}\n"
        flows.append((f"f{number}", params, result))
    return text


def _literal(draw: st.DrawFn, type_: str) -> str:
    match type_:
        case "int":
            return str(draw(st.integers(-3, 9)))
        case "float":
            return draw(st.sampled_from(["0.5", "2.0", "40%", "1e-3", "2x"]))
        case "bool":
            return draw(st.sampled_from(["true", "false"]))
        case "text":
            word = draw(st.sampled_from([word for word in WORDS if "${" not in word]))
            return f'"{word}"'
        case "size":
            return draw(st.sampled_from(["8x8", "16x9", "1x1"]))
        case "duration":
            return draw(st.sampled_from(["4s", "250ms", "2min"]))
        case "image":
            return f'solid({_literal(draw, "size")}, "red")'
        case _ if type_.startswith("list<"):
            items = [_literal(draw, type_[5:-1]) for _ in range(draw(st.integers(1, 3)))]
            return f"[{', '.join(items)}]"
        case _:
            return f"{{ name: {_literal(draw, 'text')}, size: {_literal(draw, 'int')} }}"


def _block(draw: st.DrawFn, names: _Names, type_: str, flows: list[tuple[str, list[str], str]]) -> str:
    lines = []
    for _ in range(draw(st.integers(0, 2 if names.depth < 2 else 0))):
        bound = draw(st.sampled_from(TYPES))
        value = _expr(draw, names, bound, flows)
        name = names.fresh()
        lines.append(f"{name} = {value}")
        names.known.setdefault(bound, []).append(name)
    if draw(st.booleans()) and names.depth == 0:
        lines.append("expect limit == 3")
    lines.append(_expr(draw, names, type_, flows))
    separator = draw(st.sampled_from(["\n", "; "]))
    return "{ " + separator.join(lines) + " }"


def _expr(draw: st.DrawFn, names: _Names, type_: str, flows: list[tuple[str, list[str], str]]) -> str:
    if names.depth >= 4:
        return _leaf(draw, names, type_)
    inner = names.inside()

    def sub(wanted: str, **bound: str) -> str:
        return _expr(draw, names.inside(**bound) if bound else inner, wanted, flows)

    def block(wanted: str, **bound: str) -> str:
        return _block(draw, names.inside(**bound), wanted, flows)

    item = f"i{names.count}d{names.depth}"
    choices = [
        lambda: _leaf(draw, names, type_),
        lambda: f"if {sub('bool')} {block(type_)} else {block(type_)}",
        lambda: f"match {sub('int')} {{ 1 => {sub(type_)}\n 2 => {sub(type_)}\n _ => {block(type_)} }}",
        lambda: f"(try {block(type_)} retry 1 backoff 1ms timeout 60s else {block(type_)})",
        lambda: f"(none ?? {sub(type_)})",
        lambda: f"first([{sub(type_)}, {sub(type_)}])",
        lambda: f"([{sub(type_)}] |> best(by: {item} => {sub('float', **{item: type_})}))",
        lambda: f"(refine {item} up to 3 {block(type_)} until {sub('bool', **{item: type_})})",
        # An int may stand for a float, but what a refine starts from decides its type: a literal is what it says.
        lambda: (
            f"(refine {item} from {_literal(draw, type_)} up to 2 {block(type_, **{item: type_})} "
            f"until {sub('bool', **{item: type_})} keep best by 1.0)"
        ),
    ]
    matching = [flow for flow in flows if flow[2] == type_]
    if matching:
        name, params, _ = draw(st.sampled_from(matching))
        choices.append(lambda: f"{name}({', '.join(sub(param) for param in params)})")
    choices += _special(draw, type_, sub, block, item)
    return draw(st.sampled_from(choices))()


def _special(draw, type_, sub, block, item):  # type: ignore[no-untyped-def]
    """What only values of this type have."""
    match type_:
        case "int":
            return [
                lambda: f"({sub('int')} {draw(st.sampled_from('+-*'))} {sub('int')})",
                lambda: f"-{_literal(draw, 'int').lstrip('-')}",
                lambda: f"count({sub('list<int>')})",
                lambda: f"({sub('size')}).width",
                lambda: f"({sub(RECORD)}).size",
            ]
        case "float":
            return [
                lambda: sub("int"),
                lambda: f"judge.score({sub('image')}, {sub('text')})",
                lambda: f"({sub('float')} * {sub('int')})",
            ]
        case "bool":
            return [
                lambda: f"({sub('int')} {draw(st.sampled_from(COMPARISONS))} {sub('float')})",
                lambda: f"({sub('bool')} {draw(st.sampled_from(['and', 'or']))} {sub('bool')})",
                lambda: f"(not {sub('bool')})",
                lambda: f"({sub('text')} == {sub('text')})",
            ]
        case "text":
            return [
                lambda: f'"${{{sub("int")}}} and ${{{sub("text")}}}"',
                lambda: f"({sub('text')} + {sub('text')})",
                lambda: f"writer.generate({sub('text')}, max_tokens: 8)",
                lambda: f'join({sub("list<text>")}, ", ")',
                lambda: f"({sub(RECORD)}).name",
                lambda: f"first(writer.generate({sub('text')}, as: list<{RECORD}>)).name",
            ]
        case "image":
            return [
                lambda: f"painter.generate({sub('text')}, size: 16x16, steps: 2)",
                lambda: f"({sub('image')} |> resize(8x8) |> brightness({sub('float')}))",
            ]
        case "size":
            return [lambda: f"({sub('image')}).size"]
        case _ if type_.startswith("list<"):
            inner_type = type_[5:-1]
            return [
                lambda: f"for {item} in 1..3 {block(inner_type, **{item: 'int'})}",
                lambda: (
                    f"for {item}, {item}x in {sub('list<text>')} "
                    f"{block(inner_type, **{item: 'text', item + 'x': 'int'})}"
                ),
                lambda: f"({sub(type_)} |> filter(keep: {item} => {sub('bool', **{item: inner_type})}))",
                lambda: f"flatten([{sub(type_)}, {sub(type_)}])",
            ]
        case _ if type_ == RECORD:
            return [lambda: f"{{ name: {sub('text')}, size: {sub('int')} }}"]
        case _:
            return []


def _leaf(draw: st.DrawFn, names: _Names, type_: str) -> str:
    known = names.known.get(type_, [])
    if known and draw(st.booleans()):
        return draw(st.sampled_from(known))
    return _literal(draw, type_)

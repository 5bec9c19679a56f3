"""Texts nobody would write: Markdown, formulas and raw HTML, nested at random."""

import random
from collections.abc import Callable

# What a hole in a renderer would let through.
HTML = (
    '<img src="https://evil.test/p.png">',
    '<img/src="https://evil.test/p.png"/onerror="alert(1)">',
    '</math><img/src="https://evil.test/p.png">',
    '<a/href="https://evil.test/"/id="main"/class="mention">@staff</a>',
    '<input/type="checkbox"/disabled>',
    "<script>alert(1)</script>",
    "<svg/onload=alert(1)>",
    "</p></div><h2 id=main class=mention>x</h2>",
    "<!-- --><style>*{display:none}</style>",
    "<mglyph><style><!--</style><img title='--&gt;&lt;img src=x&gt;'>",
    "<math><annotation-xml encoding='text/html'><img src=x>",
    "]]><![CDATA[<b>",
    "&lt;img src=x&gt;",
    "&#60;img src=x&#62;",
    "&#x3c;b&#x3e;",
    "\\u003cimg\\u003e",
    "\x00\ufffe\u202e",
    '" onmouseover="alert(1)',
    "' style='x'",
)
TARGETS = (
    "/docs/1.0/",
    "https://example.test/?a=1&b=2#c",
    "javascript:alert(1)",
    "JaVa\tScript:alert(1)",
    "data:text/html,<b>",
    "vbscript:x",
    "//evil.test/p.png",
    "/static/cat.png",
    "/static/../accounts/logout/",
    "/static/%2e%2e/accounts/logout/",
    "\\\\evil.test\\p.png",
    "mailto:a@b.test",
    "#main",
    "",
)
COMMANDS = (
    r"\text{%s}",
    r"\mathrm{%s}",
    r"\href{javascript:alert(1)}{%s}",
    r"\class{mention}{%s}",
    r"\style{color:red}{%s}",
    r"\color{%s}{x}",
    r"\operatorname{%s}",
    r"\frac{%s}{2}",
    r"\sqrt[3]{%s}",
    r"\begin{matrix}%s&b\\c&d\end{matrix}",
    r"\left(%s\right)",
    r"\hspace{%s}",
    r"\rule{%s}{9999em}",
    r"\newcommand{\x}{%s\x}\x",
    r"x^{%s}_{y}",
    r"\tag{%s}",
    r"\mbox{%s}",
)
WORDS = (
    "word",
    "中文",
    "@ada",
    "@staff你好",
    "`code`",
    "1.0.2",
    "C++",
    "🙂",
    "\u200b",
    "*",
)


class Grammar:
    """Writes texts; the same seed writes the same ones."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - the same texts every time

    def text(self) -> str:
        """Return a text of some blocks."""
        return "\n\n".join(self._block(3) for _ in range(self.random.randint(1, 4)))

    def _block(self, depth: int) -> str:
        inside = self._inline(depth)
        within = self._block(depth - 1) if depth else inside
        pad = within.replace("\n", "\n    ")
        return self.random.choice(
            (
                inside,
                f"# {inside} {{ #main .mention }}",
                f"{inside}\n===",
                f"> {within}".replace("\n", "\n> "),
                f"- {pad}",
                f"1. {pad}",
                f"- [x] {inside}",
                f"```{self._raw()}\n{within}\n```",
                f"    {pad}",
                f"|{inside}|b|\n|:-|-:|\n|{inside}|2|",
                f"$$\n{self._formula(depth)}\n$$",
                f"text[^n] {inside}\n\n[^n]: {within}",
                f'[r]: {self._target()} "{self._raw()}"\n\n[{inside}][r]',
                f":::{self._box()} {inside}\n{within}\n:::",
                f"/// {self._box()} | {inside}\n{within}\n///",
                f'??? {self._box()} "{inside}"\n    {pad}',
                f"> [!{self._box()}] {inside}\n> {within}".replace("\n", "\n> "),
                f"```{{{self._box()}}} {self._raw()}\n{within}\n```",
                f"<details><summary>{inside}</summary>\n\n{within}\n\n</details>",
                f"```py {self._raw()} title='{self._raw()}' {{1,3-4}}\n{within}\n```",
                f"<!-- {within} -->",
                self._raw(),
            )
        )

    def _inline(self, depth: int) -> str:
        if depth <= 0:
            return self._raw()
        made: tuple[Callable[[], str], ...] = (
            self._raw,
            lambda: self.random.choice(WORDS),
            lambda: f"${self._formula(depth - 1)}$",
            lambda: f"**{self._inline(depth - 1)}**",
            lambda: f"*{self._inline(depth - 1)}*~~{self._inline(depth - 1)}~~",
            lambda: f"`{self._inline(depth - 1)}`",
            lambda: f"[{self._inline(depth - 1)}]({self._target()} '{self._raw()}')",
            lambda: f"![{self._inline(depth - 1)}]({self._target()})",
            lambda: f"[![{self._raw()}]({self._target()})]({self._target()})",
            lambda: f"<{self._target()}>",
            lambda: f"<kbd>{self._inline(depth - 1)}</kbd><br>",
            lambda: f"{{/* {self._inline(depth - 1)} */}}<!-- {self._raw()} -->",
            lambda: f"{self._inline(depth - 1)}[^n]^[{self._inline(depth - 1)}]",
        )
        count = self.random.randint(1, 3)
        return " ".join(self.random.choice(made)() for _ in range(count))

    def _formula(self, depth: int) -> str:
        inner = self._formula(depth - 1) if depth > 0 else self._raw()
        command = self.random.choice(COMMANDS)
        return command % inner.replace("%", "")

    def _box(self) -> str:
        return self.random.choice(("note", "WARNING", "details", "none"))

    def _target(self) -> str:
        return self.random.choice(TARGETS)

    def _raw(self) -> str:
        return self.random.choice(HTML + WORDS)

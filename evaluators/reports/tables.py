"""Tables of reports as plain text, Markdown and LaTeX. Rows of equal length, the header first."""

from __future__ import annotations

from collections.abc import Sequence

#: What LaTeX reads as commands. A cell is text; only the sign of an interval becomes mathematics.
_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{",
    "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "³": r"$^3$",
}  # fmt: skip


def plain_table(rows: Sequence[Sequence[str]]) -> str:
    """Columns of equal width, never wrapped: fit for a terminal, a log and grep."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows)


def markdown_table(rows: Sequence[Sequence[str]]) -> str:
    """A table of GitHub's Markdown."""
    head, *body = ["| " + " | ".join(cell.replace("|", r"\|") for cell in row) + " |" for row in rows]
    return "\n".join([head, "| --- " * len(rows[0]) + "|", *body])


def latex_table(rows: Sequence[Sequence[str]]) -> str:
    """A `tabular` with the rules of the package booktabs."""
    head, *body = [" & ".join(_latex(cell) for cell in row) + r" \\" for row in rows]
    columns = "l" + "r" * (len(rows[0]) - 1)
    return "\n".join(
        [
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            head,
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
        ]
    )


def _latex(cell: str) -> str:
    escaped = "".join(_LATEX.get(character, character) for character in cell.replace(" ±", "±"))
    return escaped.replace("±", r" $\pm$ ")

"""What tests read in the documents."""

from __future__ import annotations

from pathlib import Path


def rows(document: Path, first_heading: str) -> list[list[str]]:
    """The cells of the table whose first column has that heading."""
    lines = iter(document.read_text(encoding="utf-8").splitlines())
    next(line for line in lines if line.lstrip().startswith(f"| {first_heading} |"))
    next(lines)
    found = []
    for line in lines:
        if not line.lstrip().startswith("|"):
            break
        found.append([cell.strip().strip("`") for cell in line.strip().strip("|").split("|")])
    return found

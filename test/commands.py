# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The shell commands that the documentation shows, read out of Markdown."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = tuple(
    sorted(
        page
        for folder in (ROOT, ROOT / "docs", ROOT / "demo", ROOT / "bharnet" / "models")
        for page in (folder.rglob if folder.name == "docs" else folder.glob)("*.md")
    )
)
# A block is the shell's if its first line begins with one of these, and a span in a sentence if
# there is a word behind it.
PROGRAMS = frozenset(
    (
        *("bharnet", "cd", "colcon", "docker", "export", "git", "make", "mkdocs", "pip"),
        *("pre-commit", "python", "python3", "ros2", "rosdep", "rqt_image_view", "rviz2"),
        *("source", "srun", "tensorboard", "tools/build_cyclone.sh", "torchrun"),
    )
)
SHELL_WORDS = frozenset(("do", "done", "for", "then", "fi", "if"))
FENCED = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.M | re.S)
INDENTED = re.compile(r"(?:^\n|\A)((?:^(?: {4}|\t).*\n(?:^\n(?=    ))*)+)", re.M)
SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
ASSIGNMENT = re.compile(r"^\w+=")


@dataclass(frozen=True)
class Command:
    """One command: the page that shows it, and its words, without a shell's."""

    page: str
    words: tuple[str, ...]
    inline: bool = False

    @property
    def assigned(self) -> tuple[str, ...]:
        """NAME of every NAME=value, before the program or, as for make, behind it."""
        return tuple(word.partition("=")[0] for word in self.words if ASSIGNMENT.match(word))

    @property
    def program(self) -> str:
        """What is run."""
        return next((word for word in self.words if not ASSIGNMENT.match(word)), "")

    @property
    def arguments(self) -> tuple[str, ...]:
        """What it is given."""
        if not self.program:
            return ()
        return self.words[self.words.index(self.program) + 1 :]

    def __str__(self) -> str:
        return f"{self.page}: {' '.join(self.words)}"


def blocks(text: str, language: str) -> list[str]:
    """What stands between fences that name the language."""
    return [
        "\n".join(line.removeprefix(match[1]) for line in match[3].splitlines())
        for match in FENCED.finditer(text)
        if match[2] == language
    ]


def commands(page: Path) -> Iterator[Command]:
    """Every command of a page: of its shell blocks, and in its sentences."""
    name, text = str(page.relative_to(ROOT)), page.read_text(encoding="utf-8")
    unfenced = FENCED.sub("", text)
    shell = [*blocks(text, "bash"), *blocks(text, "sh"), *INDENTED.findall(unfenced)]
    for block in shell:
        lines = [line.strip() for line in block.replace("\\\n", " ").splitlines()]
        first = next((line for line in lines if line and not line.startswith("#")), "")
        if program_of(first) in PROGRAMS | SHELL_WORDS or ASSIGNMENT.match(first):
            for line in lines:
                for words in split(line):
                    yield Command(name, words)
    for span in SPAN.findall(INDENTED.sub("\n", unfenced)):
        if program_of(span) in PROGRAMS and " " in span:
            for words in split(span):
                yield Command(name, words, inline=True)


def program_of(line: str) -> str:
    """The first word that assigns nothing."""
    return next((word for word in line.split() if not ASSIGNMENT.match(word)), "")


def split(line: str) -> Iterator[tuple[str, ...]]:
    """A line as the words of each command in it.

    <a thing to fill in> becomes one word, and so does $(a command inside).
    """
    if line.startswith("#"):
        return
    line = re.sub(r"<[^<>]+>|\$\([^()]*\)", "FILLED_IN", line)
    words: list[str] = []
    lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|")
    lexer.whitespace_split = True
    for word in [*lexer, ";"]:
        if set(word) <= set(";&|"):
            if words and words[0] != "for":
                yield tuple(words)
            words = []
        elif words or word not in SHELL_WORDS - {"for"}:
            words.append(word)

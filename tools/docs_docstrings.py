# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A griffe extension: tables that docstrings align with spaces stay aligned on the site."""

from __future__ import annotations

import re
from typing import Any

import griffe

# Two spaces or more inside a line, not after a sentence.
ALIGNED = re.compile(r"[^\s.] {2,}\S")


class AlignedTables(griffe.Extension):
    """Shows each paragraph that is aligned with spaces as it stands in the source."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite one docstring before it is rendered."""
        if obj.docstring:
            obj.docstring.value = keep_aligned(obj.docstring.value)


def keep_aligned(text: str) -> str:
    """The text with aligned paragraphs indented, which Markdown shows as they are."""

    def kept(paragraph: str) -> str:
        lines = paragraph.splitlines()
        if not any(ALIGNED.search(line.strip()) for line in lines) or ">>>" in paragraph:
            return paragraph
        return "\n".join(f"    {line}" for line in lines)

    return "\n\n".join(map(kept, text.split("\n\n")))

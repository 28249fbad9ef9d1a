# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Called by mkdocs: adds the written pages to the site, and turns links that leave docs/."""

from __future__ import annotations

import re
from posixpath import normpath, relpath
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from tools.reference import ROOT, command_line, messages, parameters, readme_sections

LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)#:\s]+)(#[^)]*)?\)")
# Where the site shows what the repository holds elsewhere.
SHOWN_AT = {"msg": "reference/messages.md", "README.md": "index.md"}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are written from the sources."""
    pages = {
        "reference/parameters.md": parameters(),
        "reference/messages.md": messages(),
        "reference/command-line.md": command_line(),
        "reference/ros.md": from_root(
            readme_sections("Topics, services, launch", "ROS API"), "reference"
        ),
        "limits.md": from_root(
            readme_sections("Limits and troubleshooting", "Limits", "Troubleshooting"), "."
        ),
    }
    for path, content in pages.items():
        files.append(File.generated(config, path, content=content))
    return files


def on_page_markdown(markdown: str, page: Any, **_: object) -> str:
    """Show a link to a file of the repository that the site does not hold as the file's name."""
    folder = page.file.src_uri.rpartition("/")[0] or "."

    def plain(match: re.Match[str]) -> str:
        target = normpath(f"docs/{folder}/{match[2]}")
        inside = target == "docs" or target.startswith("docs/")
        if inside or not (ROOT / target).exists():
            return match[0]  # mkdocs looks whether it is there
        return match[1] if target in match[1] else f"{match[1]} (`{target}`)"

    return LINK.sub(plain, markdown)


def from_root(text: str, folder: str) -> str:
    """Links as seen from the repository's root, turned into links as seen from docs/FOLDER."""

    def turned(match: re.Match[str]) -> str:
        name, target, anchor = match[1], match[2], match[3] or ""
        target = SHOWN_AT.get(target, target.removeprefix("docs/"))
        shown = (ROOT / "docs" / target).exists() or match[2] in SHOWN_AT
        start = f"docs/{folder}"
        return f"[{name}]({relpath(f'docs/{target}' if shown else match[2], start)}{anchor})"

    return LINK.sub(turned, text)

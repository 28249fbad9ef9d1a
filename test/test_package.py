# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The package as a whole: what is cheap to check and annoying to find out later."""

import ast
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from bharnet.reporting import PACKAGES

ROOT = Path(__file__).resolve().parent.parent
MESSAGES = sorted((ROOT / "msg").glob("*.msg"))
FIELD = re.compile(r"^(?P<type>[\w/]+)(\[\d*\])?\s+(?P<name>\w+)\s*(=|$)")

# Imports go one way: bharnet_ros -> bharnet <- bharnet_train.
ROS = {"rclpy", "rosidl_runtime_py", "sensor_msgs", "std_msgs", "geometry_msgs", "launch_ros"}
FORBIDDEN = {
    "bharnet": {*ROS, "bharnet_ros", "bharnet_train", "lightning", "torchmetrics", "typer"},
    "bharnet_train": {*ROS, "bharnet_ros"},
    "bharnet_ros": {"bharnet_train", "lightning"},
}
# A path or an index of the machine that somebody worked on. In pieces, so as not to find itself.
OF_A_MACHINE = re.compile(
    "|".join(("/ro" + "ot/", "/home" + "/[a-z]", "/wo" + "rk/", "/tm" + "p/dev"))
)
LONGEST_FUNCTION = 60


def message_fields(path: Path) -> list[tuple[str, str, bool]]:
    """Type and name of every field and constant, and whether a comment stands above or behind."""
    fields = []
    above = ""
    for line in path.read_text().splitlines():
        code, _, behind = line.partition("#")
        match = FIELD.match(code.strip())
        if match:
            fields.append((match["type"], match["name"], bool(above or behind.strip())))
        above = behind.strip() if not code.strip() else ""
    return fields


def files_in_git() -> list[Path]:
    """What is or will be committed."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not in a git clone")
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def imported(path: Path) -> set[str]:
    """Every top-level module that a file imports, wherever in the file."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(str(node.module).split(".")[0])
    return names


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: path.stem)
def test_every_message_field_has_a_comment(path):
    fields = message_fields(path)
    assert fields
    assert [name for _, name, commented in fields if not commented] == []


def test_package_xml_names_what_the_messages_use():
    package = ElementTree.parse(ROOT / "package.xml").getroot()
    assert package.attrib["format"] == "3"
    assert package.findtext("name") == "bharnet_ros"
    used = {
        kind.split("/")[0]
        for path in MESSAGES
        for kind, _, _ in message_fields(path)
        if "/" in kind
    }
    assert used == {"builtin_interfaces", "geometry_msgs", "std_msgs"}
    assert used <= {element.text for element in package.iter("depend")}


def imported_from_ros() -> set[str]:
    """Packages of ROS that node, launch files and executables import."""
    files = [
        *(ROOT / "bharnet_ros").rglob("*.py"),
        *(ROOT / "launch").iterdir(),
        *(path for path in (ROOT / "scripts").iterdir() if path.is_file()),
    ]
    ros = re.compile(
        r"\w+_msgs|std_srvs|rcl\w+|launch\w*|ament_\w+|tf2_\w+|cv_bridge|message_filters"
    )
    names = {name for path in files if path.is_file() for name in imported(path)}
    return {name for name in names if ros.fullmatch(name)}


def test_package_xml_names_what_is_imported_from_ros_and_nothing_else():
    # Not every distribution has these two; without them a message says so.
    optional = {"hri_msgs", "hri_actions_msgs"}
    # The messages' own, and what rclpy's lifecycle nodes import.
    indirect = {"builtin_interfaces", "rosidl_default_runtime", "lifecycle_msgs"}
    declared = {
        str(element.text)
        for element in ElementTree.parse(ROOT / "package.xml").getroot()
        if element.tag in ("depend", "exec_depend")
    }
    of_ros = {name for name in declared if not name.startswith("python3-")}
    assert of_ros - indirect == imported_from_ros() - optional - indirect


def test_package_xml_is_what_bloom_reads():
    package = pytest.importorskip("catkin_pkg.package", reason="comes with colcon-ros")
    warnings: list[str] = []
    package.parse_package(str(ROOT / "package.xml"), warnings=warnings).validate()
    assert warnings == []


def test_one_version_everywhere():
    xml = ElementTree.parse(ROOT / "package.xml").getroot().findtext("version")
    assert f'version = "{xml}"' in (ROOT / "pyproject.toml").read_text()


def test_cmake_builds_every_message_and_installs_every_script():
    cmake = (ROOT / "CMakeLists.txt").read_text()
    built = set(re.findall(r"msg/(\w+)\.msg", cmake))
    assert built == {path.stem for path in MESSAGES}
    installed = set(re.findall(r"scripts/(\w+)", cmake))
    assert installed == {path.name for path in (ROOT / "scripts").iterdir() if path.is_file()}


@pytest.mark.parametrize("package", sorted(FORBIDDEN))
def test_imports_go_one_way(package):
    wrong = {
        str(path.relative_to(ROOT)): sorted(imported(path) & FORBIDDEN[package])
        for path in sorted((ROOT / package).rglob("*.py"))
        if imported(path) & FORBIDDEN[package]
    }
    assert wrong == {}


def test_core_imports_without_ros_and_training():
    # A fresh process: the other tests of this one may have imported anything.
    forbidden = sorted(FORBIDDEN["bharnet"])
    code = f"import sys, bharnet; print([name for name in {forbidden} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_no_file_names_a_machine():
    wrong = []
    for path in files_in_git():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        wrong += [f"{path.relative_to(ROOT)}: {hit}" for hit in OF_A_MACHINE.findall(text)]
    assert wrong == []


def test_no_function_is_longer_than_a_screen():
    # Counted with signature and docstring. What outgrows it hides a step that has a name.
    wrong = []
    for path in files_in_git():
        if path.suffix != ".py":
            continue
        for node in ast.walk(ast.parse(path.read_text(), str(path))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = int(node.end_lineno or 0) - node.lineno + 1
                if lines > LONGEST_FUNCTION:
                    wrong.append(f"{path.relative_to(ROOT)}: {node.name} has {lines} lines")
    assert wrong == []


def test_requirements_name_no_index():
    for path in (ROOT / "requirements").rglob("*.*"):
        assert not re.search(r"^\s*-(?!-hash=)|://", path.read_text(), re.M), path.name


LIBRARY = """
cmake_minimum_required(VERSION 3.22)
project(bharnet_ros LANGUAGES C)
file(WRITE a.c "int f(void) { return 0; }")
add_library(bharnet_ros__rosidl_generator_py SHARED a.c)
"""
EXPORT = """
install(TARGETS bharnet_ros__rosidl_generator_py EXPORT all DESTINATION lib)
install(EXPORT all DESTINATION share)
"""


@pytest.mark.parametrize("included", ["", "/usr/include", ".venv/include"])
def test_cmake_exports_the_library_of_messages(included, tmp_path):
    """Jazzy's rosidl gives it numpy's headers, in .venv with `make setup`; Humble's none."""
    if shutil.which("cmake") is None or shutil.which("cc") is None:
        pytest.skip("needs cmake and a C compiler")
    ours = re.search(
        r"^set\(python_library.+?\n\n", (ROOT / "CMakeLists.txt").read_text(), re.M | re.S
    )
    include = f"target_include_directories(bharnet_ros__rosidl_generator_py PUBLIC {included})"
    parts = (LIBRARY, include if included else "", ours[0], EXPORT)
    (tmp_path / "CMakeLists.txt").write_text("\n".join(parts))
    done = subprocess.run(
        ["cmake", "-S", tmp_path, "-B", tmp_path / "build"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def floors(text: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z][\w-]*)[^\n;]*?>=([\d.]+)", text, re.M))


def test_old_packages_of_apt_are_not_good_enough():
    """pip takes what an environment already sees, unless a version is asked for."""
    asked = floors((ROOT / "pyproject.toml").read_text().replace('"', "\n"))
    given = floors((ROOT / "requirements" / "constraints-ros.txt").read_text())
    wanted = re.findall(r"^[\w-]+", (ROOT / "requirements" / "project.in").read_text(), re.M)
    pinned = {"torch", "mediapipe", "setuptools"}  # setuptools: there, the others with ==
    assert {name: given.get(name) for name in set(wanted) - pinned} == {
        name: asked[name] for name in set(wanted) - pinned
    }


PLUGIN = """
def pytest_pycollect_makemodule(path, parent):
    raise AssertionError("it was asked")

def pytest_launch_collect_makemodule(path, parent, entrypoint):
    raise AssertionError("it was asked")
"""


def test_the_pytest_plugins_of_ros_are_left_out(tmp_path):
    """Each is found by its entry point; their hooks are those that pytest 9 no longer has."""
    (tmp_path / "plugin_of_ros.py").write_text(PLUGIN)
    for name in ("launch_testing", "launch_ros"):
        known = tmp_path / f"{name}-1.0.dist-info"
        known.mkdir()
        (known / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (known / "entry_points.txt").write_text(f"[pytest11]\n{name} = plugin_of_ros\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "test/test_license_headers.py"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "test_license_headers.py::" in done.stdout


def test_messages_are_built_and_the_sources_win():
    pytest.importorskip("rclpy", reason="no ROS 2: run through `make test`")
    import bharnet_ros
    from bharnet_ros.msg import ActionArray

    assert bharnet_ros.__path__[0] == str(ROOT / "bharnet_ros")
    assert ActionArray().actions == []


def test_the_cure_for_a_missing_package_brings_it():
    """The project is in no index, so that nothing of its name can be had from one."""
    words = set(re.findall(r"requirements/[\w.-]+", PACKAGES))
    assert words == {"requirements/project.in", "requirements/constraints-ros.txt"}
    listed = (ROOT / "requirements/project.in").read_text()
    brought = set(re.findall(r"^[a-z][\w-]*", listed, re.MULTILINE)) | {"sympy"}  # by torch
    project = (ROOT / "pyproject.toml").read_text()
    for extra in ("camera", "export"):
        (needed,) = re.findall(rf"^{extra} = (\[.*?\])$", project, re.MULTILINE)
        assert {re.match(r"[\w-]+", each)[0] for each in ast.literal_eval(needed)} <= brought
    for package in FORBIDDEN:
        for path in (ROOT / package).rglob("*.py"):
            assert not re.search(r"pip install '?(bharnet_ros|\.)\[", path.read_text()), path

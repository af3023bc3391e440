"""From the parent's side: the command that starts a zygote at each level, and what it may see."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from pytest_complexity.errors import SandboxError

CHILD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "child")
DEVICES = ("null", "zero", "full", "random", "urandom")
FIRST_UID, LAST_UID = 2**20, 2**29  #: as root every sandbox runs as a user of its own, of these
#: the shared libraries and data that an interpreter may load, wherever it was installed
SYSTEM_PATHS = ("/usr/lib", "/usr/lib64", "/lib", "/lib64", "/etc/ld.so.cache", "/usr/share/zoneinfo")


def interpreter() -> str:
    """The interpreter behind a virtual environment: with `-S` it knows the standard library alone."""
    base: str = getattr(sys, "_base_executable", "") or sys.executable
    return os.path.realpath(base)


def python(part: str, directory: str = CHILD) -> list[str]:
    """The command that runs one of the sandbox's own programs."""
    return [interpreter(), "-s", "-S", os.path.join(directory, "boot.py"), part]


# --- the command ---


def changes_user() -> bool:
    """Whether the zygote is to become another user: limits on processes do not bind root.

    It can only where there are others: a rootless container may have the one.
    """
    try:
        with open("/proc/self/uid_map", encoding="ascii") as file:
            ranges = [tuple(map(int, line.split())) for line in file]
    except OSError:
        return False
    return os.getuid() == 0 and any(first <= FIRST_UID and first + size > LAST_UID for first, _, size in ranges)


def bubblewrap(bwrap: str, packages: dict[str, str]) -> list[str]:
    """bubblewrap and its options: all namespaces, and nothing in sight but the interpreter's own files."""
    options = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
    options += ["--die-with-parent", "--new-session", "--as-pid-1", "--hostname", "sandbox"]
    options += ["--clearenv", "--setenv", "PYTHONHASHSEED", "0", "--setenv", "LD_BIND_NOW", "1", "--cap-drop", "ALL"]
    if changes_user():
        options += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        options += ["--unshare-user", "--uid", "65534", "--gid", "65534"]
    for path in SYSTEM_PATHS:
        if os.path.islink(path):
            options += [*_parents(path), "--symlink", os.readlink(path), path]
        elif os.path.exists(path):
            options += [*_parents(path), "--ro-bind", path, path]
    options += _interpreter_files()
    options += ["--ro-bind", CHILD, "/cx", "--proc", "/proc"]
    options += ["--perms", "0755", "--tmpfs", "/dev", "--dir", "/dev/shm"]
    for name in DEVICES:
        options += ["--dev-bind", f"/dev/{name}", f"/dev/{name}"]
    for name, path in packages.items():
        options += [*_parents(f"/packages/{name}"), "--ro-bind", path, f"/packages/{name}"]
    options += ["--dir", "/tmp"]  # where the zygote mounts a private directory for each run
    return [bwrap, *options, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp"]


def _interpreter_files() -> list[str]:
    """Bind the interpreter and its standard library, without what is installed beside it."""
    options: list[str] = []
    base = os.path.realpath(sys.base_prefix)
    paths = {os.path.realpath(sysconfig.get_path(name, vars={"base": base})) for name in ("stdlib", "platstdlib")}
    paths = {path for path in paths if not path.startswith("/usr/lib/")}
    libraries = {os.path.join(base, lib) for lib in ("lib", "lib64")} - {"/usr/lib", "/usr/lib64"}
    for path in sorted({*paths, *(lib for lib in libraries if os.path.isdir(lib) and not os.path.islink(lib))}):
        if not any(path != other and path.startswith(other + "/") for other in libraries):
            options += [*_parents(path), "--ro-bind", path, path]
    options += [*_parents(interpreter()), "--ro-bind", interpreter(), interpreter()]
    for path in sorted(paths):
        for name in ("site-packages", "dist-packages"):
            if os.path.isdir(os.path.join(path, name)):
                options += ["--size", "4096", "--tmpfs", f"{path}/{name}", "--remount-ro", f"{path}/{name}"]
    return options


def _parents(path: str) -> list[str]:
    """Make the directories above a path, open to the sandbox's own user (bubblewrap would close them)."""
    options: list[str] = []
    parent = os.path.dirname(path)
    while parent != "/":
        options = ["--perms", "0755", "--dir", parent, *options]
        parent = os.path.dirname(parent)
    return options


def settings(level: str, home: str, packages: tuple[str, ...], memory_mb: int) -> dict[str, Any]:
    """What a verifier needs to start its zygote; it makes `home` and what is below itself."""
    found = package_files(packages)
    work, links = os.path.join(home, "work"), os.path.join(home, "packages")
    user = FIRST_UID + os.getpid() * 64 % (LAST_UID - FIRST_UID) + _next_number() % 64 if changes_user() else 0
    if level != "namespaces" and not _open_to_all([interpreter(), *found.values(), home, CHILD, os.__file__]):
        user = 0
    common = {
        "directory": home,
        "directories": {work: user, links: 0},
        "uid": user,
        "links": {os.path.join(links, name): path for name, path in found.items()},
        "level": level,
        "memory_mb": memory_mb,
        "warm": list(packages),
    }
    if level != "namespaces":
        return {
            **common,
            "command": python("zygote"),
            "home": work,
            "packages": links if found else "",
        }
    bwrap = shutil.which("bwrap") or "bwrap"
    return {
        **common,
        "command": [*bubblewrap(bwrap, found), *python("zygote", "/cx")],
        "home": "/tmp",
        "packages": "/packages" if found else "",
    }


def stays_root(level: str) -> bool:
    """Whether programs run as root: there is no other user, or it could not read the interpreter's files."""
    other = changes_user() and (level == "namespaces" or _open_to_all([interpreter(), CHILD, os.__file__]))
    return os.getuid() == 0 and not other


def _open_to_all(paths: list[str]) -> bool:
    """Whether any user may enter the directories that lead to some files."""
    above = {str(parent) for path in paths for parent in Path(path).resolve().parents}
    return all(os.stat(each).st_mode & 0o001 for each in above)


_numbers = iter(range(10**9))


def _next_number() -> int:
    return next(_numbers)


# --- packages ---


def package_files(names: tuple[str, ...]) -> dict[str, str]:
    """The top-level files of packages and of what they require. Raises SandboxError on a missing one."""
    owners = importlib.metadata.packages_distributions()
    found: dict[str, str] = {}
    waiting = [(name, True) for name in names]
    seen: set[str] = set()
    while waiting:
        name, needed = waiting.pop()
        distribution = _distribution(owners.get(name, [name])[0])
        if distribution is None:
            if needed and not _lone_module(name, found):
                raise SandboxError(f"the tasks need the package {name!r}: install it here")
            continue
        if distribution.metadata["Name"] in seen:
            continue
        seen.add(distribution.metadata["Name"])
        for file in distribution.files or ():
            top = file.parts[0]
            if top not in ("..", "__pycache__", "bin"):
                found[top] = str(distribution.locate_file(top))
        for requirement in distribution.requires or ():
            if "extra ==" not in requirement:
                waiting.append((re.split(r"[^\w.-]", requirement)[0], False))
    return found


def _distribution(name: str) -> importlib.metadata.Distribution | None:
    try:
        return importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _lone_module(name: str, found: dict[str, str]) -> bool:
    """A module or package that no distribution owns, such as a user's own beside the tests."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.origin:
        return False
    path = os.path.dirname(spec.origin) if spec.submodule_search_locations else spec.origin
    found[os.path.basename(path)] = path
    return True


def start_verifier(sock_fd: int) -> subprocess.Popen[bytes]:
    """A verifier that serves the given socket; it outlives neither the socket nor its parent."""
    return subprocess.Popen(
        [*python("verifier"), str(sock_fd)],
        pass_fds=[sock_fd],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=None if os.environ.get("PYTEST_COMPLEXITY_DEBUG") else subprocess.DEVNULL,
        env={"PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"},
        cwd="/",
        start_new_session=True,
    )

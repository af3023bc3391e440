"""Start one of the sandbox's own processes: `python boot.py verifier|zygote ARGUMENT...`.

The modules beside this file are loaded as a package of their own, so that neither `pytest_complexity` nor
anything that it imports is loaded. Each gets a private copy of the builtins: a program that rebinds `len`
or `isinstance` in the zygote's worker breaks its own names, not ours.
"""

from __future__ import annotations

import builtins
import sys
from importlib.machinery import ModuleSpec, SourceFileLoader
from types import ModuleType

PACKAGE = "_cx"
PARTS = {
    "verifier": (
        "system",
        "frames",
        "literals",
        "syntax",
        "questions",
        "asking",
        "plan",
        "sandboxed",
        "dialogue",
        "verifier",
    ),
    "zygote": ("system", "filters", "namespaces", "frames", "plain", "testfile", "runner", "live", "zygote"),
}


def load(directory: str, names: tuple[str, ...]) -> list[ModuleType]:
    """The modules called `names` of `directory`, in that order, as parts of one package."""
    package = ModuleType(PACKAGE)
    package.__path__ = [directory]
    sys.modules[PACKAGE] = package
    private = dict(vars(builtins))
    modules = []
    for name in names:
        loader = SourceFileLoader(f"{PACKAGE}.{name}", f"{directory}/{name}.py")
        module = ModuleType(loader.name)
        vars(module).update(
            __builtins__=private,
            __package__=PACKAGE,
            __file__=loader.path,
            __spec__=ModuleSpec(loader.name, loader, origin=loader.path),
        )
        sys.modules[loader.name] = module
        setattr(package, name, module)
        loader.exec_module(module)
        modules.append(module)
    return modules


def main() -> None:
    """Load and run; the modules are then out of sight of `import`."""
    directory = sys.path.pop(0)
    modules = load(directory, PARTS[sys.argv[1]])
    for module in modules:
        del sys.modules[module.__name__]
    del sys.modules[PACKAGE]
    modules[-1].main(sys.argv[2:])


if __name__ == "__main__":
    main()

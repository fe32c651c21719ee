"""Named checks: functions with a docstring sentence, run one after the other and reported as a line each."""
import importlib.util
import inspect
import pathlib
import sys
import time
import traceback
from types import ModuleType
from typing import Callable, Optional

HERE = pathlib.Path(__file__).parent


def sentence(function: Callable) -> str:
    """The first line of the docstring; a check without one is a mistake."""
    if not function.__doc__:
        raise ValueError(f"{function.__name__} has no docstring sentence")
    return function.__doc__.strip().splitlines()[0].rstrip(".")


def public_functions(module: ModuleType) -> list[Callable]:
    own = [f for f in vars(module).values() if inspect.isfunction(f) and f.__module__ == module.__name__ and not f.__name__.startswith("_")]
    return sorted(own, key=lambda f: f.__code__.co_firstlineno)


def scenarios() -> dict[str, Callable]:
    """`file.function` of every scenario in scenarios/*.py."""
    found = {}
    for file in sorted((HERE / "scenarios").glob("*.py")):
        spec = importlib.util.spec_from_file_location(f"scenarios.{file.stem}", file)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found.update({f"{file.stem}.{function.__name__}": function for function in public_functions(module)})
    return found


def run_check(function: Callable, *arguments) -> bool:
    """Runs one and prints its line; a failure prints where it happened on stderr."""
    begin = time.monotonic()
    failure: Optional[str] = None
    try:
        function(*arguments)
    except Exception:  # a check may fail in any way, the next one runs all the same
        failure = traceback.format_exc()
    print(f"{'FAILED' if failure else 'ok    '} {sentence(function)} ({time.monotonic() - begin:.1f} s)", flush=True)
    if failure:
        print(failure, file=sys.stderr, flush=True)
    return failure is None


def closing_line(passed: int, failed: int) -> int:
    """Prints the last line and gives the exit status."""
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed or not passed else 0

"""How the commands tell what went wrong: on stderr, in colour on a terminal only, with the right exit status."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from gflow.grammar.diagnostics import Diagnostic
    from gflow.runtime.errors import RunError

#: Exit statuses: the run failed; the command line or the script is wrong; Ctrl-C.
FAILED, WRONG, INTERRUPTED = 1, 2, 130


def colour(stream: object) -> bool:
    """Whether to colour what goes to a stream: a terminal, and nobody asked for none (https://no-color.org)."""
    return bool(getattr(stream, "isatty", lambda: False)()) and not os.environ.get("NO_COLOR")


def diagnostics(found: list[Diagnostic]) -> None:
    """Shows diagnostics on stderr."""
    from gflow.grammar.diagnostics.render import render

    if found:
        print(render(found, color=colour(sys.stderr)), file=sys.stderr)


def run_error(error: RunError) -> None:
    """Shows a failed run on stderr."""
    red, bold, plain = ("\x1b[31;1m", "\x1b[1m", "\x1b[0m") if colour(sys.stderr) else ("", "", "")
    lines = [f"{red}error[{error.code}]{plain}{bold}: {error.message}{plain}"]
    if error.place:
        lines.append(f"  ┌─ {error.place}")
    if error.help:
        lines.append(f"  = help: {error.help}")
    print("\n".join(lines), file=sys.stderr)


@contextmanager
def errors(*, as_json: bool = False) -> Iterator[None]:
    """Turns what is raised inside into messages and exit statuses."""
    from gflow.grammar.diagnostics import ScriptError
    from gflow.runtime.errors import InputError, RunError

    try:
        yield
        sys.stdout.flush()
    except ScriptError as error:
        if as_json:
            from gflow.grammar.diagnostics.render import as_data

            print(json.dumps({"diagnostics": as_data(error.diagnostics)}, ensure_ascii=False, indent=2))
        else:
            diagnostics(error.diagnostics)
        raise SystemExit(WRONG) from None
    except RunError as error:
        _failed(error, as_json)
    except KeyboardInterrupt:
        print("interrupted; nothing half-written was left", file=sys.stderr)
        raise SystemExit(INTERRUPTED) from None
    except BrokenPipeError:
        leave_quietly()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        if error.filename is None:
            # Most often a full disk below stdout.
            _discard_stdout()
            _failed(RunError(f"the system says: {reason}"))
        _failed(InputError(f"{error.filename}: {reason}"), as_json)


def _failed(error: RunError, as_json: bool = False) -> NoReturn:
    """Tells a run error and ends: with 2 where the input is to blame, with 1 where the run failed."""
    from gflow.runtime.errors import InputError

    if as_json:
        shown = {"code": error.code, "message": error.message, "place": error.place, "help": error.help}
        print(json.dumps({"error": shown}, ensure_ascii=False, indent=2))
    else:
        run_error(error)
    raise SystemExit(WRONG if isinstance(error, InputError) else FAILED) from None


def leave_quietly() -> NoReturn:
    """Ends where nobody reads any more what is printed (`gflow ops | head`)."""
    _discard_stdout()
    raise SystemExit(0)


def _discard_stdout() -> None:
    """Python flushes stdout once more at its end; that must not fail either."""
    with suppress(OSError):  # A stdout without a file, as under a test.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

"""Work in a process of its own, whose memory goes with it: what it yields is yielded here.

The process ends with the main one, whatever ends that, and leaves Ctrl-C to it. Errors there are
raised here as if the work had been done here.
"""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable, Generator
from multiprocessing.connection import Connection
from typing import Any

from radiomics.pipelines.batch.fork import begin, context, ignore_interrupts, no_interrupts
from radiomics.pipelines.batch.privacy import quiet_libraries
from radiomics.pipelines.batch.processes import end_with_parent
from radiomics.types import InputError

Steps = Generator[Any, Any, Any]
YIELDED, RETURNED, RAISED = "yielded", "returned", "raised"


def apart(steps: Callable[..., Steps], *arguments: Any) -> Steps:
    """Run a generator in a process of its own: send to it, and hear from it, as if it were here.

    Closing ends the process, whatever it does.

    Raises
    ------
    InputError
        When the process dies. Whatever the generator raises is raised, too.
    """
    made: Any = context()
    here, there = made.Pipe()
    process = made.Process(target=_serve, args=(there, steps, arguments), daemon=True)
    begin()
    with no_interrupts():
        process.start()
    there.close()
    try:
        while True:
            try:
                kind, value = here.recv()
            except (EOFError, OSError):
                raise _death() from None
            if kind == RAISED:
                raise value
            if kind == RETURNED:
                return value
            here.send((yield value))
    finally:
        process.kill()
        process.join()
        here.close()


def call_apart(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in a process of its own; return what it returns, raise what it raises."""
    steps = apart(_call, function, *arguments)
    try:
        next(steps)
    except StopIteration as end:
        return end.value
    finally:
        steps.close()
    raise AssertionError("a call yields nothing")


def _call(function: Callable[..., Any], *arguments: Any) -> Steps:
    yield from ()
    return function(*arguments)


def _serve(pipe: Connection, steps: Callable[..., Steps], arguments: tuple[Any, ...]) -> None:
    ignore_interrupts()
    threading.Thread(target=end_with_parent, daemon=True).start()
    quiet_libraries()
    work = steps(*arguments)
    sent = None
    while True:
        try:
            kind, value = YIELDED, work.send(sent)
        except StopIteration as end:
            kind, value = RETURNED, end.value
        except Exception as error:  # raised again where the user is told
            kind, value = RAISED, _portable(error)
        try:
            pipe.send((kind, value))
            if kind != YIELDED:
                return
            sent = pipe.recv()
        except (EOFError, OSError):
            return  # nobody listens any more


def _portable(error: Exception) -> Exception:
    """Return an error that can be sent: the same, or its words where it cannot."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # whatever its class does: its words remain
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _death() -> InputError:
    rule = "the process that checks a large manifest, or writes a large table, lives until its end"
    remedy = "make room in memory, then run the same command: it goes on from there"
    return InputError("memory", rule, "it was ended from outside", remedy)

"""The decorator of all functions that Numba compiles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeVar, overload

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])


@overload
def kernel(function: Function, /) -> Function: ...


@overload
def kernel(
    *,
    fastmath: bool | set[str] = False,
    inline: Literal["never", "always"] = "never",
    error_model: Literal["python", "numpy"] = "python",
) -> Callable[[Function], Function]: ...


def kernel(
    function: Function | None = None,
    /,
    *,
    fastmath: bool | set[str] = False,
    inline: Literal["never", "always"] = "never",
    error_model: Literal["python", "numpy"] = "python",
) -> Any:
    """Compile a function on its first call, keep the result on disk, and run it without the lock.

    Compiled code is kept for the file of the function, as long as that file does not change. What
    a function calls in another file is compiled into it: a change there is not noticed.

    Parameters
    ----------
    fastmath : which rules of floating point numbers may be broken, as Numba names them
    inline : ``"always"`` puts the function into its callers
    error_model : ``"numpy"`` divides by 0 without an exception, so loops run in vector registers
    """
    compiled: Callable[[Function], Function] = njit(
        nogil=True, cache=True, fastmath=fastmath, inline=inline, error_model=error_model
    )
    return compiled if function is None else compiled(function)

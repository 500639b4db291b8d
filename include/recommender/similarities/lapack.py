"""Cholesky factor and inverse by LAPACK, with the interpreter free meanwhile: SciPy's own wrappers hold it."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def invert_positive_definite(lower: NDArray[np.float32]) -> int:
    """Replace the lower triangle of a symmetric, positive definite matrix by that of its inverse.

    `lower` is float32, shape (n, n), in Fortran order; what stands above its diagonal is neither read nor written.
    Returns 0, or how many leading rows are found not to be positive definite; the matrix is lost then.
    One BLAS thread, so that the order of sums repeats; threads that wait by spinning slow everybody down besides.
    """
    if lower.dtype != np.float32 or not lower.flags.f_contiguous:
        raise ValueError("Expected: a float32 matrix in Fortran order. Found: another. Next step: convert it")
    _one_blas_thread()
    failed = ctypes.c_int(0)
    size = ctypes.c_int(len(lower))
    values = lower.ctypes.data_as(ctypes.c_void_p)
    for routine in ("spotrf", "spotri"):
        _routine(routine)(b"L", ctypes.byref(size), values, ctypes.byref(size), ctypes.byref(failed))
        if failed.value:
            return failed.value
    return 0


@cache
def _routine(name: str) -> Any:
    """A routine of SciPy's LAPACK of signature (uplo, n, a, lda, info); ctypes frees the interpreter while it runs."""
    from scipy.linalg import cython_lapack

    capsule = cast("dict[str, Any]", cython_lapack.__pyx_capi__)[name]
    name_of, address_of = ctypes.pythonapi.PyCapsule_GetName, ctypes.pythonapi.PyCapsule_GetPointer
    name_of.restype, name_of.argtypes = ctypes.c_char_p, [ctypes.py_object]
    address_of.restype, address_of.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    signature = ctypes.CFUNCTYPE(None, ctypes.c_char_p, *[ctypes.c_void_p] * 4)
    return signature(address_of(capsule, name_of(capsule)))


@cache
def _one_blas_thread() -> None:
    """Of every BLAS that is loaded, so SciPy's must be: what came later would keep its threads."""
    from scipy.linalg import cython_lapack  # noqa: F401
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    threadpool_limits(limits=1, user_api="blas")

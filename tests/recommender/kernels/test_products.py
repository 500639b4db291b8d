"""The largest entries of a sparse product are those of the whole product, without its diagonal."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from include.recommender.arrays import matrix_of_keys, top_n_per_row
from include.recommender.kernels.products import largest_products

# A few distinct values, so that ties are common.
values = st.sampled_from([0.0, 0.0, 0.25, 0.5, 0.7000001])


@given(st.data(), st.integers(1, 6), st.integers(0, 5), st.integers(1, 4), st.integers(0, 3))
def test_they_equal_those_of_scipy(data: st.DataObject, items: int, users: int, n: int, first: int) -> None:
    def drawn(rows: int, columns: int) -> sparse.csr_matrix:
        cells = data.draw(st.lists(values, min_size=rows * columns, max_size=rows * columns))
        return sparse.csr_matrix(np.array(cells).reshape(rows, columns))

    left, right = drawn(items, users), drawn(users, items)
    first = min(first, items)
    largest, sizes = np.empty((items - first, n), np.int64), np.empty(items - first, np.int64)
    names = np.array(data.draw(st.permutations(range(items))))
    renamed = (right.indptr, np.argsort(names)[right.indices], right.data)
    largest_products(first, (left.indptr, left.indices, left.data), renamed, names, largest, sizes)
    whole = (left @ right).toarray()
    np.fill_diagonal(whole, 0)
    expected = top_n_per_row(sparse.csr_matrix(whole[first:]), n)
    assert (matrix_of_keys(largest, sizes, items) != expected).nnz == 0

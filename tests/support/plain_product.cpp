// SPDX-License-Identifier: MIT
#include "support/plain_product.hpp"

namespace eigengru_test {

using eigengru::Index;
using eigengru::RowMatrix;

RowMatrix<double> plain_product(const RowMatrix<double>& a, const RowMatrix<double>& b) {
    eigen_assert(a.cols() == b.rows());
    RowMatrix<double> product = RowMatrix<double>::Zero(a.rows(), b.cols());
    const double* factor = a.data();
    for (Index i = 0; i < a.rows(); ++i) {
        const double* term = b.data();
        for (Index k = 0; k < a.cols(); ++k, ++factor)
            for (Index j = 0; j < b.cols(); ++j, ++term) product(i, j) += *factor * *term;
    }
    return product;
}

}  // namespace eigengru_test

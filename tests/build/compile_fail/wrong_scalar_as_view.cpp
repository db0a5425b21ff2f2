// expect: this matrix has another scalar type; write matrix\.cast<Scalar>\(\)\.eval\(\)
#include <eigengru/eigengru.hpp>

int main() {
    const eigengru::RowMatrix<double> inputs = eigengru::RowMatrix<double>::Zero(5, 3);
    eigengru::Gru<float> layer(3, {.units = 4});
    layer(inputs);
}

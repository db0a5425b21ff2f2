// expect: this is an expression without memory of its own; write \(expression\)\.eval\(\)
#include <eigengru/eigengru.hpp>

int main() {
    const eigengru::RowMatrix<float> inputs = eigengru::RowMatrix<float>::Zero(5, 3);
    eigengru::Gru<float> layer(3, {.units = 4});
    layer(2.0f * inputs);
}

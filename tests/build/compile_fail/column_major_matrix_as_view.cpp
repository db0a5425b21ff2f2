// expect: this matrix is column-major \(Eigen's default\); use eigengru::RowMatrix
#include <eigengru/eigengru.hpp>

int main() {
    const Eigen::MatrixXf inputs = Eigen::MatrixXf::Zero(5, 3);
    eigengru::Gru<float> layer(3, {.units = 4});
    layer(inputs);
}

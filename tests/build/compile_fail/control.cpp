// compiles
#include <eigengru/eigengru.hpp>

#include <vector>

// The right way to write what the other files here write wrong.
int main() {
    const eigengru::RowMatrix<float> inputs = eigengru::RowMatrix<float>::Zero(5, 3);
    eigengru::Gru<float> layer(3, {.units = 4, .activation = "relu"});
    layer(inputs);
    layer((2.0f * inputs).eval());
    layer(inputs.cast<double>().cast<float>().eval());
    layer.update_parameters([](auto& p) { p.bias().setZero(); });
    const std::vector<unsigned char> mask(10, 1);
    const eigengru::MaskView view(mask, 2, 5);
    return view.batch() == 2 ? 0 : 1;
}

// expect: auto&
#include <eigengru/eigengru.hpp>

int main() {
    eigengru::Gru<float> layer(3, {.units = 4});
    layer.update_parameters([](auto p) { p.bias().setZero(); });
}

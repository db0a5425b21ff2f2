// expect: (conver|no matching|deleted)
#include <eigengru/eigengru.hpp>

int main() {
    eigengru::Gru<float> layer(3, {.units = 4, .activation = nullptr});
}

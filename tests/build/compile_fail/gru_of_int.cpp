// expect: RealScalar
#include <eigengru/eigengru.hpp>

int main() {
    eigengru::Gru<int> layer(3, {.units = 4});
}

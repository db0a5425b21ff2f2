// expect: a mask is a contiguous range of bool or unsigned char
#include <eigengru/eigengru.hpp>

#include <vector>

int main() {
    const std::vector<int> mask(10, 1);
    const eigengru::MaskView view(mask, 2, 5);
    return view.batch() == 2 ? 0 : 1;
}

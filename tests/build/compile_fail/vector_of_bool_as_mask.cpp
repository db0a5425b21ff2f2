// expect: std::vector<bool> has no bytes to look at; use std::vector<unsigned char>
#include <eigengru/eigengru.hpp>

#include <vector>

int main() {
    const std::vector<bool> mask(10, true);
    const eigengru::MaskView view(mask, 2, 5);
    return view.batch() == 2 ? 0 : 1;
}

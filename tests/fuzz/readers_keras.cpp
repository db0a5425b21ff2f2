// SPDX-License-Identifier: MIT
#include "fuzz/readers.hpp"
#include "support/instantiations.hpp"

#include "eigengru/io/keras.hpp"

#include <algorithm>

namespace eigengru_fuzz {

using namespace eigengru;
using io::Where;

void call_once(Sequential<float>& model) {
    const Sequence<float> inputs({1, 2, std::max<Index>(1, model.features())});
    static_cast<void>(model.predict(inputs));
}

void load_keras_model(const std::filesystem::path& path) {
    answer([&] {
        Sequential<float> model = io::load_keras_model<float>(path);
        call_once(model);
    });
}

void load_keras_config(Input json) {
    static const Where where("fuzzer");
    static const io::Hdf5File weights = [] {
        const std::filesystem::path path =
            std::filesystem::path(EIGENGRU_GOLDEN_DIR) / "files/around.keras3.weights.h5";
        return io::Hdf5File(io::detail::read_file(path, where), where);
    }();
    answer([&] {
        io::KerasDialect dialect;
        dialect.is_keras2 = !json.empty() && json.back() == '2';
        io::detail::KerasFile file{where, io::detail::parse_json({json.begin(), json.end()}, where),
                                   io::detail::KerasWeights(weights, dialect)};
        static_cast<void>(io::detail::build_keras_model<float>(file));
    });
}

void load_keras_weights(const std::filesystem::path& path) {
    static const Sequential<float> plain({Gru<float>(3, {.units = 6}), Dense<float>(6, {.units = 2})});
    static const Gru<float, false> before(3, {.units = 4});
    answer([&] {
        Sequential<float> model = plain;
        io::load_weights(model, path);
    });
    answer([&] {
        Gru<float, false> layer = before;
        io::load_weights(layer, path);
    });
}

}  // namespace eigengru_fuzz

// The HDF5 library loses a few hundred bytes of its own after damage in its newer forms; the leak checker is told.
extern "C" const char* __lsan_default_suppressions();   // NOLINT(bugprone-reserved-identifier)
extern "C" const char* __lsan_default_suppressions() {  // NOLINT(bugprone-reserved-identifier)
    return "leak:libhdf5";
}

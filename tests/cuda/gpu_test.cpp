// SPDX-License-Identifier: MIT
// Real devices, where there is one: calls recorded from Keras, the same bits again and again, and memory that does not
// grow. What only such a device can tell is printed, not demanded: whether cuDNN gives the same bits is its own affair.
#include "cuda/golden_driver.hpp"
#include "support/random_sequence.hpp"

#include <gtest/gtest.h>

namespace eigengru_test {
namespace {

using eigengru::CudnnAlgorithm;
using eigengru::Gradients;
using eigengru::Gru;
using eigengru::GruOptions;
using eigengru::Index;
using eigengru::MaskView;
using eigengru::Output;
using eigengru::Sequence;
using eigengru::Tape;

class Gpu : public testing::Test {
protected:
    void SetUp() override {
        int count = 0;
        const cudaError_t status = ::cudaGetDeviceCount(&count);
        if (status != cudaSuccess) GTEST_SKIP() << "no device: cudaGetDeviceCount says " << ::cudaGetErrorName(status);
        if (count == 0) GTEST_SKIP() << "no device";
        cudnnHandle_t handle = nullptr;
        const cudnnStatus_t made = ::cudnnCreate(&handle);
        if (made != CUDNN_STATUS_SUCCESS) GTEST_SKIP() << "no cuDNN: cudnnCreate says " << ::cudnnGetErrorString(made);
        ::cudnnDestroy(handle);
    }
};

template <class S>
void run_golden(int least) {
    for (const bool any_mask : {false, true}) {
        Found found;
        for (const GoldenCase& golden : gru_cases()) run_case<S>(golden, any_mask, false, found);
        print<S>(found, any_mask);
        EXPECT_GE(found.cases, least);
    }
}

TEST_F(Gpu, AgreesWithKerasInFloat) {
    run_golden<float>(49);
}

TEST_F(Gpu, AgreesWithKerasInDouble) {
    run_golden<double>(49);
}

/// A layer that demands cuDNN, of a size that fills a device a little, and what it is given.
struct Training {
    static constexpr Index kBatch = 16, kTime = 50, kFeatures = 32, kUnits = 128;

    Gru<float> layer{kFeatures, {.units = kUnits, .return_sequences = true, .use_cudnn = true}};
    Sequence<float> inputs = random_sequence<float>({kBatch, kTime, kFeatures});
    Sequence<float> d_sequences = random_sequence<float>({kBatch, kTime, kUnits});
    std::vector<unsigned char> mask = std::vector<unsigned char>(kBatch * kTime, 1);
    Tape<float> tape;
    Output<float> y;
    Gradients<float> g;

    void step(CudnnAlgorithm algorithm) {
        std::fill(mask.begin() + 40, mask.begin() + 50, static_cast<unsigned char>(0));  // one row is shorter
        y = layer.forward(inputs, {.mask = MaskView(mask, kBatch, kTime), .cudnn = {.algorithm = algorithm}}, tape);
        layer.backward(std::move(tape), {.sequences = d_sequences}, g);
    }
};

TEST_F(Gpu, EachAlgorithmAgreesWithEigen) {
    for (const auto& [algorithm, name] :
         {std::pair{CudnnAlgorithm::standard, "standard"}, std::pair{CudnnAlgorithm::persist_static, "persist_static"},
          std::pair{CudnnAlgorithm::persist_dynamic, "persist_dynamic"},
          std::pair{CudnnAlgorithm::persist_static_small_h, "small_h"}}) {
        Training training;
        try {
            training.step(algorithm);
        } catch (const eigengru::BackendError& error) {
            EXPECT_NE(algorithm, CudnnAlgorithm::standard) << error.what();
            std::printf("  %s: %s\n", name, error.what());
            continue;
        }
        GruOptions options = training.layer.options();
        options.use_cudnn = false;
        Gru<float> on_eigen(Training::kFeatures, options, training.layer.get_weights());
        Tape<float> tape;
        const Output<float> y = on_eigen.forward(
            training.inputs, {.mask = MaskView(training.mask, Training::kBatch, Training::kTime)}, tape);
        const Gradients<float> g = on_eigen.backward(tape, {.sequences = training.d_sequences});
        const auto difference = [](const auto& a, const auto& b) { return (a - b).norm() / b.norm(); };
        const float outputs = difference(training.y.sequences.matrix(), y.sequences.matrix());
        const float kernel = difference(training.g.parameters.recurrent_kernel(), g.parameters.recurrent_kernel());
        const float inputs = difference(training.g.inputs.matrix(), g.inputs.matrix());
        std::printf("  %s: relative to Eigen %.2g (outputs), %.2g (recurrent kernel), %.2g (inputs)\n", name,
                    static_cast<double>(outputs), static_cast<double>(kernel), static_cast<double>(inputs));
        for (const float relative : {outputs, kernel, inputs}) EXPECT_LT(relative, 1e-5F) << name;
    }
}

TEST_F(Gpu, RepeatsACallAHundredTimes) {
    for (const auto algorithm : {CudnnAlgorithm::standard, CudnnAlgorithm::automatic}) {
        Training training;
        training.step(algorithm);
        const Output<float> first = training.y;
        const Gradients<float> first_gradients = training.g;
        int other_outputs = 0, other_gradients = 0;
        for (int i = 1; i < 100; ++i) {
            training.step(algorithm);
            other_outputs += training.y.sequences.matrix() == first.sequences.matrix() ? 0 : 1;
            other_gradients += is_same(training.g, first_gradients) ? 0 : 1;
            EXPECT_TRUE(training.y.sequences.matrix().isApprox(first.sequences.matrix(), 1e-5F));
        }
        std::printf("  %s: of 100 calls %d gave other outputs, %d other gradients\n",
                    algorithm == CudnnAlgorithm::standard ? "standard algorithm" : "automatic", other_outputs,
                    other_gradients);
    }
}

TEST_F(Gpu, MemoryDoesNotGrowOverAThousandCalls) {
    Training training;
    const auto free_bytes = [] {
        std::size_t free = 0, total = 0;
        ::cudaMemGetInfo(&free, &total);
        return free;
    };
    for (int i = 0; i < 20; ++i) training.step(CudnnAlgorithm::automatic);
    const std::size_t before = free_bytes();
    for (int i = 0; i < 1000; ++i) training.step(CudnnAlgorithm::automatic);
    std::printf("  free on the device: %zu bytes before, %zu after\n", before, free_bytes());
    EXPECT_GE(free_bytes(), before);
}

}  // namespace
}  // namespace eigengru_test

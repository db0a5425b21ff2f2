// SPDX-License-Identifier: MIT
// The fake GPU itself: that its GRU is right, and that it finds what it is there to find.
#include "support/cuda_fake.hpp"
#include "cuda/raw_gru.hpp"
#include "support/reference_gru.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

namespace eigengru_test {
namespace {

/// The text of all violations, one a line.
std::string violations(const CudaFake& fake) {
    std::string text;
    for (const std::string& violation : fake.violations()) text += violation + "\n";
    return text;
}

/// Whether exactly these words stand in one of them.
bool has_violation(const CudaFake& fake, const std::string& words) {
    return violations(fake).find(words) != std::string::npos;
}

/// Keras's weights from RawGru's order: the gates r, z, n to z, r, n, and matrices transposed.
ReferenceWeights<double> reference_weights(const RawOptions& o, const std::vector<double>& raw) {
    const auto features = static_cast<std::size_t>(o.features), units = static_cast<std::size_t>(o.units);
    ReferenceWeights<double> weights{std::vector<double>(features * 3 * units), std::vector<double>(units * 3 * units),
                                     std::vector<double>(6 * units)};
    const std::array<std::size_t, 3> keras_gate{1, 0, 2};
    std::size_t next = 0;
    for (std::size_t layer = 0; layer < 6; ++layer) {
        const std::size_t column = keras_gate[layer % 3] * units, rows = layer < 3 ? features : units;
        auto& matrix = layer < 3 ? weights.kernel : weights.recurrent_kernel;
        for (std::size_t u = 0; u < units; ++u)
            for (std::size_t i = 0; i < rows; ++i) matrix[i * 3 * units + column + u] = raw[next++];
        for (std::size_t u = 0; u < units; ++u) weights.bias[layer / 3 * 3 * units + column + u] = raw[next++];
    }
    return weights;
}

TEST(CudaFakeGru, ForwardAgreesWithTheReference) {
    CudaFake fake;
    RawGru<double> gru({});
    ASSERT_EQ(gru.forward(CUDNN_FWD_MODE_INFERENCE), CUDNN_STATUS_SUCCESS);
    const RawOptions& o = gru.o;
    const auto batch = static_cast<std::size_t>(o.batch), time = static_cast<std::size_t>(o.time);
    const auto features = static_cast<std::size_t>(o.features), units = static_cast<std::size_t>(o.units);
    ReferenceCall<double> call{std::vector<double>(gru.x_size()), {}, gru.get(gru.hx, gru.h_size())};
    const std::vector<double> x = gru.get(gru.x, gru.x_size());
    for (std::size_t b = 0; b < batch; ++b)
        for (std::size_t t = 0; t < time; ++t)
            for (std::size_t i = 0; i < features; ++i)
                call.inputs[(b * time + t) * features + i] = x[(t * batch + b) * features + i];
    const ReferenceOutput<double> expected =
        reference_gru<double>({.batch = batch, .time = time, .features = features, .units = units},
                              reference_weights(o, gru.get_weights(gru.weights)), call);
    const std::vector<double> y = gru.get(gru.y, gru.y_size()), hy = gru.get(gru.hy, gru.h_size());
    for (std::size_t b = 0; b < batch; ++b)
        for (std::size_t t = 0; t < time; ++t)
            for (std::size_t u = 0; u < units; ++u)
                EXPECT_NEAR(y[(t * batch + b) * units + u], expected.sequences[(b * time + t) * units + u], 1e-14);
    for (std::size_t i = 0; i < hy.size(); ++i) EXPECT_NEAR(hy[i], expected.state[i], 1e-14);
    EXPECT_EQ(violations(fake), "");
}

/// sum(dy . y) + sum(dhy . hy) over what is defined: the loss whose gradients the backward passes give.
double loss_of(RawGru<double>& gru) {
    EXPECT_EQ(gru.forward(CUDNN_FWD_MODE_INFERENCE), CUDNN_STATUS_SUCCESS);
    const auto y = gru.get(gru.y, gru.y_size()), hy = gru.get(gru.hy, gru.h_size());
    const auto dy = gru.get(gru.dy, gru.y_size()), dhy = gru.get(gru.dhy, gru.h_size());
    double loss = 0;
    for (std::size_t i = 0; i < y.size(); ++i)
        if (!std::isnan(y[i])) loss += dy[i] * y[i];
    for (std::size_t i = 0; i < hy.size(); ++i) loss += dhy[i] * hy[i];
    return loss;
}

/// The largest difference between a gradient and central differences of the loss.
double difference(RawGru<double>& gru, const std::vector<double>& gradient, std::vector<double> values,
                  const std::function<void(const std::vector<double>&)>& set) {
    constexpr double kStep = 1e-6;
    double largest = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (std::isnan(gradient[i])) continue;  // undefined, beyond a row's length
        const double value = values[i];
        std::array<double, 2> loss{};
        for (const int side : {0, 1}) {
            values[i] = value + (side == 0 ? kStep : -kStep);
            set(values);
            loss[static_cast<std::size_t>(side)] = loss_of(gru);
        }
        values[i] = value;
        largest = std::max(largest, std::abs(gradient[i] - (loss[0] - loss[1]) / (2 * kStep)));
    }
    set(values);
    return largest;
}

TEST(CudaFakeGru, GradientsAgreeWithFiniteDifferencesInEveryLayout) {
    for (const auto layout : {CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_UNPACKED, CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_PACKED,
                              CUDNN_RNN_DATA_LAYOUT_BATCH_MAJOR_UNPACKED}) {
        CudaFake fake;
        {
            RawGru<double> gru({.time = 3, .batch = 2, .features = 2, .units = 3, .lengths = {3, 2}, .layout = layout});
            EXPECT_EQ(gru.forward(), CUDNN_STATUS_SUCCESS);
            EXPECT_EQ(gru.backward_data(), CUDNN_STATUS_SUCCESS);
            EXPECT_EQ(gru.backward_weights(), CUDNN_STATUS_SUCCESS);
            const auto of = [&](void* memory, std::size_t count, void* gradient) {
                return difference(gru, gru.get(gradient, count), gru.get(memory, count),
                                  [&gru, memory](const std::vector<double>& values) { gru.put(memory, values); });
            };
            EXPECT_LE(of(gru.x, gru.x_size(), gru.dx), 1e-8);
            EXPECT_LE(of(gru.hx, gru.h_size(), gru.dhx), 1e-8);
            EXPECT_LE(difference(gru, gru.get_weights(gru.d_weights), gru.get_weights(gru.weights),
                                 [&gru](const std::vector<double>& values) { gru.set_weights(values); }),
                      1e-8);
        }
        EXPECT_EQ(violations(fake), "");
        EXPECT_EQ(fake.alive(), "");
    }
}

TEST(CudaFakeGru, LeavesNothingDefinedThatCudnnDoesNot) {
    CudaFake fake;
    RawGru<float> gru({.lengths = {4, 4, 2}});
    ASSERT_EQ(gru.forward(), CUDNN_STATUS_SUCCESS);
    const std::vector<float> y = gru.get(gru.y, gru.y_size());
    EXPECT_FALSE(std::isnan(y[static_cast<std::size_t>((1 * 3 + 2) * 5)]));
    EXPECT_TRUE(std::isnan(y[static_cast<std::size_t>((2 * 3 + 2) * 5)]));
    EXPECT_TRUE(std::isnan(gru.get(gru.workspace, 1)[0]));
}

/// One mistake, and what must be found.
struct Mistake {
    const char* name;
    void (*make)(RawGru<float>&);
    const char* found;
};

void PrintTo(const Mistake& mistake, std::ostream* out) {
    *out << mistake.name;
}

class CudaFakeFinds : public testing::TestWithParam<Mistake> {};

TEST_P(CudaFakeFinds, AMistake) {
    CudaFake fake;
    {
        RawGru<float> gru({});
        GetParam().make(gru);
        gru.f.cudaStreamSynchronize(gru.stream);
        EXPECT_TRUE(has_violation(fake, GetParam().found)) << violations(fake);
    }
    EXPECT_EQ(fake.alive(), "");
}

INSTANTIATE_TEST_SUITE_P(
    InAProgram, CudaFakeFinds,
    testing::Values(
        Mistake{"weights_before_data", [](RawGru<float>& g) { g.forward(), g.backward_weights(); },
                "gradients of weights before those of data"},
        Mistake{"data_twice", [](RawGru<float>& g) { g.forward(), g.backward_data(), g.backward_data(); },
                "gradients of data twice"},
        Mistake{"reserve_used_twice",
                [](RawGru<float>& g) { g.forward(), g.backward_data(), g.backward_weights(), g.backward_data(); },
                "used up by a backward pass"},
        Mistake{"backward_after_inference",
                [](RawGru<float>& g) { g.forward(CUDNN_FWD_MODE_INFERENCE), g.backward_data(); },
                "reserveSpace was never written"},
        Mistake{
            "other_x",
            [](RawGru<float>& g) { g.forward(), g.backward_data(), g.fill(g.x, g.x_size(), 9), g.backward_weights(); },
            "another x"},
        Mistake{"other_y", [](RawGru<float>& g) { g.forward(), g.fill(g.y, g.y_size(), 9), g.backward_data(); },
                "another y"},
        Mistake{"other_state",
                [](RawGru<float>& g) {
                    g.forward();
                    void* hx = std::exchange(g.hx, nullptr);
                    g.backward_data();
                    g.hx = hx;
                },
                "another hx"},
        Mistake{"other_weights", [](RawGru<float>& g) { g.forward(), g.fill(g.weights, 1, 9), g.backward_data(); },
                "other weights"},
        Mistake{"unknown_weights",
                [](RawGru<float>& g) {
                    g.f.cudaFree(g.weights);
                    g.f.cudaMalloc(&g.weights, g.weight_bytes);
                    g.forward();
                },
                "weightSpace was never written"},
        Mistake{"unknown_sums",
                [](RawGru<float>& g) {
                    g.f.cudaFree(g.d_weights);
                    g.f.cudaMalloc(&g.d_weights, g.weight_bytes);
                    g.forward(), g.backward_data(), g.backward_weights();
                },
                "dweightSpace was never written"},
        Mistake{"small_workspace", [](RawGru<float>& g) { g.workspace_bytes -= 1, g.forward(); },
                "workspace smaller than told"},
        Mistake{"small_reserve", [](RawGru<float>& g) { g.reserve_bytes -= 1, g.forward(); },
                "reserve space smaller than told"},
        Mistake{"no_reserve",
                [](RawGru<float>& g) {
                    void* reserve = std::exchange(g.reserve, nullptr);
                    g.forward();
                    g.reserve = reserve;
                },
                "reserveSpace is null"},
        Mistake{"host_memory",
                [](RawGru<float>& g) {
                    std::vector<float> host(g.x_size());
                    void* x = std::exchange(g.x, host.data());
                    g.forward();
                    g.x = x;
                },
                "host memory where device memory belongs"},
        Mistake{"output_over_input",
                [](RawGru<float>& g) {
                    void* hy = std::exchange(g.hy, g.x);
                    g.forward();
                    g.hy = hy;
                },
                "overlaps"},
        Mistake{"freed_memory",
                [](RawGru<float>& g) {
                    g.f.cudaFree(g.hy);
                    g.forward();
                    g.hy = nullptr;
                },
                "not all of it is in living device memory"},
        Mistake{"over_the_end",
                [](RawGru<float>& g) {
                    void* x = std::exchange(g.x, at_byte(g.x, 4));
                    g.forward();
                    g.x = x;
                },
                "not all of it is in living device memory"},
        Mistake{"not_built",
                [](RawGru<float>& g) {
                    g.f.cudnnSetRNNDescriptor_v8(g.rnn, CUDNN_RNN_ALGO_PERSIST_DYNAMIC, CUDNN_GRU,
                                                 CUDNN_RNN_DOUBLE_BIAS, CUDNN_UNIDIRECTIONAL, CUDNN_LINEAR_INPUT,
                                                 CUDNN_DATA_FLOAT, CUDNN_DATA_FLOAT, CUDNN_FMA_MATH, 2, 5, 5, 1,
                                                 g.dropout, CUDNN_RNN_PADDED_IO_ENABLED);
                    g.forward();
                },
                "cudnnBuildRNNDynamic was not called"},
        Mistake{"copy_from_device_as_host",
                [](RawGru<float>& g) { g.f.cudaMemcpyAsync(g.x, g.dx, 4, cudaMemcpyHostToDevice, g.stream); },
                "device memory where host memory belongs"},
        Mistake{"destroyed_twice", [](RawGru<float>& g) { g.f.cudaFree(g.x), g.f.cudaFree(g.x), g.x = nullptr; },
                "not the start of living device memory"},
        Mistake{"unknown_stream",
                [](RawGru<float>& g) { g.f.cudnnSetStream(g.handle, reinterpret_cast<cudaStream_t>(0x10)); },
                "no such stream"}),
    [](const auto& one) { return std::string(one.param.name); });

using Table = eigengru::detail::CudaFunctions;

/// What the real library answers to a descriptor call, for which it needs no GPU, the fake must answer too.
template <class Ask>
int expect_same_answer(const Ask& ask, const std::string& what) {
    const int real = ask(eigengru::detail::kLinkedCudaFunctions), fake = ask(eigengru::detail::cuda_functions());
    EXPECT_EQ(CUDNN_STATUS_CATEGORY(fake), CUDNN_STATUS_CATEGORY(real)) << what;
    return real;
}

struct DataSettings {
    int layout = 0;
    cudnnDataType_t type = CUDNN_DATA_FLOAT;
    int time = 3;
    int size = 2;
    std::vector<int> lengths = {3, 2};

    int operator()(const Table& f) const {
        cudnnRNNDataDescriptor_t data = nullptr;
        f.cudnnCreateRNNDataDescriptor(&data);
        const int status = f.cudnnSetRNNDataDescriptor(data, type, static_cast<cudnnRNNDataLayout_t>(layout), time,
                                                       static_cast<int>(lengths.size()), size, lengths.data(), nullptr);
        f.cudnnDestroyRNNDataDescriptor(data);
        return status;
    }
};

TEST(CudaFakeDescriptors, AnswerForDataAsTheRealLibraryDoes) {
    CudaFake fake;
    for (const int layout : {0, 1, 2, 3}) {
        const DataSettings good{.layout = layout};
        const std::string where = ", layout " + std::to_string(layout);
        if (expect_same_answer(good, "nothing wrong" + where) != CUDNN_STATUS_SUCCESS) continue;
        for (const auto type : {CUDNN_DATA_DOUBLE, CUDNN_DATA_INT8})
            expect_same_answer(DataSettings{.layout = layout, .type = type}, "type " + std::to_string(type) + where);
        for (const int time : {0, -1, 65535, 65536})
            expect_same_answer(DataSettings{.layout = layout, .time = time, .lengths = {time, 1}},
                               std::to_string(time) + " steps" + where);
        expect_same_answer(DataSettings{.layout = layout, .size = 0}, "size 0" + where);
        for (const auto& lengths :
             std::vector<std::vector<int>>{{}, {2, 3}, {3, 0}, {0, 0}, {3, -1}, {1, 1}, {4, 3}, {3, 3}})
            expect_same_answer(DataSettings{.layout = layout, .lengths = lengths},
                               std::to_string(lengths.size()) + " lengths" + where);
    }
    EXPECT_EQ(fake.alive(), "");
}

struct RnnArguments {
    int algorithm = 0;
    cudnnDataType_t type = CUDNN_DATA_FLOAT;
    cudnnDataType_t precision = type;
    int bias = CUDNN_RNN_DOUBLE_BIAS;
    std::array<int, 4> sizes = {3, 4, 4, 1};
    unsigned flags = CUDNN_RNN_PADDED_IO_ENABLED;

    int operator()(const Table& f, cudnnDropoutDescriptor_t dropout) const {
        cudnnRNNDescriptor_t rnn = nullptr;
        f.cudnnCreateRNNDescriptor(&rnn);
        const int status = f.cudnnSetRNNDescriptor_v8(rnn, static_cast<cudnnRNNAlgo_t>(algorithm), CUDNN_GRU,
                                                      static_cast<cudnnRNNBiasMode_t>(bias), CUDNN_UNIDIRECTIONAL,
                                                      CUDNN_LINEAR_INPUT, type, precision, CUDNN_FMA_MATH, sizes[0],
                                                      sizes[1], sizes[2], sizes[3], dropout, flags);
        f.cudnnDestroyRNNDescriptor(rnn);
        return status;
    }
};

TEST(CudaFakeDescriptors, AnswerForTheNetworkAsTheRealLibraryDoes) {
    CudaFake fake;
    const RawGru<float> gru({});
    cudnnDropoutDescriptor_t real_dropout = nullptr;
    ::cudnnCreateDropoutDescriptor(&real_dropout);
    const auto ask = [&](const RnnArguments& arguments, const std::string& what) {
        const std::string where =
            ", algorithm " + std::to_string(arguments.algorithm) + ", type " + std::to_string(arguments.type);
        return expect_same_answer(
            [&](const Table& f) { return arguments(f, &f == &gru.f ? gru.dropout : real_dropout); }, what + where);
    };
    for (const int algorithm : {0, 1, 2, 3, 4}) {
        for (const auto type : {CUDNN_DATA_FLOAT, CUDNN_DATA_DOUBLE}) {
            if (ask({algorithm, type}, "nothing wrong") != CUDNN_STATUS_SUCCESS) continue;
            for (const auto precision : {CUDNN_DATA_FLOAT, CUDNN_DATA_DOUBLE})
                ask({algorithm, type, precision}, "precision " + std::to_string(precision));
            for (const int bias : {0, 1, 3}) ask({algorithm, type, type, bias}, "bias " + std::to_string(bias));
            for (const std::array<int, 4>& sizes : std::vector<std::array<int, 4>>{{0, 4, 4, 1},
                                                                                   {-1, 4, 4, 1},
                                                                                   {3, 0, 0, 1},
                                                                                   {3, 4, 0, 1},
                                                                                   {3, 4, 2, 1},
                                                                                   {3, 4, 5, 1},
                                                                                   {3, 4, 4, 0},
                                                                                   {3, 4096, 4096, 1}})
                ask({algorithm, type, type, CUDNN_RNN_DOUBLE_BIAS, sizes}, "sizes " + std::to_string(sizes[1]));
            for (const unsigned flags : {0U, 2U})
                ask({algorithm, type, type, CUDNN_RNN_DOUBLE_BIAS, {3, 4, 4, 1}, flags}, "flags");
        }
    }
    ::cudnnDestroyDropoutDescriptor(real_dropout);
}

TEST(CudaFakeMemory, HostAccessCrashes) {
    CudaFake fake;
    RawGru<float> gru({});
    testing::FLAGS_gtest_death_test_style = "threadsafe";
    EXPECT_DEATH(static_cast<void>(*static_cast<volatile float*>(gru.x)), "");
}

TEST(CudaFakeStreams, PutWorkOffUntilSomebodyWaits) {
    for (const FakeStreams streams : {FakeStreams::latest, FakeStreams::at_once}) {
        CudaFake fake({.streams = streams});
        const auto& f = eigengru::detail::cuda_functions();
        void *device = nullptr, *pinned = nullptr;
        cudaStream_t stream = nullptr;
        f.cudaMalloc(&device, 4);
        f.cudaMallocHost(&pinned, 4);
        f.cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
        auto* host = static_cast<std::uint32_t*>(pinned);
        *host = 1;
        f.cudaMemcpyAsync(device, host, 4, cudaMemcpyHostToDevice, stream);
        *host = 2;  // too early
        f.cudaMemcpyAsync(host, device, 4, cudaMemcpyDeviceToHost, stream);
        EXPECT_EQ(*host, streams == FakeStreams::latest ? 2U : 1U);
        f.cudaStreamSynchronize(stream);
        EXPECT_EQ(*host, streams == FakeStreams::latest ? 2U : 1U);
        f.cudaStreamDestroy(stream);
        f.cudaFree(device);
        f.cudaFreeHost(pinned);
        EXPECT_EQ(violations(fake) + fake.alive(), "");
    }
}

TEST(CudaFakeStreams, EventsTellTheTime) {
    CudaFake fake;
    RawGru<float> gru({});
    const auto& f = gru.f;
    cudaEvent_t start = nullptr, end = nullptr;
    f.cudaEventCreateWithFlags(&start, cudaEventDefault);
    f.cudaEventCreateWithFlags(&end, cudaEventDefault);
    f.cudaEventRecord(start, gru.stream);
    gru.forward(CUDNN_FWD_MODE_INFERENCE);
    f.cudaEventRecord(end, gru.stream);
    f.cudaEventSynchronize(end);
    float milliseconds = 0;
    EXPECT_EQ(f.cudaEventElapsedTime(&milliseconds, start, end), cudaSuccess);
    EXPECT_EQ(milliseconds, fake.options().milliseconds[CUDNN_RNN_ALGO_STANDARD]);
    f.cudaEventDestroy(start);
    f.cudaEventDestroy(end);
    EXPECT_EQ(violations(fake), "");
}

TEST(CudaFakeStreams, CountHiddenWaits) {
    CudaFake fake;
    RawGru<float> gru({});
    fake.reset_counts();
    static_cast<void>(gru.get(gru.hx, 1));
    EXPECT_EQ(fake.hidden_synchronisations(), 1);
    EXPECT_EQ(fake.synchronisations(), 1);
}

TEST(CudaFakeFaults, AFunctionFailsOnceAndLeavesTheError) {
    CudaFake fake;
    const auto& f = eigengru::detail::cuda_functions();
    fake.fail("cudaMalloc", cudaErrorMemoryAllocation, 2);
    void *first = nullptr, *second = nullptr;
    EXPECT_EQ(f.cudaMalloc(&first, 1), cudaSuccess);
    EXPECT_FALSE(fake.has_failed());
    EXPECT_EQ(f.cudaMalloc(&second, 1), cudaErrorMemoryAllocation);
    EXPECT_TRUE(fake.has_failed());
    EXPECT_EQ(fake.last_error(), cudaErrorMemoryAllocation);
    EXPECT_EQ(f.cudaGetLastError(), cudaErrorMemoryAllocation);
    EXPECT_EQ(f.cudaGetLastError(), cudaSuccess);
    EXPECT_EQ(fake.alive(), "1 device blocks, 1 bytes of them");
    f.cudaFree(first);
}

TEST(CudaFakeFaults, AnErrorOfTheDeviceStays) {
    CudaFake fake;
    RawGru<float> gru({});
    gru.f.cudaStreamSynchronize(gru.stream);
    fake.fail_asynchronously(cudaErrorIllegalAddress);
    EXPECT_EQ(gru.forward(), CUDNN_STATUS_SUCCESS);
    EXPECT_EQ(gru.f.cudaStreamSynchronize(gru.stream), cudaErrorIllegalAddress);
    EXPECT_EQ(gru.f.cudaStreamSynchronize(gru.stream), cudaErrorIllegalAddress);
    EXPECT_EQ(CUDNN_STATUS_CATEGORY(int{gru.forward()}), int{CUDNN_STATUS_EXECUTION_FAILED});
    fake.recover();
    EXPECT_EQ(gru.forward(), CUDNN_STATUS_SUCCESS);
}

TEST(CudaFakeFaults, EveryFunctionThatReturnsAStatusCanFail) {
    constexpr std::size_t kTexts = 6;  // versions, texts and cudaGetLastError
    constexpr std::size_t kFunctions = sizeof(eigengru::detail::CudaFunctions) / sizeof(void*);
    EXPECT_EQ(CudaFake::functions().size(), kFunctions - kTexts);
    for (const FakeFunction& function : CudaFake::functions()) EXPECT_FALSE(function.statuses.empty());
}

}  // namespace
}  // namespace eigengru_test

// SPDX-License-Identifier: MIT
// The layer on cuDNN against cuDNN itself: the best of its four algorithms and two layouts, called straight, beside our
// path for data of the device (the overhead), and for data of the host (what the way there and back costs). The same
// for training steps, which take data of the host alone. Data of the host is checked against Eigen before it is timed.
// Without a device it says so and ends; --quick: a few cells. (peers/torch_cuda.py has PyTorch's times in these cells.)
#include <eigengru/cuda/device_gru.hpp>
#include <eigengru/eigengru.hpp>

#include <chrono>
#include <cstdio>
#include <limits>
#include <string>
#include <vector>

namespace {

using namespace eigengru;
using namespace eigengru::detail;

constexpr int kWarmUp = 3, kRepeats = 20, kRounds = 5;

struct Sizes {
    Index batch, time, features, units;
};

constexpr CudnnAlgorithm kAlgorithms[] = {CudnnAlgorithm::standard, CudnnAlgorithm::persist_static,
                                          CudnnAlgorithm::persist_dynamic, CudnnAlgorithm::persist_static_small_h};
constexpr const char* kNames[] = {"standard", "persist_static", "persist_dynamic", "small_h"};

/// The shortest of some rounds of calls, in microseconds a call. Each round ends when the stream has done it all.
template <class Call>
double time_of(const CudaFunctions& f, cudaStream_t stream, const Call& call) {
    double best = std::numeric_limits<double>::infinity();
    for (int round = -1; round < kRounds; ++round) {
        const auto start = std::chrono::steady_clock::now();
        const int repeats = round < 0 ? kWarmUp : kRepeats;
        for (int i = 0; i < repeats; ++i) call();
        check_status(f, "cudaStreamSynchronize", f.cudaStreamSynchronize(stream));
        const std::chrono::duration<double, std::micro> spent = std::chrono::steady_clock::now() - start;
        if (round >= 0) best = std::min(best, spent.count() / repeats);
    }
    return best;
}

/// Zeros on the device.
struct Zeros {
    Zeros(const CudnnContext& context, Index size) {
        memory.reserve(context.functions(), bytes_of<float>(size));
        clear_async(context.functions(), context.stream(), memory.data(), memory.bytes());
    }
    DeviceMemory memory;
};

struct Raw {
    double microseconds = std::numeric_limits<double>::infinity();
    std::string name;
};

/// cuDNN alone: its best, forward or with both passes back.
Raw best_of_cudnn(CudnnContext& context, const Sizes& s, bool is_training) {
    const CudaFunctions& f = context.functions();
    const Index inputs = s.batch * s.time * s.features, outputs = s.batch * s.time * s.units;
    const Zeros x(context, inputs), y(context, outputs), dx(context, inputs), dy(context, outputs);
    Raw best;
    for (const auto layout : {CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_UNPACKED, CUDNN_RNN_DATA_LAYOUT_BATCH_MAJOR_UNPACKED})
        for (std::size_t i = 0; i < std::size(kAlgorithms); ++i) {
            const RnnPlan::Result result = context.plan({.batch = s.batch,
                                                         .time = s.time,
                                                         .features = s.features,
                                                         .units = s.units,
                                                         .is_training = is_training,
                                                         .algorithm = kAlgorithms[i],
                                                         .layout = layout});
            if (result.plan == nullptr) continue;
            const RnnPlan& plan = *result.plan;
            const auto floats = [](std::size_t bytes) { return static_cast<Index>(bytes / sizeof(float)) + 1; };
            const Zeros weights(context, floats(plan.weights().bytes)),
                d_weights(context, floats(plan.weights().bytes));
            const Zeros reserve(context, floats(is_training ? plan.reserve_bytes() : 0));
            const RnnMemory memory{.inputs = x.memory.data(),
                                   .outputs = y.memory.data(),
                                   .weights = weights.memory.data(),
                                   .workspace = context.workspace(),
                                   .reserve = reserve.memory.data(),
                                   .d_outputs = dy.memory.data(),
                                   .d_inputs = dx.memory.data(),
                                   .d_weights = d_weights.memory.data()};
            const double time = time_of(f, context.stream(), [&] {
                static_cast<void>(rnn_forward(f, context.handle(), plan, memory));
                if (!is_training) return;
                static_cast<void>(rnn_backward_data(f, context.handle(), plan, memory));
                static_cast<void>(rnn_backward_weights(f, context.handle(), plan, memory));
            });
            if (time < best.microseconds)
                best = {time,
                        text(kNames[i], layout == CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_UNPACKED ? "" : ", batch-major")};
        }
    return best;
}

/// Ours for data of the device.
double on_device(const CudnnContext& context, const Gru<float>& layer, const Sizes& s) {
    const Zeros x(context, s.batch * s.time * s.features), y(context, s.batch * s.time * s.units);
    DeviceGru<float> device(context.stream());
    const Shape3 shape{s.batch, s.time, s.features};
    const DeviceCall<float> call{.shape = shape,
                                 .inputs = {x.memory.as<const float>(), shape.size()},
                                 .sequences = {y.memory.as<float>(), s.batch * s.time * s.units}};
    device.prepare(layer.cell(), shape, false);
    return time_of(context.functions(), context.stream(), [&] { device.call(layer.cell(), call); });
}

/// The same layer on Eigen.
Gru<float> on_eigen(const Gru<float>& layer) {
    GruOptions options = layer.options();
    options.use_cudnn = false;
    return {layer.features(), options, layer.get_weights()};
}

/// Whether the numbers are those of Eigen; says so when they are not.
template <class Numbers, class Expected>
bool is_close(const Numbers& numbers, const Expected& expected) {
    const float difference = (numbers - expected).cwiseAbs().maxCoeff();
    if (numbers.allFinite() && difference < 1e-4F * (1 + expected.cwiseAbs().maxCoeff())) return true;
    std::printf("differs from Eigen by %g\n", static_cast<double>(difference));
    return false;
}

/// A training step of ours: the call with its gradients. Returns infinity when these are not those of Eigen.
double training_on_host(const CudnnContext& context, Gru<float>& layer, const Sizes& s) {
    Sequence<float> inputs({s.batch, s.time, s.features}), outputs({s.batch, s.time, s.units}), d = outputs;
    inputs.matrix().setRandom();
    d.matrix().setRandom();
    Tape<float> tape;
    Gradients<float> gradients;
    const auto step = [&](Gru<float>& which) {
        which.forward(inputs, {}, tape, {.sequences = outputs});
        which.backward(std::move(tape), {.sequences = d}, gradients);
    };
    Gru<float> other = on_eigen(layer);
    step(other);
    const auto expected = gradients.parameters.flat().eval();
    step(layer);
    if (!is_close(gradients.parameters.flat(), expected)) return std::numeric_limits<double>::infinity();
    return time_of(context.functions(), context.stream(), [&] { step(layer); });
}

/// Ours for data of the host. Returns infinity when the numbers are not those of Eigen.
double on_host(const CudnnContext& context, Gru<float>& layer, const Sizes& s) {
    Sequence<float> inputs({s.batch, s.time, s.features});
    inputs.matrix().setRandom();
    Output<float> y = layer(inputs), expected = on_eigen(layer)(inputs);
    if (!is_close(y.sequences.matrix(), expected.sequences.matrix())) return std::numeric_limits<double>::infinity();
    const OutputView<float> view{y.sequences, y.last, y.state};
    return time_of(context.functions(), context.stream(), [&] { layer.call(inputs, {}, view); });
}

/// The sizes of the cells: all of them, or a few.
std::vector<Sizes> sizes(bool is_quick) {
    std::vector<Sizes> cells;
    for (const Index units : {64, 128, 256, 512, 1024})
        for (const Index batch : {1, 16, 64})
            if (!is_quick || (units == 256 && batch > 1)) cells.push_back({batch, 128, units, units});
    return cells;
}

Gru<float> layer_of(const Sizes& s) {
    return {s.features, {.units = s.units, .seed = 1, .return_sequences = true, .use_cudnn = true}};
}

bool measure_training(CudnnContext& context, bool is_quick) {
    bool is_right = true;
    std::puts("\nfloat, training step, microseconds");
    std::printf("%5s %5s %5s %5s  %-28s %10s %10s\n", "B", "T", "F", "H", "best of cuDNN", "cuDNN", "from host");
    for (const Sizes& s : sizes(is_quick)) {
        Gru<float> layer = layer_of(s);
        const Raw raw = best_of_cudnn(context, s, true);
        const double ours = training_on_host(context, layer, s);
        is_right = is_right && ours < std::numeric_limits<double>::infinity();
        std::printf("%5td %5td %5td %5td  %-28s %10.1f %10.1f\n", s.batch, s.time, s.features, s.units,
                    raw.name.c_str(), raw.microseconds, ours);
    }
    return is_right;
}

int run(bool is_quick) {
    const BackendRule device = device_condition(cuda_functions()), library = cudnn_condition(cuda_functions());
    std::printf("device: %s\ncuDNN: %s\n", device.reason.c_str(), library.reason.c_str());
    if (!device.passed || !library.passed) {
        std::puts("skipped: nothing can be measured here");
        return 0;
    }
    CudnnContext context(cuda_functions());
    std::puts("float, forward, microseconds a call");
    std::printf("%5s %5s %5s %5s  %-28s %10s %10s %9s %10s\n", "B", "T", "F", "H", "best of cuDNN", "cuDNN", "ours",
                "overhead", "from host");
    bool is_right = true;
    for (const Sizes& s : sizes(is_quick)) {
        Gru<float> layer = layer_of(s);
        const double host = on_host(context, layer, s);
        const Raw raw = best_of_cudnn(context, s, false);
        const double ours = on_device(context, layer, s);
        is_right = is_right && host < std::numeric_limits<double>::infinity();
        std::printf("%5td %5td %5td %5td  %-28s %10.1f %10.1f %8.1f%% %10.1f\n", s.batch, s.time, s.features, s.units,
                    raw.name.c_str(), raw.microseconds, ours, 100 * (ours / raw.microseconds - 1), host);
    }
    is_right = measure_training(context, is_quick) && is_right;
    return is_right ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    return run(argc > 1 && std::string(argv[1]) == "--quick");
}

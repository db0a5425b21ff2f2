// SPDX-License-Identifier: MIT
// Every function of CUDA and cuDNN fails at every one of its calls with every plausible status, once each, on the fake:
// the layer answers as it promises, leaks nothing, and works again at once. Only the layer's own interface is used.
//
// What it promises: no device, no driver, an unknown capture state and "not supported" while a plan is made send a call
// to Eigen, or are refused with the reasons where use_cudnn is true. Whatever else fails throws a BackendError with the
// call and its status. What tells of a failure while it frees is no failure of its own.
#include "cuda/instantiations.hpp"
#include "cuda/on_device.hpp"
#include "support/cuda_fake.hpp"
#include "support/larger.hpp"
#include "support/random_sequence.hpp"
#include "support/sanitizers.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>

namespace eigengru_test::cudnn_faults_test {
namespace {

using eigengru::Backend;
using eigengru::BackendError;
using eigengru::CallOptions;
using eigengru::Gradients;
using eigengru::Gru;
using eigengru::GruOptions;
using eigengru::Index;
using eigengru::Output;
using eigengru::OutputGradients;
using eigengru::RowMatrix;
using eigengru::Sequence;
using eigengru::Tape;

constexpr Index kBatch = 2, kTime = 3, kFeatures = 2, kUnits = 3;

double difference(const Output<float>& a, const Output<float>& b) {
    return static_cast<double>(
        std::max({(a.sequences.matrix() - b.sequences.matrix()).cwiseAbs().maxCoeff(),
                  (a.last - b.last).cwiseAbs().maxCoeff(), (a.state - b.state).cwiseAbs().maxCoeff()}));
}

double difference(const Gradients<float>& a, const Gradients<float>& b) {
    return static_cast<double>(std::max({(a.parameters.flat() - b.parameters.flat()).cwiseAbs().maxCoeff(),
                                         (a.inputs.matrix() - b.inputs.matrix()).cwiseAbs().maxCoeff(),
                                         (a.initial_state - b.initial_state).cwiseAbs().maxCoeff()}));
}

/// One life of two layers: steps that each compare what they get with the same layers on Eigen, and may be done again
/// where they have failed.
class HostProgram {
public:
    explicit HostProgram(eigengru::CudnnMode mode)
        : layer_(make(mode, false)),
          stateful_(make(mode, true)),
          eigen_(twin(layer_)),
          eigen_stateful_(twin(stateful_)) {}

    static constexpr int kSteps = 7;
    static constexpr int kPrepare = 0;
    [[nodiscard]] static bool is_backward(int number) { return number == 4 || number == 5; }

    /// Returns the largest difference to Eigen. Throws: BackendError.
    double step(int number) {
        switch (number) {
            case kPrepare: layer_.prepare(kBatch, kTime); return 0;
            case 1:
            case 2: return difference(layer_(inputs_, call()), eigen_(inputs_, call()));
            case 3:
                return difference(layer_.forward(inputs_, call(), tape_), eigen_.forward(inputs_, call(), eigen_tape_));
            case 4: return difference(layer_.backward(tape_, d()), eigen_.backward(eigen_tape_, d()));
            case 5: return use_tape_up();
            default: return carry_state();
        }
    }

    /// Where the last call ran.
    [[nodiscard]] Backend backend(int number) const { return (number == 6 ? stateful_ : layer_).last_backend(); }
    [[nodiscard]] std::string explain() const { return layer_.explain_backend(inputs_, call()).text(); }

private:
    static Gru<float> make(eigengru::CudnnMode mode, bool stateful) {
        Gru<float> layer(kFeatures,
                         {.units = kUnits, .return_sequences = true, .stateful = stateful, .use_cudnn = mode});
        layer.update_parameters([](auto& p) { p.flat().setRandom(); });
        return layer;
    }
    static Gru<float> twin(const Gru<float>& layer) {
        GruOptions options = layer.options();
        options.use_cudnn = false;
        return {layer.features(), options, layer.get_weights()};
    }

    [[nodiscard]] CallOptions<float> call() const {
        return {.mask = eigengru::MaskView(mask_, kBatch, kTime), .cudnn = {.least_work = 0}};
    }
    [[nodiscard]] OutputGradients<float> d() const { return {.sequences = inputs_of_loss_, .state = d_state_}; }

    /// A tape that was lost is made anew.
    double use_tape_up() {
        Tape<float> tape = std::move(tape_);
        if (tape.empty()) static_cast<void>(layer_.forward(inputs_, call(), tape));
        Gradients<float> g;
        layer_.backward(std::move(tape), d(), g);
        return difference(g, eigen_.backward(eigen_tape_, d()));
    }

    /// New weights, and a state that a failed call must not have touched.
    double carry_state() {
        if (!has_changed_)
            for (Gru<float>* layer : {&stateful_, &eigen_stateful_})
                layer->update_parameters([](auto& p) { p.flat() *= 0.5F; });
        has_changed_ = true;
        const Output<float> y = stateful_(inputs_, call());
        return difference(y, eigen_stateful_(inputs_, call()));
    }

    std::vector<unsigned char> mask_{1, 1, 0, 1, 1, 1};
    Sequence<float> inputs_ = random_sequence<float>({kBatch, kTime, kFeatures});
    Sequence<float> inputs_of_loss_ = random_sequence<float>({kBatch, kTime, kUnits});
    RowMatrix<float> d_state_ = RowMatrix<float>::Constant(kBatch, kUnits, 0.5F);
    Gru<float> layer_, stateful_, eigen_, eigen_stateful_;
    Tape<float> tape_, eigen_tape_;
    bool has_changed_ = false;
};

/// What one step did.
struct Outcome {
    std::optional<std::string> error = {};
    double difference = 0;
};

template <class Program>
Outcome run_step(Program& program, int number) {
    try {
        return {{}, program.step(number)};
    } catch (const BackendError& error) {
        return {error.what(), 0};
    }
}

/// A fault as it is put in, and its name in messages.
struct Fault {
    const FakeFunction& function;
    int status = 0;
    int nth = 1;

    [[nodiscard]] std::string status_name() const {
        return function.is_cudnn ? cudnnGetErrorString(static_cast<cudnnStatus_t>(status))
                                 : cudaGetErrorName(static_cast<cudaError_t>(status));
    }
    [[nodiscard]] std::string text() const {
        return std::string(function.name) + ", call " + std::to_string(nth) + ", " + status_name();
    }
    /// Whether it says that a device or a capture state is not there, which is an answer.
    [[nodiscard]] bool is_absence() const {
        return function.name == "cudaGetDeviceCount" || function.name == "cudaDriverGetVersion" ||
               function.name == "cudaStreamIsCapturing";
    }
    [[nodiscard]] bool is_not_supported() const {
        return function.is_cudnn && (CUDNN_STATUS_CATEGORY(status) == int{CUDNN_STATUS_NOT_SUPPORTED} ||
                                     status == int{CUDNN_STATUS_INTERNAL_ERROR_COMPILATION_FAILED});
    }
    /// Whether it may also come when a plan has been made and tried.
    [[nodiscard]] bool is_pass() const {
        return function.name == "cudnnRNNForward" || function.name.substr(0, 16) == "cudnnRNNBackward";
    }
};

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

/// Whether a message names the call and what it said.
void expect_named(const Fault& fault, const std::string& message) {
    EXPECT_TRUE(has(message, std::string(fault.function.name) + " failed with " + fault.status_name())) << message;
}

/// The step in which the fault came, for the layer. `is_refused`: what cannot run on cuDNN is refused, not sent to Eigen.
void check_host(const Fault& fault, bool is_refused, bool is_backward, const Outcome& outcome) {
    SCOPED_TRACE(outcome.error.value_or("no error"));
    if (fault.function.is_release) {
        EXPECT_FALSE(outcome.error);
    } else if (fault.is_absence() && is_backward) {
        // There is no other way back; a device is not asked for again.
        EXPECT_EQ(outcome.error.has_value(), fault.function.name == "cudaStreamIsCapturing");
        EXPECT_TRUE(!outcome.error || has(*outcome.error, "the work is being recorded into a graph"));
    } else if (fault.is_absence()) {
        // It is asked more than once: one look may find what another does not.
        EXPECT_TRUE(!outcome.error || (is_refused && has(*outcome.error, "[failed]")));
    } else if (fault.is_not_supported()) {
        // Another algorithm may serve; where none does, Eigen does.
        if (!outcome.error) return;
        EXPECT_TRUE(is_refused || fault.is_pass());
        expect_named(fault, *outcome.error);
    } else {
        ASSERT_TRUE(outcome.error) << "hidden";
        expect_named(fault, *outcome.error);
    }
}

/// All steps with one fault.
void run_host(const Fault& fault, bool is_demanded, CudaFake& fake) {
    HostProgram program(is_demanded ? eigengru::CudnnMode(true) : eigengru::CudnnMode("auto"));
    fake.fail(fault.function.name, fault.status, fault.nth);
    bool has_come = false;
    for (int number = 0; number < HostProgram::kSteps; ++number) {
        const Outcome outcome = run_step(program, number);
        EXPECT_LE(outcome.difference, 1e-5) << "step " << number;
        // What is told while something is freed belongs to whoever caused it, and stays on the books.
        EXPECT_TRUE(fault.function.is_release || fake.last_error() == cudaSuccess)
            << "an error is left after " << number;
        if (fake.has_failed() && !has_come)
            check_host(fault, is_demanded && number != HostProgram::kPrepare, HostProgram::is_backward(number),
                       outcome);
        else
            EXPECT_TRUE(!outcome.error || (is_demanded && fault.is_not_supported()))
                << "step " << number << ": " << outcome.error.value_or("");
        has_come = fake.has_failed();
        if (!outcome.error) continue;
        static_cast<void>(program.explain());
        const Outcome again = run_step(program, number);
        EXPECT_LE(again.difference, 1e-5) << "step " << number << ", again";
        if (!again.error) continue;
        // What cuDNN does not support is remembered, and refused with the reasons ever after.
        EXPECT_TRUE(is_demanded && fault.is_not_supported()) << "step " << number << ", again: " << *again.error;
        EXPECT_TRUE(has(*again.error, "[failed] plan: cuDNN does not support it")) << *again.error;
        return expect_named(fault, *again.error);
    }
}

/// How often each function is called when nothing fails.
template <class Run>
std::vector<std::pair<const FakeFunction*, int>> calls_without_faults(const Run& run) {
    CudaFake fake;
    run(fake);
    std::vector<std::pair<const FakeFunction*, int>> calls;
    for (const FakeFunction& function : CudaFake::functions())
        if (const long count = fake.calls(function.name); count > 0)
            calls.emplace_back(&function, static_cast<int>(count));
    return calls;
}

/// At how many of its calls a function fails: at all of them, but with sanitizers, which take minutes for that.
constexpr int kMostPlaces = kHasSanitizer ? 4 : 1000;

/// Puts each fault into a run of its own and prints how many there were.
template <class Run>
void run_all(const char* what, const std::vector<std::pair<const FakeFunction*, int>>& calls, const Run& run) {
    int faults = 0, functions = 0;
    for (const auto& [function, count] : calls) {
        ++functions;
        for (const int status : function->statuses)
            for (int nth = 1; nth <= count; nth += (count + kMostPlaces - 1) / kMostPlaces, ++faults) {
                const Fault fault{*function, status, nth};
                SCOPED_TRACE(fault.text());
                CudaFake fake;
                run(fault, fake);
                EXPECT_TRUE(fake.has_failed()) << "never came";
                for (const std::string& violation : fake.violations()) ADD_FAILURE() << violation;
                EXPECT_EQ(fake.alive(), "");
                if (testing::Test::HasFailure()) return;  // one is enough to read
            }
    }
    std::printf("  %s: %d faults of %d functions\n", what, faults, functions);
}

/// Data of the device in a stream of the caller, whose memory is there before anything fails.
class DeviceProgram {
public:
    static constexpr int kSteps = 4;

    void step(int number) {
        if (device_ == nullptr && number > 0) step(0);
        switch (number) {
            case 0: device_ = std::make_unique<eigengru::DeviceGru<float>>(stream_.get(), kAnyMask); return;
            case 1: return device_->prepare(layer_.cell(), inputs_.shape(), true);
            case 2: return device_->call(layer_.cell(), call(true));
            default:
                if (!has_changed_) layer_.update_parameters([](auto& p) { p.flat() *= 0.5F; });
                has_changed_ = true;
                return device_->call(layer_.cell(), call(false));
        }
    }

    /// Of the results of a step, to Eigen.
    [[nodiscard]] double difference_of(int number) {
        if (number < 2) return 0;
        CallOptions<float> host;
        if (number == 2) host.mask = eigengru::MaskView(mask_, kBatch, kTime);
        const Output<float> expected = layer_(inputs_, host);
        const std::vector<float> y = (number == 2 ? masked_ : plain_).fetch(stream_.get());
        double largest = 0;
        for (std::size_t i = 0; i < y.size(); ++i)
            largest = larger(largest, std::abs(static_cast<double>(y[i] - expected.sequences.data()[i])));
        return largest;
    }

private:
    static constexpr eigengru::CudnnOptions kAnyMask{.any_mask = true};

    [[nodiscard]] eigengru::DeviceCall<float> call(bool has_mask) {
        eigengru::DeviceCall<float> one{.shape = inputs_.shape(), .inputs = x_.view()};
        if (has_mask) one.mask = m_.view();
        one.sequences = (has_mask ? masked_ : plain_).span();
        return one;
    }

    std::vector<unsigned char> mask_{1, 0, 1, 0, 0, 0};
    Sequence<float> inputs_ = random_sequence<float>({kBatch, kTime, kFeatures});
    Gru<float> layer_{kFeatures, {.units = kUnits, .return_sequences = true}};  // too small for "auto" to take cuDNN
    eigengru::detail::CudaStream stream_ = eigengru::detail::make_stream(eigengru::detail::cuda_functions());
    OnDevice<float> x_{stream_.get(), inputs_.data(), inputs_.size()};
    OnDevice<unsigned char> m_{stream_.get(), mask_.data(), kBatch* kTime};
    OnDevice<float> masked_{kBatch * kTime * kUnits}, plain_{kBatch * kTime * kUnits};
    std::unique_ptr<eigengru::DeviceGru<float>> device_;
    bool has_changed_ = false;
};

/// The step in which the fault came, for data of the device: it cannot run elsewhere.
void check_device(const Fault& fault, const Outcome& outcome) {
    SCOPED_TRACE(outcome.error.value_or("no error"));
    if (fault.function.is_release || !outcome.error) {
        EXPECT_TRUE(!outcome.error && (fault.function.is_release || fault.is_absence() || fault.is_not_supported()));
    } else if (fault.is_absence()) {
        EXPECT_TRUE(has(*outcome.error, "[failed]") || has(*outcome.error, "device: ")) << *outcome.error;
    } else {
        expect_named(fault, *outcome.error);
    }
}

void run_device(const Fault& fault, CudaFake& fake) {
    DeviceProgram program;
    fake.fail(fault.function.name, fault.status, fault.nth);
    bool has_come = false;
    const auto run = [&program](int number) -> Outcome {
        try {
            program.step(number);
        } catch (const BackendError& error) {
            return {error.what(), 0};
        }
        return {};
    };
    for (int number = 0; number < DeviceProgram::kSteps; ++number) {
        const Outcome outcome = run(number);
        EXPECT_TRUE(fault.function.is_release || fake.last_error() == cudaSuccess)
            << "an error is left after " << number;
        if (fake.has_failed() && !has_come)
            check_device(fault, outcome);
        else  // what is not supported may be told by the next step
            EXPECT_TRUE(!outcome.error || fault.is_not_supported())
                << "step " << number << ": " << outcome.error.value_or("");
        has_come = fake.has_failed();
        if (const Outcome again = outcome.error ? run(number) : Outcome{}; again.error) {
            EXPECT_TRUE(fault.is_not_supported()) << "step " << number << ", again: " << *again.error;
            return expect_named(fault, *again.error);
        }
        EXPECT_LE(has_come ? program.difference_of(number) : 0.0, 1e-5) << "step " << number;
    }
}

TEST(CudnnFaults, TheLayerAnswersEachAndWorksAgain) {
    for (const bool is_demanded : {false, true}) {
        const auto calls = calls_without_faults([&](CudaFake& fake) {
            HostProgram program(is_demanded ? eigengru::CudnnMode(true) : eigengru::CudnnMode("auto"));
            for (int number = 0; number < HostProgram::kSteps; ++number) {
                EXPECT_LE(program.step(number), 1e-5) << number;
                EXPECT_TRUE(number == HostProgram::kPrepare || program.backend(number) == Backend::cudnn) << number;
            }
            EXPECT_TRUE(fake.violations().empty());
        });
        EXPECT_GE(calls.size(), 30U);
        run_all(is_demanded ? "use_cudnn true" : "use_cudnn auto", calls,
                [&](const Fault& fault, CudaFake& fake) { run_host(fault, is_demanded, fake); });
    }
}

TEST(CudnnFaults, DataOfTheDeviceAnswersEachAndWorksAgain) {
    const auto calls = calls_without_faults([](CudaFake& fake) {
        DeviceProgram program;
        fake.reset_counts();
        for (int number = 0; number < DeviceProgram::kSteps; ++number) program.step(number);
        EXPECT_TRUE(fake.violations().empty());
    });
    run_all("data of the device", calls, run_device);
}

TEST(CudnnFaults, WorkThatFailsWhileItRunsIsReported) {
    long works = 0;
    {
        CudaFake fake;
        HostProgram program(true);
        for (int number = 0; number < HostProgram::kSteps; ++number) EXPECT_LE(program.step(number), 1e-5);
        works = fake.works();
    }
    for (long nth = 1; nth <= works; ++nth) {
        CudaFake fake;
        {
            HostProgram program(true);
            fake.fail_asynchronously(cudaErrorIllegalAddress, nth);
            for (int number = 0; number < HostProgram::kSteps; ++number) {
                const Outcome outcome = run_step(program, number);
                EXPECT_EQ(outcome.error.has_value(), fake.has_failed()) << "work " << nth << ", step " << number;
                if (!fake.has_failed()) continue;
                EXPECT_TRUE(has(outcome.error.value_or(""), "cudaErrorIllegalAddress") ||
                            has(outcome.error.value_or(""), "CUDNN_STATUS_EXECUTION_FAILED"))
                    << outcome.error.value_or("no error");
                EXPECT_TRUE(number == HostProgram::kPrepare || run_step(program, number).error)
                    << "a lost device works";
                fake.recover();
                const Outcome again = run_step(program, number);
                EXPECT_FALSE(again.error) << *again.error;
                EXPECT_LE(again.difference, 1e-5);
                break;
            }
        }
        EXPECT_TRUE(fake.has_failed());
        EXPECT_EQ(fake.alive(), "") << "work " << nth;
        for (const std::string& violation : fake.violations()) ADD_FAILURE() << violation;
        if (HasFailure()) return;
    }
    std::printf("  work of a stream: %ld faults\n", works);
}

}  // namespace
}  // namespace eigengru_test::cudnn_faults_test

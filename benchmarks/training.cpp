// SPDX-License-Identifier: MIT
// A training step of the layer, forward and backward with all gradients, against the same by hand with Eigen
// (training_baselines.hpp). Gradients arrive at the outputs of all 100 steps and at the final state.
// The tables show time by hand / time of the layer: above 1 the layer is faster. All figures: training.csv.
#include "report.hpp"
#include "training_baselines.hpp"

namespace eigengru_bench {
namespace {

using eigengru::Gradients;
using eigengru::Gru;
using eigengru::Tape;

struct Size {
    Index batch, features, units;
    Index time = 100;
};

struct Result {
    double layer = 0, by_hand = 0;  // nanoseconds a step
    std::size_t allocations = 0;

    [[nodiscard]] double ratio() const { return by_hand / layer; }
};

/// What goes into a training step.
template <class S>
struct Task {
    explicit Task(const Size& size)
        : inputs({size.batch, size.time, size.features}),
          d_outputs({size.batch, size.time, size.units}),
          initial_state(size.batch, size.units),
          d_state(size.batch, size.units) {
        fill(inputs.data(), inputs.size(), S(1));
        fill(d_outputs.data(), d_outputs.size(), S(0.5));
        fill(initial_state.data(), initial_state.size(), S(0.25));
        fill(d_state.data(), d_state.size(), S(2));
    }

    Sequence<S> inputs, d_outputs;
    RowMatrix<S> initial_state, d_state;
};

/// What forward passes give back.
template <class S>
struct Outputs {
    explicit Outputs(const Task<S>& task) : sequences(task.d_outputs.shape()), state(task.d_state) {}

    Sequence<S> sequences;
    RowMatrix<S> state;
};

template <class S, bool ResetAfter>
void check_gradients(const Gradients<S>& expected, const TrainedGru<S, ResetAfter>& by_hand, const Size& size) {
    const Index rows = size.batch * size.time;
    check("the kernel's gradient", expected.parameters.kernel(), by_hand.gradients().kernel, rows);
    check("the recurrent kernel's gradient", expected.parameters.recurrent_kernel(),
          by_hand.gradients().recurrent_kernel, rows);
    check("the bias's gradient", expected.parameters.bias(), by_hand.gradients().bias, rows);
    check("the inputs' gradient", expected.inputs.matrix(), by_hand.d_inputs().matrix(), 3 * size.units);
    check("the initial state's gradient", expected.initial_state, by_hand.d_initial_state(), 3 * size.units);
}

template <class S, bool ResetAfter>
Result measure(const Size& size, const Effort& effort) {
    const Weights<S> weights = make_weights<S>(size.features, size.units, ResetAfter);
    Gru<S, ResetAfter> layer(
        size.features,
        {.units = size.units, .recurrent_initializer = "zeros", .return_sequences = true, .return_state = true});
    layer.set_weights({weights.kernel, weights.recurrent_kernel, weights.bias});
    TrainedGru<S, ResetAfter> by_hand(weights, size.batch, size.time);

    const Task<S> task(size);
    Outputs<S> y(task), y_by_hand(task);
    Tape<S> tape;
    Gradients<S> gradients;
    const std::vector<Contender> contenders{
        {"layer",
         [&] {
             layer.forward(task.inputs, {.initial_state = task.initial_state, .training = true}, tape,
                           {.sequences = y.sequences, .state = y.state});
             layer.backward(std::move(tape), {.sequences = task.d_outputs, .state = task.d_state}, gradients);
         }},
        {"by hand", [&] {
             by_hand.forward(task.inputs, task.initial_state, y_by_hand.sequences, y_by_hand.state);
             by_hand.backward(task.d_outputs, task.d_state);
         }}};

    for (const Contender& contender : contenders) contender.run();
    check("the output by hand", y.sequences.matrix(), y_by_hand.sequences.matrix(), size.features + size.units);
    check("the state by hand", y.state, y_by_hand.state, size.features + size.units);
    check_gradients(gradients, by_hand, size);
    Result result;
    const eigengru_test::AllocationCount counter;
    contenders[0].run();
    result.allocations = counter.count();
    const std::vector<double> times = median_times(contenders, effort);
    result.layer = times[0];
    result.by_hand = times[1];
    return result;
}

template <class S>
void run_table(const std::string& scalar, const std::vector<Size>& sizes, Report& report) {
    const Effort effort{.repetitions = report.arguments.is_quick ? 9 : 15};
    const std::vector<std::string> modes{"reset_after", "reset_before"};
    std::vector<std::string> labels;
    for (const Size& s : sizes)
        labels.push_back("B:" + std::to_string(s.batch) + "/F:" + std::to_string(s.features) +
                         "/H:" + std::to_string(s.units));
    const auto name = [&](std::size_t i, std::size_t j) {
        return "training/" + scalar + "/" + modes[j] + "/" + labels[i];
    };
    const auto is_wanted = [&](std::size_t i, std::size_t j) { return report.is_wanted(name(i, j)); };
    const auto measure_cell = [&](std::size_t i, std::size_t j) {
        const Size& s = sizes[i];
        const bool reset_after = j == 0;
        const Result r = reset_after ? measure<S, true>(s, effort) : measure<S, false>(s, effort);
        report.csv << scalar << "," << reset_after << "," << s.batch << "," << s.features << "," << s.units << ","
                   << s.time << "," << r.layer << "," << r.by_hand << "," << r.ratio() << "," << r.allocations
                   << std::endl;
        report.summary.add(name(i, j), r.ratio(), r.allocations);
        return r.ratio();
    };
    Table("training/" + scalar + ": by hand / layer", "size", labels, modes).run(is_wanted, measure_cell);
}

int run(int argc, char** argv) {
    Report report(argc, argv, "training.csv", "scalar,reset_after,B,F,H,T,layer_ns,by_hand_ns,ratio,allocations");
    print_machine();
    std::cout << "A step is forward and backward, T = 100; B sequences at once; medians of interleaved repetitions.\n";
    if (report.arguments.is_quick) {
        run_table<float>("float", {{32, 64, 64}, {32, 256, 256}}, report);
        run_table<double>("double", {{32, 64, 64}}, report);
    } else {
        run_table<float>("float", {{32, 64, 64}, {32, 128, 128}, {32, 256, 256}, {64, 256, 256}, {32, 512, 512}},
                         report);
        run_table<double>("double", {{32, 64, 64}, {32, 128, 128}, {32, 256, 256}}, report);
    }
    report.summary.print("a training step of the layer after the first", 0.90);
    return 0;
}

}  // namespace
}  // namespace eigengru_bench

int main(int argc, char** argv) {
    return eigengru_bench::run(argc, argv);
}

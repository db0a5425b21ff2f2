// SPDX-License-Identifier: MIT
// gru_run FILE < rows.csv > out.csv: a model as a filter. Each row is one time step; it is answered before the next one
// is read, so that any number of rows takes the same memory.
#include "model_file.hpp"

#include "eigengru/training/terminal.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <limits>
#include <memory>
#include <optional>

namespace {

using namespace eigengru;

struct Arguments {
    std::string file;
    bool stateful = false;
    bool every_step = false;
    bool quiet = false;
    tools::StateDictArguments state_dict;
} arguments;

/// The most steps of one sequence that a model which needs the end of its inputs may have.
constexpr std::size_t kMostSteps = 1 << 20;

/// Rows of numbers from standard input, separated by commas, semicolons, blanks or tabs.
class Rows {
public:
    explicit Rows(std::size_t features) : row_(features) {}

    enum class Line { row, blank, end };

    /// The next line. A first line without any number is a header. Throws: FormatError that names the line.
    Line next() {
        while (get()) {
            if (text_.find_first_not_of(" \t\r,;") == std::string::npos) return Line::blank;
            const Fields fields = parse();
            if (fields == Fields::numbers) return ++rows_, Line::row;
            if (line_ > 1 || fields == Fields::some_numbers) fail("expected numbers");
        }
        return Line::end;
    }

    [[nodiscard]] const std::vector<float>& row() const { return row_; }
    [[nodiscard]] std::size_t rows() const { return rows_; }

private:
    enum class Fields { numbers, some_numbers, words };

    /// Reads a line, when all there was has been answered and nothing more is there yet: who writes may wait for it.
    bool get() {
        if (std::cin.rdbuf()->in_avail() <= 0) std::fflush(stdout);
        if (!std::getline(std::cin, text_)) return false;
        constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
        if (++line_ == 1 && text_.starts_with(byte_order_mark)) text_.erase(0, byte_order_mark.size());
        return true;
    }

    [[noreturn]] void fail(const std::string& what) const {
        throw FormatError("standard input, line " + std::to_string(line_) + ": " + what + ", received \"" +
                          text_.substr(0, 60) + "\"");
    }

    /// Takes the numbers of the line, each of which a double holds; as a float it may be 0.
    Fields parse() {
        std::size_t count = 0;
        bool has_number = false;
        bool has_word = false;
        const char* at = text_.data();
        const char* const end = at + text_.size();
        constexpr std::string_view separators = " \t\r,;";
        const auto is_separator = [&](char c) { return separators.find(c) != std::string_view::npos; };
        while (true) {
            at = std::find_if_not(at, end, is_separator);
            if (at == end) break;
            const char* const stop = std::find_if(at, end, is_separator);
            double number = 0.0;
            const auto [read_to, error] = std::from_chars(*at == '+' ? at + 1 : at, stop, number);
            const bool is_number = read_to == stop && error != std::errc::invalid_argument;
            const bool is_float = error == std::errc() && !(std::abs(number) > kMostFloat && std::isfinite(number));
            has_number = has_number || is_number;
            has_word = has_word || !is_number || !is_float;
            if (count < row_.size()) row_[count] = is_number && is_float ? static_cast<float>(number) : 0.0F;
            ++count;
            at = stop;
        }
        if (has_word) return has_number ? Fields::some_numbers : Fields::words;
        if (count != row_.size())
            fail("expected " + std::to_string(row_.size()) + " numbers, received " + std::to_string(count));
        return Fields::numbers;
    }

    static constexpr double kMostFloat = std::numeric_limits<float>::max();
    std::vector<float> row_;
    std::string text_;
    std::size_t line_ = 0, rows_ = 0;
};

void print(const float* values, Index count) {
    for (Index i = 0; i < count; ++i) std::printf(i == 0 ? "%.9g" : ",%.9g", static_cast<double>(values[i]));
    std::putchar('\n');
}

/// How many rows are done, on a terminal, now and then.
class Progress {
public:
    void show(std::size_t rows, bool is_end = false) {
        if (!is_shown_ || (!is_end && rows % 256 != 0)) return;
        const auto now = Clock::now();
        if (!is_end && now - last_ < std::chrono::milliseconds(200)) return;
        last_ = now;
        const double seconds = std::chrono::duration<double>(now - start_).count();
        std::fprintf(stderr, "\r%zu rows, %.0f rows/s%s", rows, static_cast<double>(rows) / std::max(seconds, 1e-9),
                     is_end ? "\n" : "");
    }

private:
    using Clock = std::chrono::steady_clock;
    Clock::time_point start_ = Clock::now(), last_ = start_;
    bool is_shown_ = !arguments.quiet && detail::is_terminal(stderr);
};

/// Whether the model gives one output for a whole sequence.
bool gives_last_alone(const Sequential<float>& model) {
    bool is_last = false;
    for (const auto& layer : model.layers())
        std::visit(
            [&](const auto& l) {
                if constexpr (requires { l.returns_sequences(); })
                    is_last = is_last || !l.returns_sequences();
                else if constexpr (requires { l.options().return_sequences; })
                    is_last = is_last || !l.options().return_sequences;
            },
            layer);
    return is_last;
}

/// Answers row by row.
void stream(ModelStream<float>& steps, bool is_last_alone) {
    Rows rows(static_cast<std::size_t>(steps.features()));
    std::vector<float> y(static_cast<std::size_t>(steps.units()));
    Progress progress;
    bool is_pending = false;  // an output that is the last one so far
    const auto finish = [&] {
        if (is_pending) print(y.data(), steps.units());
        is_pending = false;
    };
    for (Rows::Line line = rows.next(); line != Rows::Line::end; line = rows.next()) {
        if (line == Rows::Line::blank) {
            finish();
            if (!arguments.stateful) steps.reset();
            continue;
        }
        if (!steps.step(rows.row().data(), y.data()))
            throw FormatError("standard input: row " + std::to_string(rows.rows()) + " is no id of the Embedding");
        is_pending = is_last_alone && !arguments.every_step;
        if (!is_pending) print(y.data(), steps.units());
        progress.show(rows.rows());
    }
    finish();
    progress.show(rows.rows(), true);
}

/// Answers each sequence when it is whole, for layers that need its end.
void gather(Sequential<float>& model) {
    const Index features = std::max<Index>(1, model.features());
    Rows rows(static_cast<std::size_t>(features));
    std::vector<float> sequence;
    Progress progress;
    const auto finish = [&] {
        if (sequence.empty()) return;
        const Index time = static_cast<Index>(sequence.size()) / features;
        const Sequence<float> y = tools::predict<float>(model, {sequence.data(), Shape3(Index{1}, time, features)});
        for (Index t = 0; t < y.shape().time; ++t) print(y.data() + t * y.shape().features, y.shape().features);
        sequence.clear();
    };
    for (Rows::Line line = rows.next(); line != Rows::Line::end; line = rows.next()) {
        if (line == Rows::Line::blank) {
            finish();
            continue;
        }
        sequence.insert(sequence.end(), rows.row().begin(), rows.row().end());
        if (sequence.size() / static_cast<std::size_t>(features) > kMostSteps)
            throw FormatError(
                "standard input: this model reads backward too; expected sequences of at most 1048576 "
                "rows, with an empty line between them");
        progress.show(rows.rows());
    }
    finish();
    progress.show(rows.rows(), true);
}

/// Nothing for a model that has to know the end of a sequence.
std::optional<ModelStream<float>> stream_of(const Sequential<float>& model) {
    try {
        return ModelStream<float>(model);
    } catch (const OptionError& error) {
        if (arguments.stateful) throw FormatError(std::string("--stateful: ") + error.what());
        return std::nullopt;
    }
}

void tool() {
    Sequential<float> model = tools::read_model<float>(arguments.file, arguments.state_dict);
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);
    if (auto steps = stream_of(model))
        stream(*steps, gives_last_alone(model));
    else
        gather(model);
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app(
        "Runs a model over rows of numbers: one row is one time step, one line of the output answers it.\n"
        "An empty line begins a new sequence. Where the model gives one output for a whole sequence, there is\n"
        "one line for each sequence.",
        "gru_run");
    app.add_option("FILE", arguments.file, "the model: .keras, .h5, .safetensors or .onnx")->required();
    app.add_flag("--stateful", arguments.stateful, "carry the states from one sequence to the next");
    app.add_flag("--every-step", arguments.every_step,
                 "an output for each row, also where the model gives the last one");
    app.add_flag("--quiet", arguments.quiet, "no progress on a terminal");
    tools::add_arguments(app, arguments.state_dict);
    return tools::run(app, argc, argv, &tool);
}

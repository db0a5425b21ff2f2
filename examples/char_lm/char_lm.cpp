// SPDX-License-Identifier: MIT
// A GRU learns to write, character by character: truncated backpropagation through time on parallel streams of a text
// whose states are carried on, against a Markov model. Ctrl-C finishes the batch and leaves a checkpoint.
//
//     char_lm             learns bible.txt, which lies in the folder it is run in; README.md says where it is from
//     char_lm --quick     learns a little of genesis.txt in seconds
//     char_lm --resume    goes on where the last one was stopped; also --quick --resume

#include "report.hpp"

#include <eigengru/training/trainer.hpp>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <iterator>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>

namespace {

using namespace eigengru;

std::atomic<bool> interrupted = false;
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may set it");

extern "C" void on_interrupt(int signal) {
    interrupted = true;
    std::signal(signal, SIG_DFL);  // a second Ctrl-C ends the program at once
}

struct Settings {
    std::string name;  // of the files that it writes
    std::filesystem::path text;
    Index units, rows, window;  // rows: streams that are read side by side; window: steps of one update
    Index windows, epochs;      // an epoch is a piece of the text, that many windows long
    double rate, target;        // the learning rate; the perplexity to reach, as a part of the Markov model's
};

const Settings kFull{"char_lm", "bible.txt", 128, 32, 64, 200, 9, 5e-3, 0.9};
const Settings kQuick{"char_lm_quick", EIGENGRU_EXAMPLE_DIR "/genesis.txt", 48, 8, 32, 200, 3, 1.5e-2, 1.1};

/// Epoch after epoch, until the last one or Ctrl-C.
void train(const Settings& s, const char_lm::Text& text, Trainer<float>& trainer, char_lm::Report& report) {
    char_lm::Streams piece(s.rows, s.window * s.windows, text.symbols());
    char_lm::Streams held_out(s.rows, (std::ssize(text.held_out()) - 1) / s.rows, text.symbols());
    held_out.fill(text.held_out(), 0);
    const Index done = Index(trainer.optimizer().iterations());
    report.start(done, trainer.evaluate(held_out.x, held_out.y, {.batch_size = s.rows, .window = s.window}));

    FitOptions<float> options{.validation = {held_out.x, held_out.y},
                              .batch_size = s.rows,
                              .shuffle = false,
                              .window = s.window,
                              .callbacks = {ProgressBar(), Checkpoint(s.name + ".ckpt")},
                              .stop_flag = &interrupted};
    for (Index epoch = done / s.windows; epoch < s.epochs && !interrupted; ++epoch) {
        piece.fill(text.training(), epoch * piece.size() % (std::ssize(text.training()) - piece.size()));
        options.initial_epoch = epoch;
        options.epochs = epoch + 1;
        const History history = trainer.fit(piece.x, piece.y, options);
        if (!history.stopped) report.add(history.epochs.back(), (epoch + 1) * piece.size(), trainer.model());
    }
}

int learn(const Settings& s, bool resumes) {
    const char_lm::Text text(s.text);
    Sequential<float> model(
        {Gru<float>(text.symbols(), {.units = s.units, .seed = 1, .return_sequences = true, .stateful = true}),
         Dense<float>(s.units, {.units = text.symbols(), .seed = 2})});
    const CosineDecay rate{.initial_learning_rate = s.rate, .decay_steps = s.epochs * s.windows, .alpha = 0.05};
    Trainer trainer(model, Loss::sparse_categorical_crossentropy({.from_logits = true}),
                    Adam{.learning_rate = rate, .global_clipnorm = 1.0});
    if (resumes) trainer.resume(s.name + ".ckpt");
    char_lm::Report report(s.name, text, resumes);
    train(s, text, trainer, report);
    if (interrupted) std::printf("Stopped. All is in %s.ckpt: --resume goes on from there.\n", s.name.c_str());
    if (!interrupted) report.draw();
    return interrupted || report.ratio() < s.target ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGINT, on_interrupt);
    try {
        const std::set<std::string_view> given(argv + 1, argv + argc);
        if (given.size() > given.count("--quick") + given.count("--resume"))
            throw std::runtime_error("usage: char_lm [--quick] [--resume]");
        return learn(given.contains("--quick") ? kQuick : kFull, given.contains("--resume"));
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}

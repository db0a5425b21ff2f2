// SPDX-License-Identifier: MIT
#include "eigengru/io/keras_load.hpp"

#include "io/keras_support.hpp"
#include "io/model_support.hpp"

#include <gtest/gtest.h>

namespace eigengru_test::keras_load_test {

namespace {

using namespace eigengru;

TEST(LoadGru, TakesACuDnnGruAndCells) {
    EXPECT_EQ(io::load_gru<float>(golden("files/cudnn.keras2.h5")).units(), 4);
    const std::filesystem::path cells = golden("files/cells.keras2.h5");
    EXPECT_EQ(io::load_gru<float>(cells).units(), 4);
    EXPECT_EQ(io::load_gru<float>(cells, "second").name(), "inner/second");
    EXPECT_TRUE(io::load_gru<float>(cells, "inner/first").options().return_sequences);
    expect_contains(format_error_of([&] { (void)io::load_gru<float>(cells, "rnn_1"); }),
                    "layer \"rnn_1\": expected one GRU, received 2 cells");
}

TEST(LoadKerasGru, HasEitherModeByItsNameInTheModel) {
    const std::filesystem::path path = golden("models/stack.tensorflow.keras");
    EXPECT_TRUE(io::load_keras_gru(path).reset_after());
    const AnyGru<double> second = io::load_keras_gru<double>(path, "gru_1");
    EXPECT_FALSE(second.reset_after());
    EXPECT_EQ(second.get_weights(),
              (std::get<Gru<double, false>>(io::load_keras_model<double>(path).layers()[2]).get_weights()));
}

TEST(LoadKerasGru, DoesNotMindAModelThatBranches) {
    EXPECT_EQ(io::load_keras_gru(golden("files/branched.keras3.keras"), "trunk").options().name, "trunk");
    expect_contains(format_error_of([] { (void)io::load_keras_model(golden("files/branched.keras3.keras")); }),
                    "the model branches");
}

TEST(LoadKeras, ErrorsBeginWithTheFunction) {
    EXPECT_EQ(format_error_of([] { (void)io::load_keras_model("nowhere.keras"); }),
              "io::load_keras_model: nowhere.keras: the file does not exist");
    EXPECT_EQ(format_error_of([] { (void)io::load_keras_gru<double>("nowhere.keras"); }),
              "io::load_keras_gru: nowhere.keras: the file does not exist");
}

/// An .h5 file of the old form with a GRU "g" of 1 unit, 3 features and no bias, and with these weights.
std::filesystem::path old_gru(const ScratchFolder& folder, const std::vector<OldWeight>& weights) {
    const LibraryWriter file(folder / "a.h5");
    add_old_weights(file, "model_weights/", {{"g", weights}});
    add_strings(file, "/", "keras_version", {"2.15.0"});
    add_strings(file, "/", "model_config", {R"({"class_name": "Sequential", "config": {"layers": [
        {"class_name": "GRU", "config": {"name": "g", "units": 1, "use_bias": false,
                                         "batch_input_shape": [null, null, 3]}}]}})"});
    return folder / "a.h5";
}

TEST(LoadKerasGru, RefusesAWeightTooManyInAFileOfTheOldForm) {
    const ScratchFolder folder;
    std::vector<OldWeight> weights{{"g/kernel:0", {3, 3}}, {"g/recurrent_kernel:0", {1, 3}}};
    const AnyGru<float> gru = io::load_keras_gru(old_gru(folder, weights));
    EXPECT_EQ(gru.features(), 3);
    EXPECT_EQ(gru.get_weights()[1], (RowMatrix<float>::Constant(1, 3, 0.5F)));
    weights.push_back({"g/bias:0", {3}});
    const std::filesystem::path path = old_gru(folder, weights);
    EXPECT_EQ(format_error_of([&] { (void)io::load_keras_gru(path); }),
              "io::load_keras_gru: " + path.string() + ": model_weights/g: expected 2 weights, received 3");
    EXPECT_EQ(format_error_of([&] { (void)io::load_keras_model(path); }),
              "io::load_keras_model: " + path.string() + ": model_weights/g: expected 2 weights, received 3");
}

}  // namespace

}  // namespace eigengru_test::keras_load_test

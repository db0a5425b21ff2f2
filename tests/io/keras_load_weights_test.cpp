// SPDX-License-Identifier: MIT
#include "eigengru/io/keras_load_weights.hpp"

#include "eigengru/io/keras.hpp"
#include "io/damage.hpp"
#include "io/keras_support.hpp"
#include "io/model_support.hpp"
#include "support/sanitizers.hpp"

#include <gtest/gtest.h>

namespace eigengru_test::keras_load_weights_test {

namespace {

using namespace eigengru;

template <class S>
void set_all(Sequential<S>& model, S value) {
    for (std::size_t i = 0; i < model.layers().size(); ++i)
        std::visit(
            [&](auto& layer) {
                if constexpr (requires { layer.set_weights(layer.get_weights()); }) {
                    auto weights = layer.get_weights();
                    for (auto& weight : weights) weight.setConstant(value);
                    layer.set_weights(weights);
                }
            },
            model.layer(static_cast<Index>(i)));
}

TEST(LoadWeights, TakeEveryKindOfFile) {
    for (const std::string name : {"around.keras3.weights.h5", "embedded.keras3.weights.h5", "around.keras3.h5",
                                   "around.keras2.old_weights.h5", "classic.keras2.old_weights.h5",
                                   "embedded.keras2.old_weights.h5", "embedded.keras2.h5", "masked.keras2.h5"}) {
        SCOPED_TRACE(name);
        const std::string model_name = name.substr(0, name.find("keras") + 6);
        Sequential<double> model = io::load_model<double>(golden("files/" + model_name + ".keras"));
        set_all(model, 0.5);
        io::load_weights(model, golden("files/" + name));
        expect_recorded_predictions(model, load_golden(golden("files/" + model_name + ".golden")).front(), 1e-11);
    }
}

TEST(LoadWeights, RefuseMoreLayersThanAnyModelHas) {
    const ScratchFolder folder;
    {
        const LibraryWriter writer(folder / "a.h5");
        constexpr hsize_t count = 1001;
        const hid_t group = H5Gcreate2(writer.file(), "g", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        H5Gclose(group);
        writer.attribute("/", "layer_names", H5T_C_S1, {count}, std::string(count, 'g').data());
    }
    Sequential<float> model({Gru<float>(3, {.units = 4})});
    expect_contains(format_error_of([&] { io::load_weights(model, folder / "a.h5"); }),
                    "a.h5: expected at most 1000 layers, received 1001");
}

TEST(LoadWeights, OfAnotherModelLeaveTheModelAsItWas) {
    Sequential<double> model = io::load_model<double>(golden("files/around.keras2.keras"));
    const GoldenCase recorded = load_golden(golden("files/around.keras2.golden")).front();
    for (const std::string name : {"classic.keras2.old_weights.h5", "embedded.keras2.h5", "cells.keras2.h5"}) {
        EXPECT_NE(format_error_of([&] { io::load_weights(model, golden("files/" + name)); }),
                  "no FormatError was thrown");
        expect_recorded_predictions(model, recorded, 1e-11);
    }
}

TEST(LoadWeights, GiveKerasPredictionsForEveryFixture) {
    for (const auto& [name, recorded] : recorded_models()) {
        SCOPED_TRACE(name);
        Sequential<double> model = io::load_model<double>(fixture(name + ".keras"));
        for (std::size_t i = 0; i < model.layers().size(); ++i)  // so that the weights come from the other file
            std::visit(
                [](auto& layer) {
                    if constexpr (requires { layer.get_weights(); }) {
                        auto weights = layer.get_weights();
                        for (auto& weight : weights) weight.setConstant(0.5);
                        layer.set_weights(weights);
                    }
                },
                model.layer(static_cast<Index>(i)));
        io::load_weights(model, fixture(name + ".weights.h5"));
        expect_recorded_predictions(model, recorded, 1e-11);
    }
}

TEST(LoadWeights, SetsOneGruFromItsGroup) {
    const std::filesystem::path path = fixture("named.tensorflow.weights.h5");
    const Sequential<double> model = io::load_model<double>(fixture("named.tensorflow.keras"));
    Gru<double> first(3, {.units = 4});
    Gru<double> second(4, {.units = 3});
    io::load_weights(first, path);
    io::load_weights(second, path, "gru_1");
    EXPECT_EQ(first.parameters().flat(), (std::get<Gru<double>>(model.layers()[0]).parameters().flat()));
    EXPECT_EQ(second.parameters().flat(), (std::get<Gru<double>>(model.layers()[1]).parameters().flat()));
}

TEST(LoadWeights, SetsAGruThatResetsBeforeAndOneWithoutBias) {
    Gru<float, false> before(5, {.units = 4});
    io::load_weights(before, fixture("stateful.tensorflow.weights.h5"), "gru_1");
    const AnyGru<float> expected = io::load_any_gru<float>(fixture("stateful.tensorflow.keras"), "gru_1");
    EXPECT_EQ(before.get_weights(), expected.get_weights());
    Gru<float, false> unbiased(7, {.units = 5, .use_bias = false});
    io::load_weights(unbiased, fixture("stack.tensorflow.weights.h5"), "gru_1");
    EXPECT_EQ(unbiased.get_weights(),
              io::load_any_gru<float>(fixture("stack.tensorflow.keras"), "gru_1").get_weights());
}

template <class Layer>
void expect_unchanged_by(Layer layer, const std::string& file, const std::string& group, std::string_view part) {
    const auto before = layer.get_weights();
    expect_contains(format_error_of([&] { io::load_weights(layer, fixture(file), group); }), part);
    EXPECT_EQ(layer.get_weights(), before);
}

TEST(LoadWeights, LeaveALayerTheyDoNotFitAsItWas) {
    const std::string plain = "plain.tensorflow.weights.h5";
    expect_unchanged_by(Gru<float>(4, {.units = 6}), plain, "gru",
                        "layers/gru/cell/vars/0: kernel expected shape (4, 18), received (3, 18)");
    expect_unchanged_by(Gru<float>(3, {.units = 5}), plain, "gru", "kernel expected shape (3, 15), received (3, 18)");
    expect_unchanged_by(Gru<float, false>(3, {.units = 6}), plain, "gru",
                        "bias expected shape (18), received (2, 18) (a matrix means reset_after = true)");
    expect_unchanged_by(Gru<float>(5, {.units = 4}), "stateful.tensorflow.weights.h5", "gru_1",
                        "bias expected shape (2, 12), received (12) (a vector means reset_after = false)");
    expect_unchanged_by(Gru<float>(3, {.units = 6, .use_bias = false}), plain, "gru", "expected 2 weights");
    expect_unchanged_by(Gru<float, false>(7, {.units = 5}), "stack.tensorflow.weights.h5", "gru_1",
                        "the file has no data set \"layers/gru_1/cell/vars/2\"");
    expect_unchanged_by(Gru<float>(3, {.units = 6}), plain, "foo", "no data set \"layers/foo/cell/vars/0\"");
    expect_unchanged_by(Gru<float>(3, {.units = 6}), "plain.tensorflow.keras", "gru", "expected an HDF5 file");
}

TEST(LoadWeights, LeaveAModelTheyDoNotFitAsItWas) {
    Sequential<double> model = io::load_model<double>(fixture("two_gru.tensorflow.keras"));
    const auto recorded = load_golden(fixture("two_gru.tensorflow.golden")).front();
    for (const std::string name : {"plain", "named", "stack"}) {
        EXPECT_THROW(io::load_weights(model, fixture(name + ".tensorflow.weights.h5")), FormatError);
        expect_recorded_predictions(model, recorded, 1e-11);
    }
}

TEST(LoadWeights, AFileWithMoreLayersThanTheModelIsRefused) {
    const Sequential<float> two = io::load_model(fixture("two_gru.tensorflow.keras"));
    std::vector<Sequential<float>::Layer> layers(two.layers().begin(), two.layers().begin() + 1);
    Sequential<float> one(layers);
    const auto before = std::get<Gru<float>>(one.layers()[0]).get_weights();
    EXPECT_THROW(io::load_weights(one, fixture("two_gru.tensorflow.weights.h5")), FormatError);
    EXPECT_EQ(std::get<Gru<float>>(one.layers()[0]).get_weights(), before);
}

TEST(GroupName, IsThatOfTheClass) {
    using io::detail::group_name;
    EXPECT_EQ((group_name<float, Gru<float, false>>()), "gru");
    EXPECT_EQ((group_name<double, Bidirectional<double, true>>()), "bidirectional");
    EXPECT_EQ((group_name<float, LayerNormalization<float>>()), "layer_normalization");
    EXPECT_EQ((group_name<float, Masking<float>>()), "");
    EXPECT_EQ((group_name<float, ActivationLayer<float>>()), "");
}

/// A GRU of 2 units that takes 3 features, and perhaps a Dense behind it.
Sequential<float> gru_model(bool has_dense) {
    std::vector<Sequential<float>::Layer> layers{Gru<float>(3, {.units = 2, .use_bias = false})};
    if (has_dense) layers.emplace_back(Dense<float>(2, {.units = 1}));
    return Sequential<float>(layers);
}

std::string weights_refusal(Sequential<float> model, const std::filesystem::path& path) {
    return format_error_of([&] { io::load_weights(model, path); });
}

const std::vector<OldWeight> kGruWeights{{"g/kernel:0", {3, 6}}, {"g/recurrent_kernel:0", {2, 6}}};
const std::vector<OldWeight> kDenseWeights{{"d/kernel:0", {2, 1}}, {"d/bias:0", {1}}};

TEST(LoadWeights, TakeAListOfWeightsForEachLayer) {
    const ScratchFolder folder;
    for (const std::string root : {"", "model_weights/"}) {  // of weights alone, and of a whole model
        add_old_weights(LibraryWriter(folder / "a.h5"), root,
                        {{"first", kGruWeights}, {"empty", {}}, {"second", kDenseWeights}});
        Sequential<float> model = gru_model(true);
        io::load_weights(model, folder / "a.h5");
        EXPECT_EQ(std::get<Dense<float>>(model.layers()[1]).kernel(), (RowMatrix<float>::Constant(2, 1, 0.5F)));
    }
}

TEST(LoadWeights, NameALayerTooFewOrTooManyInSuchLists) {
    const ScratchFolder folder;
    const std::string begin = "io::load_weights: " + (folder / "a.h5").string() + ": ";
    add_old_weights(LibraryWriter(folder / "a.h5"), "", {{"first", kGruWeights}});
    EXPECT_EQ(weights_refusal(gru_model(true), folder / "a.h5"),
              begin + "expected weights of one more layer, of class dense");
    add_old_weights(LibraryWriter(folder / "a.h5"), "model_weights/", {{"first", kGruWeights}, {"d", kDenseWeights}});
    EXPECT_EQ(weights_refusal(gru_model(false), folder / "a.h5"),
              begin + "expected no layer \"model_weights/d\", which the model does not have");
    add_old_weights(LibraryWriter(folder / "a.h5"), "", {{"first", {kGruWeights[0]}}});
    EXPECT_EQ(weights_refusal(gru_model(false), folder / "a.h5"), begin + "first: expected 2 weights, received 1");
}

TEST(LoadWeights, NameALayerTooFewOrTooManyInGroups) {
    const ScratchFolder folder;
    const std::filesystem::path path = folder / "a.weights.h5";
    const std::string begin = "io::load_weights: " + path.string() + ": ";
    io::save_weights(gru_model(true), path);
    EXPECT_EQ(weights_refusal(gru_model(false), path),
              begin + "expected no layer \"dense\", which the model does not have");
    io::save_weights(gru_model(false), path);
    EXPECT_EQ(weights_refusal(gru_model(true), path), begin + "the file has no data set \"layers/dense/vars/0\"");
}

TEST(LoadWeights, CountLayersThatHaveNoWeights) {
    const ScratchFolder folder;
    const std::filesystem::path path = folder / "a.weights.h5";
    const LayerNormalization<float> bare(2, {.center = false, .scale = false});
    LayerNormalization<float> whole(2, {});
    const RowMatrix<float> gamma = RowMatrix<float>::Constant(1, 2, 3), beta = RowMatrix<float>::Constant(1, 2, 4);
    whole.set_weights({gamma, beta});
    const Gru<float> gru(3, {.units = 2, .seed = 1});
    for (const std::vector<Sequential<float>::Layer>& layers :
         {std::vector<Sequential<float>::Layer>{gru, bare}, std::vector<Sequential<float>::Layer>{gru, bare, whole}}) {
        Sequential<float> model(layers);
        io::save_weights(model, path);
        Sequential<float> other = model;
        other.update_variables([](auto v) { v.values.setZero(); });
        io::load_weights(other, path);
        Sequence<float> x({1, 2, 3});
        x.matrix().setConstant(0.5F);
        EXPECT_FALSE(model.predict(x).matrix().isZero());
        EXPECT_EQ(other.predict(x).matrix(), model.predict(x).matrix());
    }
}

TEST(LoadWeights, FindADenseThatKerasHasInTimeDistributed) {
    const ScratchFolder folder;
    {
        const LibraryWriter file(folder / "a.weights.h5");
        file.add("layers/gru/cell/vars/0", {3, 6}, std::vector<double>(18, 0.5));
        file.add("layers/gru/cell/vars/1", {2, 6}, std::vector<double>(12, 0.5));
        file.add("layers/time_distributed/layer/vars/0", {2, 1}, {0.25, 0.75});
        file.add("layers/time_distributed/layer/vars/1", {1}, {2});
    }
    Sequential<float> model = gru_model(true);
    io::load_weights(model, folder / "a.weights.h5");
    EXPECT_EQ(std::get<Dense<float>>(model.layers()[1]).kernel()(1, 0), 0.75F);
}

class DamagedWeights : public testing::Test {
protected:
    /// Loads the file into a copy of the model; when it is refused, the copy must be as it was.
    std::size_t load() {
        Sequential<double> model = model_;
        const std::size_t loaded = count_loaded(path_, [&](auto& p) { io::load_weights(model, p); });
        if (loaded == 0) expect_recorded_predictions(model, recorded_, 1e-11);
        return loaded;
    }

    std::size_t load(const Bytes& damaged) {
        write_bytes(path_, damaged);
        return load();
    }

    ScratchFolder folder_;
    std::filesystem::path path_ = folder_ / "damaged.weights.h5";
    Sequential<double> model_ = io::load_model<double>(fixture("plain.tensorflow.keras"));
    GoldenCase recorded_ = load_golden(fixture("plain.tensorflow.golden")).front();
    Bytes whole_ = bytes_of(fixture("plain.tensorflow.weights.h5"));
};

TEST_F(DamagedWeights, EveryCutIsFound) {
    for (std::size_t size = 0; size < whole_.size(); size += 64) EXPECT_EQ(load(cut(whole_, size)), 0U) << size;
}

TEST_F(DamagedWeights, FlippedBytesAreRefusedOrLoad) {
    // With sanitizers a third of them, of every kind all the same: a load takes three times as long.
    constexpr std::size_t kStep = kHasSanitizer ? 3 : 1;
    std::mt19937 random(2);
    write_bytes(path_, whole_);
    std::size_t refused = 0;
    for (std::size_t at = 0; at < whole_.size(); at += kStep) {
        patch(path_, at, whole_[at] ^ static_cast<unsigned char>(1 + random() % 255));
        refused += 1 - load();
        patch(path_, at, whole_[at]);
    }
    EXPECT_GT(refused, 100U);
}

TEST_F(DamagedWeights, FilesWithManyFlippedBytesAreRefusedOrLoad) {
    std::mt19937 random(3);
    for (int round = 0; round < 2000; ++round) {
        Bytes damaged = whole_;
        for (int flips = 1 + round % 8; flips > 0; --flips)
            damaged[random() % damaged.size()] = static_cast<unsigned char>(random());
        load(damaged);
    }
}

TEST_F(DamagedWeights, ABareFileHasNoChecksumForItsValues) {
    const RowMatrix<float> kernel = std::get<Dense<double>>(model_.layers()[1]).kernel().cast<float>();
    const auto* first = reinterpret_cast<const unsigned char*>(kernel.data());
    const auto at = std::search(whole_.begin(), whole_.end(), first, first + sizeof(float) * 12);
    ASSERT_NE(at, whole_.end());
    Bytes damaged = whole_;
    damaged[static_cast<std::size_t>(at - whole_.begin())] ^= 1;
    EXPECT_EQ(load(damaged), 1U);
}

}  // namespace

}  // namespace eigengru_test::keras_load_weights_test

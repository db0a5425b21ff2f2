// SPDX-License-Identifier: MIT
#include "eigengru/io/keras.hpp"

#include "io/io_support.hpp"
#include "io/model_support.hpp"

#include <gtest/gtest.h>

namespace {

using namespace eigengru;
using namespace eigengru_test;

bool is_refused(const std::string& model) {
    return model.starts_with("unknown") || model == "branched";
}

/// Every model of tests/golden/models that load_model takes: its path without extension, and what was recorded.
std::vector<std::pair<std::string, GoldenCase>> recorded_models() {
    std::vector<std::pair<std::string, GoldenCase>> models;
    for (const auto& path : golden_files(fixture(""))) {
        GoldenCase recorded = load_golden(path).front();
        if (!is_refused(recorded.option("model")))
            models.emplace_back(path.filename().replace_extension("").string(), std::move(recorded));
    }
    return models;
}

TEST(LoadModel, GivesKerasPredictionsForEveryFixture) {
    const auto models = recorded_models();
    EXPECT_GE(models.size(), 30U);
    for (const auto& [name, recorded] : models) {
        SCOPED_TRACE(name);
        Sequential<double> in_double = io::load_model<double>(fixture(name + ".keras"));
        expect_recorded_predictions(in_double, recorded, 1e-11);
        Sequential<float> in_float = io::load_model<float>(fixture(name + ".keras"));
        expect_recorded_predictions(in_float, recorded, 1e-6);
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

TEST(LoadModel, AlsoTakesADeflatedArchive) {
    const ScratchFolder folder;
    write_zip(folder / "a.keras", members_of(fixture("stack.tensorflow.keras")), ZIP_CM_DEFLATE);
    Sequential<double> model = io::load_model<double>(folder / "a.keras");
    expect_recorded_predictions(model, load_golden(fixture("stack.tensorflow.golden")).front(), 1e-11);
}

TEST(LoadModel, TakesAPathOfAnyKind) {
    const std::string text = fixture("plain.tensorflow.keras").string();
    EXPECT_EQ(io::load_model<float>(text).layers().size(), 2U);
    EXPECT_EQ(io::load_model<float>(text.c_str()).layers().size(), 2U);
    EXPECT_EQ(io::load_model(fixture("plain.tensorflow.keras")).layers().size(), 2U);
}

TEST(LoadModel, HasTheLayersOfTheFile) {
    const Sequential<float> model = io::load_model<float>(fixture("stack.tensorflow.keras"));
    ASSERT_EQ(model.layers().size(), 6U);
    EXPECT_EQ(std::get<Masking<float>>(model.layers()[0]).options().mask_value, -9.0);
    EXPECT_EQ((std::get<Gru<float, true>>(model.layers()[1]).options().dropout), 0.1);
    EXPECT_EQ((std::get<Gru<float, false>>(model.layers()[2]).options().go_backwards), true);
    EXPECT_EQ(std::get<Dense<float>>(model.layers()[3]).options().activation, Activation("softmax"));
    EXPECT_EQ(std::get<Dropout<float>>(model.layers()[4]).options().rate, 0.3);
    EXPECT_EQ(std::get<ActivationLayer<float>>(model.layers()[5]).options().activation, Activation("softplus"));
}

/// The refusal of the fixture "plain" with an edited configuration.
template <class Edit>
std::string edited_refusal(Edit&& edit, const std::string& name = "plain.tensorflow.keras") {
    const ScratchFolder folder;
    write_edited(fixture(name), folder / "a.keras", edit);
    return model_refusal(folder / "a.keras");
}

TEST(LoadModel, NamesAnUnknownLayerAndTheKnownOnes) {
    const std::filesystem::path path = fixture("unknown_lstm.tensorflow.keras");
    EXPECT_EQ(model_refusal(path),
              "io::load_model: " + path.string() +
                  ": layer \"lstm\": expected a layer of class \"InputLayer\", \"Masking\", "
                  "\"GRU\", \"Dense\", \"Dropout\", \"Activation\", \"Embedding\", \"Bidirectional\", "
                  "\"TimeDistributed\", \"BatchNormalization\", \"LayerNormalization\", "
                  "\"RNN\", \"CuDNNGRU\", received \"LSTM\"");
    expect_contains(model_refusal(fixture("unknown_conv1d.tensorflow.keras")), "received \"Conv1D\"");
}

TEST(LoadModel, RefusesWhatIsNoFile) {
    const ScratchFolder folder;
    std::filesystem::create_directory(folder / "d.keras");
    write_bytes(folder / "empty.keras", {});
    write_bytes(folder / "text.keras", bytes_of(std::string_view("not a model")));
    EXPECT_EQ(model_refusal("nowhere.keras"), "io::load_model: nowhere.keras: the file does not exist");
    expect_contains(model_refusal(folder / "d.keras"), "d.keras: expected a folder with config.json");
    expect_contains(model_refusal(folder / "empty.keras"), "empty.keras: the file is empty");
    expect_contains(model_refusal(folder / "text.keras"),
                    "text.keras: expected a .keras file, folder or .h5 file of Keras, a .safetensors state dict");
    expect_contains(model_refusal(fixture("plain.tensorflow.weights.h5")), "it holds weights alone");
}

TEST(LoadModel, NamesAnotherClassOfModel) {
    expect_contains(edited_refusal([](Json& m) { m["class_name"] = "MyModel"; }),
                    "a.keras: expected a model of class \"Sequential\" or \"Functional\", received \"MyModel\"");
}

TEST(LoadModel, NamesAMissingMember) {
    const ScratchFolder folder;
    Members members = members_of(fixture("plain.tensorflow.keras"));
    members.erase("model.weights.h5");
    write_zip(folder / "a.keras", members);
    expect_contains(model_refusal(folder / "a.keras"), "a.keras: the archive has no member \"model.weights.h5\"");
    members.erase("config.json");
    write_zip(folder / "a.keras", members);
    expect_contains(model_refusal(folder / "a.keras"), "a.keras: the archive has no member \"config.json\"");
}

TEST(LoadModel, ChecksShapesAgainstTheConfiguration) {
    expect_contains(edited_refusal([](Json& m) { layer_config(m, "gru")["units"] = 5; }),
                    "a.keras: model.weights.h5: layers/gru/cell/vars/0: kernel expected shape (3, 15), "
                    "received (3, 18)");
    expect_contains(edited_refusal([](Json& m) { layer_config(m, "gru")["units"] = 2147483647; }),
                    "kernel expected shape (3, 6442450941), received (3, 18)");
    expect_contains(edited_refusal([](Json& m) {
                        layer_config(m, "input_layer")["batch_shape"] = {nullptr, 5, 4};
                    }),
                    "kernel expected shape (4, 18), received (3, 18)");
    expect_contains(edited_refusal([](Json& m) { layer_config(m, "dense")["units"] = 3; }),
                    "layers/dense/vars/0: kernel expected shape (6, 3), received (6, 2)");
    expect_contains(edited_refusal([](Json& m) { layer_config(m, "gru")["reset_after"] = false; }),
                    "bias expected shape (18), received (2, 18) (a matrix means reset_after = true)");
    expect_contains(edited_refusal([](Json& m) { layer_config(m, "gru")["use_bias"] = false; }),
                    "layers/gru/cell/vars: expected 2 weights, received more");
    expect_contains(edited_refusal([](Json& m) { m["config"]["layers"].push_back(m["config"]["layers"][1]); }),
                    "the file has no data set \"layers/gru_1/cell/vars/0\"");
}

TEST(LoadModel, NamesTheLayerOfAnArgumentOutOfRange) {
    expect_contains(edited_refusal([](Json& m) { layer_config(m, "gru")["dropout"] = 1.5; }),
                    "a.keras: layer \"gru\": Gru: dropout expected a rate in [0, 1], received 1.5");
    expect_contains(edited_refusal([](Json& m) { layer_config(m, "gru")["activation"] = "foo"; }),
                    "a.keras: layer \"gru\": activation: Activation: expected one of \"linear\"");
    expect_contains(edited_refusal([](Json& m) { layer_config(m, "dropout")["rate"] = 2; }, "stack.tensorflow.keras"),
                    "a.keras: layer \"dropout\": Dropout: rate expected a rate in [0, 1], received 2");
    expect_contains(
        edited_refusal([](Json& m) { layer_config(m, "masking")["mask_value"] = "NaN"; }, "stack.tensorflow.keras"),
        "a.keras: layer \"masking\": Masking: mask_value expected a finite number, received nan");
}

TEST(LoadModel, RefusesLayersThatDoNotFit) {
    expect_contains(
        edited_refusal([](Json& m) { layer_config(m, "gru")["return_sequences"] = false; }, "two_gru.tensorflow.keras"),
        "a.keras: Sequential: layer \"gru_1\" expected sequences");
    expect_contains(edited_refusal([](Json& m) { layer_config(m, "gru")["return_state"] = true; }),
                    "layer \"gru\": return_state expected false in a Sequential");
    expect_contains(edited_refusal([](Json& m) { m["config"]["layers"] = Json::array(); }),
                    "a.keras: Sequential: expected at least one layer");
}

TEST(LoadModel, RefusesConfigurationsThatAreNoModel) {
    for (const std::string_view text : {"", "[]", "{}", "null", R"({"class_name": "Sequential"})"}) {
        const ScratchFolder folder;
        Members members = members_of(fixture("plain.tensorflow.keras"));
        members["config.json"] = bytes_of(text);
        write_zip(folder / "a.keras", members);
        expect_contains(model_refusal(folder / "a.keras"), "io::load_model: " + (folder / "a.keras").string() + ": ");
    }
}

TEST(LoadGru, TakesTheFirstOneOrTheOneOfThatName) {
    const std::filesystem::path path = fixture("named.tensorflow.keras");
    EXPECT_EQ(io::load_gru<float>(path).name(), "encoder");
    EXPECT_EQ(io::load_gru<float>(path, "encoder").units(), 4);
    EXPECT_EQ(io::load_gru<double>(path, "dense").units(), 3);
    EXPECT_EQ(io::load_gru(path, "dense").features(), 4);
}

TEST(LoadGru, HasTheWeightsOfItsGroup) {
    const std::filesystem::path path = fixture("named.tensorflow.keras");
    const Sequential<double> model = io::load_model<double>(path);
    const Gru<double> gru = io::load_gru<double>(path, "dense");
    EXPECT_EQ(gru.parameters().flat(), (std::get<Gru<double>>(model.layers()[1]).parameters().flat()));
    EXPECT_EQ(gru.options(), (std::get<Gru<double>>(model.layers()[1]).options()));
}

TEST(LoadGru, ListsTheNamesThatThereAre) {
    const std::filesystem::path path = fixture("named.tensorflow.keras");
    EXPECT_EQ(format_error_of([&] { (void)io::load_gru<float>(path, "gru"); }),
              "io::load_gru: " + path.string() +
                  ": expected the name of a GRU, one of \"encoder\", \"dense\", received \"gru\"");
}

TEST(LoadGru, SaysWhenThereIsNone) {
    const ScratchFolder folder;
    write_edited(fixture("plain.tensorflow.keras"), folder / "a.keras",
                 [](Json& m) { m["config"]["layers"].erase(1); });
    expect_contains(format_error_of([&] { (void)io::load_gru<float>(folder / "a.keras"); }),
                    "a.keras: the model has no layer of class \"GRU\"");
}

TEST(LoadGru, NamesTheOtherMode) {
    const std::filesystem::path path = fixture("stack.tensorflow.keras");
    EXPECT_EQ(format_error_of([&] { (void)io::load_gru<float>(path, "gru_1"); }),
              "io::load_gru: " + path.string() +
                  ": layer \"gru_1\" has reset_after = false; use load_gru<float, false> or load_any_gru<float>");
    EXPECT_EQ(format_error_of([&] { (void)(io::load_gru<double, false>(path, "gru")); }),
              "io::load_gru: " + path.string() +
                  ": layer \"gru\" has reset_after = true; use load_gru<double, true> or load_any_gru<double>");
    EXPECT_EQ((io::load_gru<float, false>(path, "gru_1").units()), 5);
}

TEST(LoadGru, DoesNotMindLayersAndModelsThatAreNotKnown) {
    EXPECT_EQ(io::load_gru<float>(fixture("unknown_conv1d.tensorflow.keras")).features(), 4);
    EXPECT_EQ(io::load_gru<float>(fixture("unknown_lstm.tensorflow.keras")).units(), 4);
    EXPECT_EQ(io::load_gru<float>(fixture("functional.tensorflow.keras")).units(), 4);
}

TEST(LoadGru, TakesReturnState) {
    const ScratchFolder folder;
    write_edited(fixture("plain.tensorflow.keras"), folder / "a.keras",
                 [](Json& m) { layer_config(m, "gru")["return_state"] = true; });
    EXPECT_TRUE(io::load_gru<float>(folder / "a.keras").options().return_state);
}

TEST(LoadAnyGru, HasEitherMode) {
    const std::filesystem::path path = fixture("stack.tensorflow.keras");
    EXPECT_TRUE(io::load_any_gru<float>(path).reset_after());
    EXPECT_TRUE(io::load_any_gru<double>(path, "gru").reset_after());
    EXPECT_FALSE(io::load_any_gru<float>(path, "gru_1").reset_after());
    expect_contains(format_error_of([&] { (void)io::load_any_gru<float>(path, "foo"); }), "io::load_any_gru: ");
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

// Damage. Whatever it is, the answer is a FormatError that names the file, or a model.

std::size_t count_loaded(const std::filesystem::path& path, const auto& load) {
    try {
        load(path);
        return 1;
    } catch (const FormatError& error) {
        EXPECT_NE(std::string(error.what()).find(path.string()), std::string::npos) << error.what();
        return 0;
    }
}

Bytes cut(const Bytes& bytes, std::size_t size) {
    return {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)};
}

TEST(DamagedKerasFile, EveryCutIsFound) {
    const ScratchFolder folder;
    for (const std::string name : {"plain.tensorflow.keras", "stack.torch.keras", "bfloat16.jax.keras"}) {
        const Bytes whole = bytes_of(fixture(name));
        for (std::size_t size = 0; size < whole.size(); size += 64) {
            write_bytes(folder / "cut.keras", cut(whole, size));
            EXPECT_EQ(count_loaded(folder / "cut.keras", [](auto& p) { (void)io::load_model<float>(p); }), 0U) << size;
        }
    }
}

/// Whether each byte of a file lies inside a member of the archive.
std::vector<bool> inside_members(const std::string& name) {
    const Bytes whole = bytes_of(fixture(name));
    std::vector<bool> inside(whole.size());
    for (const auto& [member_name, member] : members_of(fixture(name))) {
        const auto start = std::search(whole.begin(), whole.end(), member.begin(), member.end()) - whole.begin();
        std::fill_n(inside.begin() + start, member.size(), true);
    }
    return inside;
}

/// Overwrites one byte of a file.
void patch(const std::filesystem::path& path, std::size_t at, unsigned char byte) {
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(byte));
}

TEST(DamagedKerasFile, AFlippedByteIsFoundInsideAMemberAndFoundOrHarmlessOutside) {
    const ScratchFolder folder;
    const std::filesystem::path path = folder / "flipped.keras";
    const std::string name = "plain.tensorflow.keras";
    const std::vector<bool> inside = inside_members(name);
    const GoldenCase recorded = load_golden(fixture("plain.tensorflow.golden")).front();
    const Bytes whole = bytes_of(fixture(name));
    write_bytes(path, whole);
    std::mt19937 random(1);
    for (std::size_t at = 0; at < whole.size(); ++at) {
        if (inside[at] && at % 8 != 0) continue;  // each byte outside, and one in eight inside
        patch(path, at, whole[at] ^ static_cast<unsigned char>(1 + random() % 255));
        const std::size_t loaded = count_loaded(path, [&](auto& p) {
            Sequential<double> model = io::load_model<double>(p);
            expect_recorded_predictions(model, recorded, 1e-11);
        });
        if (inside[at]) {
            EXPECT_EQ(loaded, 0U) << "byte " << at;
        }
        patch(path, at, whole[at]);
    }
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
    std::mt19937 random(2);
    write_bytes(path_, whole_);
    std::size_t refused = 0;
    for (std::size_t at = 0; at < whole_.size(); ++at) {
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

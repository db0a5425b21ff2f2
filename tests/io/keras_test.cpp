// SPDX-License-Identifier: MIT
#include "eigengru/io/keras.hpp"

#include "io/damage.hpp"
#include "io/io_support.hpp"
#include "io/model_support.hpp"

#include <gtest/gtest.h>

namespace {

using namespace eigengru;
using namespace eigengru_test;

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

// Damage. Whatever it is, the answer is a FormatError that names the file, or a model.

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

}  // namespace

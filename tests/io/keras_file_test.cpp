// SPDX-License-Identifier: MIT
#include "eigengru/io/keras_file.hpp"

#include "eigengru/io/keras.hpp"
#include "io/io_support.hpp"
#include "io/model_support.hpp"

#include <gtest/gtest.h>

namespace {

using namespace eigengru;
using namespace eigengru_test;

/// The files of tests/golden/files with that extension for which predictions were recorded.
std::vector<std::filesystem::path> recorded_files(const std::string& extension) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(golden("files"))) {
        const std::filesystem::path& path = entry.path();
        const bool is_model = path.extension() == extension && path.string().find("weights") == std::string::npos;
        if (is_model && std::filesystem::exists(std::filesystem::path(path).replace_extension(".golden")))
            files.push_back(path);
    }
    return files;
}

void expect_recorded(const std::filesystem::path& file, const std::filesystem::path& recorded) {
    SCOPED_TRACE(file.string());
    const GoldenCase expected = load_golden(recorded).front();
    Sequential<double> in_double = io::load_model<double>(file);
    expect_recorded_predictions(in_double, expected, 1e-11);
    Sequential<float> in_float = io::load_model<float>(file);
    expect_recorded_predictions(in_float, expected, 1e-6);
}

TEST(KerasFile, GivesThePredictionsOfEveryKindOfFile) {
    std::size_t count = 0;
    for (const std::string extension : {".keras", ".h5"})
        for (const std::filesystem::path& file : recorded_files(extension)) {
            expect_recorded(file, std::filesystem::path(file).replace_extension(".golden"));
            ++count;
        }
    EXPECT_EQ(count, 23U);
}

void unpack(const std::filesystem::path& file, const std::filesystem::path& folder) {
    std::filesystem::create_directories(folder);
    for (const auto& [name, bytes] : members_of(file)) write_bytes(folder / name, bytes);
}

TEST(KerasFile, MayBeAFolder) {
    const ScratchFolder folder;
    unpack(golden("files/around.keras3.keras"), folder / "model");
    expect_recorded(folder / "model", golden("files/around.keras3.golden"));
}

TEST(KerasFile, RefusesALinkInAFolder) {
    const ScratchFolder folder;
    unpack(golden("files/double.keras3.keras"), folder / "model");
    std::filesystem::rename(folder / "model" / "model.weights.h5", folder / "elsewhere.h5");
    std::filesystem::create_symlink(folder / "elsewhere.h5", folder / "model" / "model.weights.h5");
    expect_contains(model_refusal(folder / "model"), "model: model.weights.h5: expected a file, received a link");
    std::filesystem::remove(folder / "model" / "model.weights.h5");
    expect_contains(model_refusal(folder / "model"), "model: model.weights.h5: the file does not exist");
}

TEST(KerasFile, TakesTheGroupsOfKeras213) {
    const ScratchFolder folder;
    Members members = members_of(golden("files/double.keras2.keras"));
    write_bytes(folder / "weights.h5", members.at("model.weights.h5"));
    const hid_t file = H5Fopen((folder / "weights.h5").string().c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
    ASSERT_GE(H5Lmove(file, "layers", file, "_layer_checkpoint_dependencies", H5P_DEFAULT, H5P_DEFAULT), 0);
    H5Fclose(file);
    members["model.weights.h5"] = bytes_of(folder / "weights.h5");
    write_zip(folder / "a.keras", members);
    expect_recorded(folder / "a.keras", golden("files/double.keras2.golden"));
}

TEST(KerasFile, KnowsTheDefaultsOfKeras2) {
    const ScratchFolder folder;
    const auto reset_after = [&](const std::string& version) {
        Members members = members_of(golden("files/classic.keras2.keras"));
        Json config = Json::parse(members.at("config.json"));
        layer_config(config, "gru").erase("reset_after");
        layer_config(config, "gru").erase("recurrent_activation");
        members["config.json"] = bytes_of(std::string_view(config.dump()));
        members["metadata.json"] = bytes_of(std::string_view("{\"keras_version\": \"" + version + "\"}"));
        write_zip(folder / "a.keras", members);
        return io::load_any_gru<float>(folder / "a.keras", "gru");
    };
    EXPECT_FALSE(reset_after("2.15.0").reset_after());
    EXPECT_EQ(reset_after("2.15.0").options().recurrent_activation, io::keras2_hard_sigmoid());
    expect_contains(format_error_of([&] { (void)reset_after("3.0.0"); }), "a vector means reset_after = false");
}

TEST(KerasFile, NamesWhatAFileOfWeightsIs) {
    expect_contains(model_refusal(golden("files/around.keras2.old_weights.h5")), "no attribute \"model_config\"");
}

TEST(KerasWeights, AreNotShared) {
    io::detail::KerasWeights weights(io::Hdf5File(bytes_of(golden("models/plain.tensorflow.weights.h5")), Where("f")),
                                     {});
    io::detail::WeightGroup group(weights.file(), "layers/dense/vars");
    group.next("kernel", {6, 2});
    weights.count_bytes(group);
    EXPECT_EQ(format_error_of([&] {
                  for (int i = 0; i < 1000; ++i) weights.count_bytes(group);  // as layers would that share it
              }),
              "f: expected weights of their own for each layer: some are shared");
}

}  // namespace

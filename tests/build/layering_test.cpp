// SPDX-License-Identifier: MIT
#include "layering.hpp"

#include <gtest/gtest.h>

namespace eigengru_test {
namespace {

const std::string kStart = "// SPDX-License-Identifier: MIT\n// What it is.\n#pragma once\n";

std::vector<Header> library() {
    return headers_in(std::filesystem::path(EIGENGRU_SOURCE_DIR) / "include");
}

/// All problems of a header with this path and these lines after the usual start, in one string.
std::string problems(const std::string& path, const std::string& lines) {
    std::string text;
    for (const std::string& problem : problems_of({path, kStart + lines})) text += problem + "\n";
    return text;
}

TEST(Layering, EveryHeaderKeepsTheRules) {
    const std::vector<Header> headers = library();
    ASSERT_GE(headers.size(), 5u);
    for (const Header& header : headers)
        for (const std::string& problem : problems_of(header)) ADD_FAILURE() << problem;
}

TEST(Layering, EveryOwnIncludeExists) {
    const std::vector<Header> headers = library();
    for (const Header& header : headers) {
        for (const std::string& target : includes_of(header.text)) {
            const auto is_target = [&](const Header& other) { return other.path == target; };
            if (starts_with(target, "eigengru/") && std::none_of(headers.begin(), headers.end(), is_target))
                ADD_FAILURE() << header.path << " includes " << target << ", which does not exist";
        }
    }
}

TEST(Layering, UpwardIncludeIsFound) {
    EXPECT_EQ(
        problems("eigengru/math/made_up.hpp", "#include \"eigengru/layer/gru.hpp\"\n"),
        "eigengru/math/made_up.hpp: includes eigengru/layer/gru.hpp, which points upward, from floor 1 to floor 5\n");
    EXPECT_NE(problems("eigengru/sequence/made_up.hpp", "  #  include <eigengru/layer/gru.hpp>\n"), "");
    EXPECT_NE(problems("eigengru/fwd.hpp", "#include \"eigengru/math/activation.hpp\"\n"), "");
}

TEST(Layering, SameAndLowerFloorsAreFine) {
    EXPECT_EQ(problems("eigengru/layer/made_up.hpp",
                       "#include \"eigengru/layer/gru.hpp\"\n#include \"eigengru/core/view.hpp\"\n"
                       "#include <Eigen/Core>\n#include <cmath>\n"),
              "");
    EXPECT_EQ(problems("eigengru/eigengru.hpp", "#include \"eigengru/training/loss.hpp\"\n"), "");
}

TEST(Layering, CommentedIncludeDoesNotCount) {
    EXPECT_EQ(problems("eigengru/core/made_up.hpp",
                       "// #include \"eigengru/layer/gru.hpp\"\n/*\n#include <Eigen/Dense>\n*/\n"),
              "");
}

TEST(Layering, UmbrellaIsIncludedByNobody) {
    EXPECT_NE(problems("eigengru/io/made_up.hpp", "#include \"eigengru/eigengru.hpp\"\n"), "");
}

TEST(Layering, IoStaysOutOfTheRest) {
    EXPECT_NE(problems("eigengru/training/made_up.hpp", "#include \"eigengru/io/keras.hpp\"\n"), "");
    EXPECT_NE(problems("eigengru/eigengru.hpp", "#include \"eigengru/io/keras.hpp\"\n"), "");
    EXPECT_EQ(problems("eigengru/io/made_up.hpp", "#include \"eigengru/io/config.hpp\"\n#include <hdf5.h>\n"), "");
}

TEST(Layering, CudaHasOneSeam) {
    const std::string line = "#include \"eigengru/cuda/cudnn_backend.hpp\"\n";
    EXPECT_EQ(problems("eigengru/layer/backend.hpp", line), "");
    EXPECT_NE(problems("eigengru/layer/gru.hpp", line), "");
    EXPECT_NE(problems("eigengru/sequence/plan.hpp", line), "");
    EXPECT_NE(problems("eigengru/sequence/plan.hpp", "#include <cuda_runtime.h>\n"), "");
}

TEST(Layering, TooMuchOfEigenIsFound) {
    EXPECT_NE(problems("eigengru/core/made_up.hpp", "#include <Eigen/Dense>\n"), "");
    EXPECT_NE(problems("eigengru/core/made_up.hpp", "#include <unsupported/Eigen/CXX11/Tensor>\n"), "");
    EXPECT_NE(problems("eigengru/core/made_up.hpp", "#include <Eigen/QR>\n"), "");
    EXPECT_EQ(problems("eigengru/math/initializer.hpp", "#include <Eigen/QR>\n"), "");
}

TEST(Layering, OnlySourcesOfTargetsMayDoWithoutPragmaOnce) {
    const std::string start = "// SPDX-License-Identifier: MIT\n// What it is.\n\n";
    const auto problems_with = [&](const std::string& text) {
        return eigengru_test::problems_of({"eigengru/cell/made_up.hpp", start + text}).size();
    };
    EXPECT_EQ(problems_with("int x;\n"), 1U);
    EXPECT_EQ(problems_with("#if defined(EIGENGRU_TARGET)\nint x;\n#endif\n"), 0U);
}

TEST(Layering, OtherLibrariesAreFound) {
    EXPECT_NE(problems("eigengru/core/made_up.hpp", "#include <zip.h>\n"), "");
    EXPECT_NE(problems("eigengru/core/made_up.hpp", "#include <nlohmann/json.hpp>\n"), "");
    EXPECT_NE(problems("eigengru/core/made_up.hpp", "#include <sys/mman.h>\n"), "");
    EXPECT_NE(problems("eigengru/io/keras_file.hpp", "#include <onnx/onnx_pb.h>\n"), "");
    EXPECT_NE(problems("eigengru/core/made_up.hpp", "#include \"view.hpp\"\n"), "");
    EXPECT_NE(problems("eigengru/core/made_up.hpp", "#include \"../math/packet.hpp\"\n"), "");
}

TEST(Layering, UnknownFolderIsFound) {
    EXPECT_NE(problems("eigengru/attic/made_up.hpp", ""), "");
    EXPECT_NE(problems("eigengru/core/made_up.hpp", "#include \"eigengru/attic/thing.hpp\"\n"), "");
}

TEST(Layering, UsingNamespaceIsFound) {
    EXPECT_NE(problems("eigengru/core/made_up.hpp", "using  namespace Eigen;\n"), "");
    EXPECT_EQ(problems("eigengru/core/made_up.hpp", "// never write using namespace\n"), "");
}

TEST(Layering, FormOfAHeaderIsChecked) {
    EXPECT_EQ(problems_of({"eigengru/core/made_up.hpp", kStart}).size(), 0u);
    EXPECT_EQ(problems_of({"eigengru/core/made_up.hpp", "#pragma once\n"}).size(), 1u);
    EXPECT_EQ(problems_of({"eigengru/core/made_up.hpp", "// SPDX-License-Identifier: MIT\n// What.\n"}).size(), 1u);
    EXPECT_EQ(problems_of({"eigengru/core/made_up.hpp", kStart + std::string(297, '\n')}).size(), 0u);
    EXPECT_EQ(problems_of({"eigengru/core/made_up.hpp", kStart + std::string(298, '\n')}).size(), 1u);
}

}  // namespace
}  // namespace eigengru_test

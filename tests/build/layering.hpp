// SPDX-License-Identifier: MIT
// The rules of the house, read from the text of a header: floors (an include never points upward), what may be included
// from elsewhere, and the form every header has. layering_test.cpp applies them to include/eigengru.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace eigengru_test {

struct Header {
    std::string path;  // below include/, "eigengru/core/view.hpp"
    std::string text;
};

inline constexpr int kUmbrellaFloor = 7;
inline constexpr std::ptrdiff_t kMostLines = 300;

inline bool starts_with(std::string_view text, std::string_view start) {
    return text.substr(0, start.size()) == start;
}

/// "core" for eigengru/core/view.hpp, "" for the headers directly in eigengru/.
inline std::string folder_of(const std::string& path) {
    const std::filesystem::path parent = std::filesystem::path(path).parent_path();
    return parent == "eigengru" ? "" : parent.filename().string();
}

/// The floor a header lives on, or nothing when the folder is unknown.
inline std::optional<int> floor_of(const std::string& path) {
    static const std::vector<std::pair<std::string, int>> floors = {{"core", 0},  {"math", 1},     {"model", 2},
                                                                    {"cell", 3},  {"sequence", 4}, {"cuda", 4},
                                                                    {"layer", 5}, {"training", 6}, {"io", 6}};
    if (path == "eigengru/eigengru.hpp") return kUmbrellaFloor;
    if (path == "eigengru/fwd.hpp") return 0;
    for (const auto& [folder, floor] : floors)
        if (folder_of(path) == folder) return floor;
    return std::nullopt;
}

/// The text without // and /* */ comments (quotes are not followed: good enough for our headers).
inline std::string without_comments(const std::string& text) {
    std::string code;
    for (std::size_t at = 0; at < text.size();) {
        const std::string_view start = std::string_view(text).substr(at, 2);
        if (start == "//") {
            at = std::min(text.find('\n', at), text.size());
        } else if (start == "/*") {
            const std::size_t end = text.find("*/", at + 2);
            at = end == std::string::npos ? text.size() : end + 2;
        } else {
            code += text[at++];
        }
    }
    return code;
}

/// What stands between the quotes or angle brackets of each #include.
inline std::vector<std::string> includes_of(const std::string& text) {
    static const std::regex include(R"([ \t]*#[ \t]*include[ \t]*["<]([^">]+)[">].*)");
    std::vector<std::string> found;
    std::istringstream lines(without_comments(text));
    std::smatch match;
    for (std::string line; std::getline(lines, line);)
        if (std::regex_match(line, match, include)) found.push_back(match[1]);
    return found;
}

/// Why `from` may not include its own library's header `to`; empty when it may.
inline std::string own_include_problem(const std::string& from, const std::string& to) {
    const std::optional<int> from_floor = floor_of(from);
    const std::optional<int> to_floor = floor_of(to);
    const std::string folder = folder_of(from);
    if (!to_floor) return "is in a folder without a floor";
    if (*to_floor == kUmbrellaFloor) return "is for users; inside the library include what is needed";
    if (folder_of(to) == "cuda" && folder != "cuda" && from != "eigengru/layer/backend.hpp")
        return "is for layer/backend.hpp alone";
    if (folder_of(to) == "io" && folder != "io") return "needs more than Eigen; only io/ may include io/";
    if (from_floor && *to_floor > *from_floor)
        return "points upward, from floor " + std::to_string(*from_floor) + " to floor " + std::to_string(*to_floor);
    return "";
}

/// Why `from` may not include another library's header `to`; empty when it may.
inline std::string foreign_include_problem(const std::string& from, const std::string& to) {
    const std::string folder = folder_of(from);
    if (starts_with(to, "unsupported/")) return "is not part of Eigen proper";
    if (starts_with(to, "Eigen/")) {
        const bool allowed = to == "Eigen/Core" || (to == "Eigen/QR" && starts_with(from, "eigengru/math/initializer"));
        return allowed ? "" : "is too much; include Eigen/Core (Eigen/QR in the initializers)";
    }
    if (to.find_first_of("./") == std::string::npos) return "";  // the standard library
    if (folder == "io" && (to == "hdf5.h" || to == "zip.h" || to == "nlohmann/json.hpp")) return "";
    if (from == "eigengru/io/onnx_file.hpp" && (starts_with(to, "onnx/") || starts_with(to, "google/protobuf/")))
        return "";
    if ((folder == "cell" || folder == "math") && (to == "immintrin.h" || to == "arm_neon.h")) return "";
    if (folder == "cuda") return "";
    // What makes a file outlive a crash, and whether somebody looks at a terminal, is not in the standard library.
    const bool asks_the_system = from == "eigengru/core/durable_file.hpp" || from == "eigengru/training/terminal.hpp";
    if (asks_the_system && (to == "fcntl.h" || to == "unistd.h" || to == "io.h" || to == "sys/stat.h")) return "";
    if (from == "eigengru/core/huge_pages.hpp" && to == "sys/mman.h") return "";  // nor are huge pages
    return "is neither the standard library nor Eigen (write own headers as eigengru/folder/name.hpp)";
}

inline bool has_using_namespace(const std::string& code) {
    std::istringstream words(code);
    std::string before;
    for (std::string word; words >> word; before = word)
        if (before == "using" && starts_with(word, "namespace")) return true;
    return false;
}

/// Everything that is wrong with one header, each in a sentence.
inline std::vector<std::string> problems_of(const Header& header) {
    std::vector<std::string> problems;
    const auto report = [&](const std::string& text) { problems.push_back(header.path + ": " + text); };
    const std::string code = without_comments(header.text);

    if (!floor_of(header.path)) report("is in a folder without a floor");
    for (const std::string& target : includes_of(header.text)) {
        const std::string why = starts_with(target, "eigengru/") ? own_include_problem(header.path, target)
                                                                 : foreign_include_problem(header.path, target);
        if (!why.empty()) report("includes " + target + ", which " + why);
    }
    if (!starts_with(header.text, "// SPDX-License-Identifier: MIT\n// "))
        report("does not begin with the licence line and a comment that says what it is");
    // The sources of core/for_each_target.hpp, and that header, are included once for each target; alone they are empty.
    const bool is_repeated = code.find("\n#if defined(EIGENGRU_TARGET") != std::string::npos;
    // What nvcc compiles is no header.
    const bool is_source = std::filesystem::path(header.path).extension() == ".cu";
    if (!is_repeated && !is_source && code.find("#pragma once\n") == std::string::npos) report("has no #pragma once");
    if (has_using_namespace(code)) report("has a using namespace");
    const std::ptrdiff_t lines = std::count(header.text.begin(), header.text.end(), '\n');
    if (lines > kMostLines) report("has " + std::to_string(lines) + " lines, more than " + std::to_string(kMostLines));
    return problems;
}

/// Every header below `include`, sorted by path.
inline std::vector<Header> headers_in(const std::filesystem::path& include) {
    std::vector<Header> headers;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(include)) {
        if (!entry.is_regular_file()) continue;
        std::ifstream file(entry.path(), std::ios::binary);
        if (!file) throw std::runtime_error("cannot read " + entry.path().string());
        headers.push_back({entry.path().lexically_relative(include).generic_string(),
                           std::string(std::istreambuf_iterator<char>(file), {})});
    }
    std::sort(headers.begin(), headers.end(), [](const Header& a, const Header& b) { return a.path < b.path; });
    return headers;
}

}  // namespace eigengru_test

// SPDX-License-Identifier: MIT
// Finds the programs in a Markdown file: the ```cpp blocks that contain `int main`. A comment on the line before a
// block says what the program needs; it does not show in the rendered page:
//
//   <!-- needs: keras -->                                           it links eigengru::keras
//   <!-- needs: file examples/sunspots/sunspots.keras as model.keras -->   a copy of that file in its working folder
//
// Several needs are separated by commas.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace eigengru_test {

struct ReadmeProgram {
    int line = 0;  // of the opening ```cpp
    std::string code;
    bool needs_keras = false;
    std::vector<std::pair<std::string, std::string>> files;  // path in the repository, name in the working folder
};

/// Reads one comma-separated list of needs into `program`. Throws: std::runtime_error for one it does not know.
inline void read_needs(const std::string& list, ReadmeProgram& program) {
    std::istringstream needs(list);
    for (std::string need; std::getline(needs, need, ',');) {
        std::istringstream words(need);
        std::string kind, path, as, name;
        words >> kind >> path >> as >> name;
        if (kind == "keras" && path.empty()) {
            program.needs_keras = true;
        } else if (kind == "file" && as == "as" && !name.empty()) {
            program.files.emplace_back(path, name);
        } else {
            throw std::runtime_error("README: needs 'keras' or 'file <path> as <name>', found '" + need + "'");
        }
    }
}

inline std::vector<ReadmeProgram> readme_programs(const std::string& markdown) {
    constexpr std::string_view kNeeds = "<!-- needs:";
    std::vector<ReadmeProgram> programs;
    std::istringstream lines(markdown);
    std::string line, before;
    for (int number = 1; std::getline(lines, line); ++number) {
        if (line != "```cpp") {
            if (!line.empty()) before = line;
            continue;
        }
        ReadmeProgram program;
        program.line = number;
        while (std::getline(lines, line) && line != "```") {
            ++number;
            program.code += line + "\n";
        }
        ++number;
        if (before.compare(0, kNeeds.size(), kNeeds) == 0)
            read_needs(before.substr(kNeeds.size(), before.rfind("-->") - kNeeds.size()), program);
        before.clear();
        if (program.code.find("int main") != std::string::npos) programs.push_back(program);
    }
    return programs;
}

}  // namespace eigengru_test

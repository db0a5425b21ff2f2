// SPDX-License-Identifier: MIT
// extract_readme REPOSITORY FOLDER: writes each program of README.md to FOLDER/line_<n>/main.cpp with the files that it
// needs beside it, and FOLDER/programs.txt with one line for each: its name, and "keras" or "plain".
#include "readme_programs.hpp"

#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

namespace {

void extract(const std::filesystem::path& repository, const std::filesystem::path& folder) {
    std::ifstream readme(repository / "README.md");
    if (!readme) throw std::runtime_error("there is no README.md in " + repository.string());
    const std::string markdown(std::istreambuf_iterator<char>(readme), {});
    const std::vector<eigengru_test::ReadmeProgram> programs = eigengru_test::readme_programs(markdown);
    if (programs.empty()) throw std::runtime_error("README.md has no ```cpp block with int main");

    std::filesystem::create_directories(folder);
    std::ofstream list(folder / "programs.txt");
    for (const eigengru_test::ReadmeProgram& program : programs) {
        const std::string name = "line_" + std::to_string(program.line);
        std::filesystem::create_directories(folder / name);
        std::ofstream(folder / name / "main.cpp") << program.code;
        for (const auto& [path, copy] : program.files)
            std::filesystem::copy_file(repository / path, folder / name / copy);
        list << name << ' ' << (program.needs_keras ? "keras" : "plain") << '\n';
    }
}

}  // namespace

int main(int argc, char** argv) {
    try {
        if (argc != 3) throw std::runtime_error("usage: extract_readme REPOSITORY FOLDER");
        extract(argv[1], argv[2]);
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}

// SPDX-License-Identifier: MIT
// Reads the .golden files of tests/golden (tests/golden/README.md describes the format), for every test that compares
// with numbers recorded from Keras. Standard library only.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace eigengru_test {

/// One named array: row-major values, exact as doubles whatever type the file stores (f4, f8, u1).
struct GoldenArray {
    std::string type;
    std::vector<std::size_t> dims;
    std::vector<double> values;

    /// The values as S; exact for float where the file stores f4.
    template <class S>
    [[nodiscard]] std::vector<S> as() const {
        std::vector<S> result;
        result.reserve(values.size());
        for (const double value : values) result.push_back(static_cast<S>(value));
        return result;
    }
};

/// One case: its options as text and its arrays by name. The lookups throw std::out_of_range naming case and key.
struct GoldenCase {
    std::string name;
    std::map<std::string, std::string, std::less<>> options;
    std::map<std::string, GoldenArray, std::less<>> arrays;

    [[nodiscard]] bool has_array(std::string_view key) const { return arrays.find(key) != arrays.end(); }
    [[nodiscard]] bool has_option(std::string_view key) const { return options.find(key) != options.end(); }

    [[nodiscard]] const GoldenArray& array(std::string_view key) const {
        const auto found = arrays.find(key);
        if (found == arrays.end()) throw std::out_of_range("golden case " + name + " has no array " + std::string(key));
        return found->second;
    }

    [[nodiscard]] const std::string& option(std::string_view key) const {
        const auto found = options.find(key);
        if (found == options.end())
            throw std::out_of_range("golden case " + name + " has no option " + std::string(key));
        return found->second;
    }

    /// Throws std::invalid_argument where the option is neither true nor false.
    [[nodiscard]] bool flag(std::string_view key) const {
        const std::string& text = option(key);
        if (text != "true" && text != "false") throw bad_option(key, "true or false");
        return text == "true";
    }

    [[nodiscard]] double number(std::string_view key) const {
        const std::string& text = option(key);
        std::size_t used = 0;
        double value = 0;
        try {
            value = std::stod(text, &used);
        } catch (const std::exception&) {
            used = 0;
        }
        if (used == 0 || used != text.size()) throw bad_option(key, "a number");
        return value;
    }

    [[nodiscard]] std::size_t size(std::string_view key) const {
        const double value = number(key);
        if (value < 0 || value > 1e15 || value != static_cast<double>(static_cast<std::size_t>(value))) {
            throw bad_option(key, "a whole number, not negative");
        }
        return static_cast<std::size_t>(value);
    }

    /// All options whose key starts with "prefix.", the rest of the key to its number: an activation's arguments.
    /// A true or false counts as 1 or 0.
    [[nodiscard]] std::map<std::string, double> numbers_below(const std::string& prefix) const {
        std::map<std::string, double> result;
        for (const auto& [key, text] : options) {
            if (!key.starts_with(prefix + ".")) continue;
            const bool is_flag = text == "true" || text == "false";
            result[key.substr(prefix.size() + 1)] = is_flag ? static_cast<double>(text == "true") : number(key);
        }
        return result;
    }

private:
    [[nodiscard]] std::invalid_argument bad_option(std::string_view key, const std::string& expected) const {
        return std::invalid_argument("golden case " + name + ", option " + std::string(key) + ": expected " + expected +
                                     ", received " + option(key));
    }
};

namespace golden_detail {

/// Walks through the bytes of one file; every failure is a std::runtime_error with file, byte and reason.
class GoldenReader {
public:
    GoldenReader(std::string path, std::string bytes) : path_(std::move(path)), bytes_(std::move(bytes)) {}

    [[nodiscard]] std::vector<GoldenCase> read() {
        if (line() != "eigengru-golden 1") fail("the first line is not 'eigengru-golden 1'");
        std::vector<GoldenCase> cases;
        while (position_ < bytes_.size()) cases.push_back(read_case());
        return cases;
    }

private:
    [[nodiscard]] GoldenCase read_case() {
        GoldenCase result;
        result.name = after("case ", line());
        for (std::string text = line(); text != "end"; text = line()) {
            if (text.starts_with("option ")) {
                read_option(text, result);
            } else {
                read_array(after("array ", text), result);
            }
        }
        return result;
    }

    void read_option(const std::string& text, GoldenCase& into) const {
        const std::string rest = after("option ", text);
        const std::size_t space = rest.find(' ');
        if (space == 0 || space == std::string::npos) fail("an option without a value: '" + text + "'");
        if (!into.options.emplace(rest.substr(0, space), rest.substr(space + 1)).second)
            fail("'" + text + "' is there twice");
    }

    void read_array(const std::string& text, GoldenCase& into) {
        std::vector<std::string> words;
        for (std::size_t start = 0; start <= text.size();) {
            const std::size_t stop = std::min(text.find(' ', start), text.size());
            words.push_back(text.substr(start, stop - start));
            start = stop + 1;
        }
        if (words.size() < 3) fail("an array needs name, type and number of dimensions: '" + text + "'");
        GoldenArray array;
        array.type = words[1];
        const std::size_t rank = whole_number(words[2]);
        if (rank != words.size() - 3) fail("the number of dimensions does not match: '" + text + "'");
        for (std::size_t axis = 0; axis < rank; ++axis) array.dims.push_back(whole_number(words[3 + axis]));
        read_values(text, array);
        if (!into.arrays.emplace(words[0], std::move(array)).second) fail("array " + words[0] + " is there twice");
    }

    void read_values(const std::string& text, GoldenArray& array) {
        const std::size_t width = array.type == "f8" ? 8 : array.type == "f4" ? 4 : array.type == "u1" ? 1 : 0;
        if (width == 0) fail("unknown type in '" + text + "', expected f4, f8 or u1");
        std::size_t count = 1;
        for (const std::size_t extent : array.dims) {
            if (extent != 0 && count > bytes_.size() / extent)
                fail("more values than the file has bytes: '" + text + "'");
            count *= extent;
        }
        const std::size_t left = bytes_.size() - position_;
        if (count > left / width || left - count * width == 0) fail("the file ends inside array '" + text + "'");
        array.values.reserve(count);
        for (std::size_t i = 0; i < count; ++i) array.values.push_back(value_at(position_ + i * width, width));
        position_ += count * width;
        if (bytes_[position_] != '\n') fail("no end of line after array '" + text + "'");
        ++position_;
    }

    // Byte by byte, so that the host's byte order does not matter.
    [[nodiscard]] double value_at(std::size_t at, std::size_t width) const {
        std::uint64_t bits = 0;
        for (std::size_t i = width; i-- > 0;) bits = (bits << 8U) | static_cast<unsigned char>(bytes_[at + i]);
        if (width == 8) return std::bit_cast<double>(bits);
        if (width == 4) return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
        return static_cast<double>(bits);
    }

    [[nodiscard]] std::string line() {
        const std::size_t stop = bytes_.find('\n', position_);
        if (stop == std::string::npos) fail("the file ends inside a case");
        std::string text = bytes_.substr(position_, stop - position_);
        position_ = stop + 1;
        return text;
    }

    [[nodiscard]] std::string after(const std::string& start, const std::string& text) const {
        if (!text.starts_with(start) || text.size() == start.size()) {
            fail("expected a line '" + start + "...', received '" + text.substr(0, 60) + "'");
        }
        return text.substr(start.size());
    }

    [[nodiscard]] std::size_t whole_number(const std::string& text) const {
        const bool is_short = !text.empty() && text.size() <= 9;
        if (!is_short || text.find_first_not_of("0123456789") != std::string::npos) fail("not a size: '" + text + "'");
        return static_cast<std::size_t>(std::stoul(text));
    }

    [[noreturn]] void fail(const std::string& reason) const {
        throw std::runtime_error(path_ + ", near byte " + std::to_string(position_) + ": " + reason);
    }

    std::string path_;
    std::string bytes_;
    std::size_t position_ = 0;
};

}  // namespace golden_detail

/// All cases of a file in their order. Throws std::runtime_error that names the file and what is wrong with it.
[[nodiscard]] inline std::vector<GoldenCase> load_golden(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error(path.string() + ": cannot be opened");
    std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    return golden_detail::GoldenReader(path.string(), std::move(bytes)).read();
}

/// Every *.golden file directly in a directory whose name starts with `prefix`, in the order of their names.
[[nodiscard]] inline std::vector<std::filesystem::path> golden_files(const std::filesystem::path& directory,
                                                                     std::string_view prefix = {}) {
    std::map<std::string, std::filesystem::path> found;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
        const std::string name = entry.path().filename().string();
        if (entry.path().extension() == ".golden" && name.starts_with(prefix)) found.emplace(name, entry.path());
    }
    std::vector<std::filesystem::path> paths;
    for (const auto& [name, path] : found) paths.push_back(path);
    return paths;
}

}  // namespace eigengru_test

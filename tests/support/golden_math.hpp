// SPDX-License-Identifier: MIT
// Golden cases as the types of math/: activations, regularizers, constraints, matrices, and the difference to them.
#pragma once

#include "eigengru/core/view.hpp"
#include "eigengru/math/activation.hpp"
#include "eigengru/math/constraint.hpp"
#include "eigengru/math/regularizer.hpp"
#include "support/golden.hpp"
#include "support/numbers.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace eigengru_test {

/// An activation by Keras's name with the arguments that stand below `key` in the case.
inline eigengru::Activation activation_of(const GoldenCase& golden, const std::string& key) {
    using eigengru::Activation;
    const std::string& name = golden.option(key);
    auto p = golden.numbers_below(key);
    if (p.empty()) return Activation(name);
    if (name == "relu") {
        eigengru::ReluOptions o{.negative_slope = p["negative_slope"], .threshold = p["threshold"]};
        if (p.contains("max_value")) o.max_value = p["max_value"];
        return Activation::relu(o);
    }
    if (name == "leaky_relu") return Activation::leaky_relu({.negative_slope = p.at("negative_slope")});
    if (name == "elu") return Activation::elu({.alpha = p.at("alpha")});
    if (name == "celu") return Activation::celu({.alpha = p.at("alpha")});
    if (name == "gelu") return Activation::gelu({.approximate = p.at("approximate") != 0.0});
    if (name == "soft_shrink") return Activation::soft_shrink({.threshold = p.at("threshold")});
    if (name == "hard_shrink") return Activation::hard_shrink({.threshold = p.at("threshold")});
    if (name == "threshold")
        return Activation::threshold({.threshold = p.at("threshold"), .default_value = p.at("default_value")});
    if (name == "squareplus") return Activation::squareplus({.b = p.at("b")});
    throw std::invalid_argument("golden case " + golden.name + ": arguments of \"" + name + "\" are not known here");
}

/// The regularizer that stands below `key` in the case; none where nothing does.
inline eigengru::Regularizer regularizer_of(const GoldenCase& golden, const std::string& key) {
    using eigengru::Regularizer;
    if (!golden.has_option(key)) return {};
    const std::string& kind = golden.option(key);
    if (kind == "orthogonal") {
        if (!golden.has_option(key + ".factor")) return Regularizer::orthogonal();
        const double factor = golden.number(key + ".factor");
        return Regularizer::orthogonal({.factor = factor, .mode = golden.option(key + ".mode")});
    }
    const auto p = golden.numbers_below(key);
    if (kind == "l1") return p.empty() ? Regularizer::l1() : Regularizer::l1(p.at("l1"));
    if (kind == "l2") return p.empty() ? Regularizer::l2() : Regularizer::l2(p.at("l2"));
    eigengru::L1L2Options o;
    if (p.contains("l1")) o.l1 = p.at("l1");
    if (p.contains("l2")) o.l2 = p.at("l2");
    if (kind == "l1_l2") return Regularizer::l1_l2(o);
    throw std::invalid_argument("golden case " + golden.name + ": regularizer \"" + kind + "\" is not known here");
}

/// The axes that stand at `key`, one or two numbers; 0 where nothing does.
inline eigengru::Axes axes_of(const GoldenCase& golden, const std::string& key) {
    if (!golden.has_option(key)) return 0;
    std::istringstream text(golden.option(key));
    std::vector<int> axes;
    for (int axis = 0; text >> axis;) axes.push_back(axis);
    return eigengru::Axes(std::span<const int>(axes));
}

/// The constraint that stands below `key` in the case.
inline eigengru::Constraint constraint_of(const GoldenCase& golden, const std::string& key) {
    using eigengru::Constraint;
    const std::string& kind = golden.option(key);
    const eigengru::Axes axis = axes_of(golden, key + ".axis");
    const auto set = [&](const std::string& name, double& value) {
        if (golden.has_option(key + name)) value = golden.number(key + name);
    };
    if (kind == "non_neg") return Constraint::non_neg();
    if (kind == "unit_norm") return Constraint::unit_norm({.axis = axis});
    if (kind == "max_norm") {
        eigengru::MaxNormOptions o{.axis = axis};
        set(".max_value", o.max_value);
        return Constraint::max_norm(o);
    }
    if (kind == "min_max_norm") {
        eigengru::MinMaxNormOptions o{.axis = axis};
        set(".min_value", o.min_value);
        set(".max_value", o.max_value);
        set(".rate", o.rate);
        return Constraint::min_max_norm(o);
    }
    throw std::invalid_argument("golden case " + golden.name + ": constraint \"" + kind + "\" is not known here");
}

/// A recorded matrix (or vector, as one row) as an Eigen matrix.
template <class S>
eigengru::RowMatrix<S> matrix_of(const GoldenArray& array) {
    const auto extent = [&](std::size_t axis) { return static_cast<eigengru::Index>(array.dims.at(axis)); };
    const std::vector<S> values = array.as<S>();
    if (array.dims.size() == 1) return eigengru::MatrixView<const S>(values.data(), 1, extent(0)).map();
    return eigengru::MatrixView<const S>(values.data(), extent(0), extent(1)).map();
}

/// The largest difference to what was recorded, relative to max(1, the largest recorded value); infinite for NaN or
/// another size.
template <class S>
double relative_difference(const GoldenArray& expected, const S* received, std::size_t size) {
    if (expected.values.size() != size) return kInfinity;
    double largest = 0.0;
    double scale = 1.0;
    for (std::size_t i = 0; i < size; ++i) {
        const double difference = std::abs(expected.values[i] - static_cast<double>(received[i]));
        if (!(difference <= largest)) largest = std::isnan(difference) ? kInfinity : difference;
        scale = std::max(scale, std::abs(expected.values[i]));
    }
    return largest / scale;
}

}  // namespace eigengru_test

// SPDX-License-Identifier: MIT
// AnyGru: a Gru whose reset mode is known only at run time, as when it comes from a file.
#pragma once

#include "eigengru/layer/gru.hpp"

#include <utility>
#include <variant>

namespace eigengru::inline EIGENGRU_ABI {

/// A Gru<S, true> or a Gru<S, false>. The calls that do not depend on which stand here; `visit` reaches the rest:
///
///     AnyGru<float> gru = io::load_any_gru<float>("model.keras");
///     gru.visit([](auto& layer) { layer.prepare(1, 100); });
template <RealScalar S>
class AnyGru {
public:
    using Scalar = S;

    AnyGru(Gru<S, true> gru) : gru_(std::move(gru)) {}
    AnyGru(Gru<S, false> gru) : gru_(std::move(gru)) {}

    /// By configuration: config.reset_after decides. Throws: ShapeError, OptionError.
    explicit AnyGru(const GruConfig& config) : gru_(make(config)) {}

    [[nodiscard]] bool reset_after() const { return std::holds_alternative<Gru<S, true>>(gru_); }

    /// Calls `f` with the layer itself.
    template <class F>
    decltype(auto) visit(F&& f) {
        return std::visit(std::forward<F>(f), gru_);
    }
    template <class F>
    decltype(auto) visit(F&& f) const {
        return std::visit(std::forward<F>(f), gru_);
    }

    /// The layer where it has that reset mode, nullptr otherwise.
    template <bool ResetAfter>
    [[nodiscard]] Gru<S, ResetAfter>* get_if() EIGENGRU_LIFETIMEBOUND {
        return std::get_if<Gru<S, ResetAfter>>(&gru_);
    }

    Output<S> operator()(SequenceView<const S> inputs, const CallOptions<S>& call = {}) {
        return visit([&](auto& gru) { return gru(inputs, call); });
    }
    [[nodiscard]] Index features() const {
        return visit([](const auto& gru) { return gru.features(); });
    }
    [[nodiscard]] Index units() const { return options().units; }
    [[nodiscard]] const GruOptions& options() const {
        return visit([](const auto& gru) -> const GruOptions& { return gru.options(); });
    }
    [[nodiscard]] GruConfig config() const {
        return visit([](const auto& gru) { return gru.config(); });
    }
    [[nodiscard]] std::vector<RowMatrix<S>> get_weights() const {
        return visit([](const auto& gru) { return gru.get_weights(); });
    }
    void set_weights(const std::vector<RowMatrix<S>>& weights) {
        visit([&](auto& gru) { gru.set_weights(weights); });
    }
    void reset_state() {
        visit([](auto& gru) { gru.reset_state(); });
    }

private:
    using Variant = std::variant<Gru<S, true>, Gru<S, false>>;

    static Variant make(const GruConfig& config) {
        if (config.reset_after) return Gru<S, true>(config.features, config.options);
        return Gru<S, false>(config.features, config.options);
    }

    Variant gru_;
};

}  // namespace eigengru::inline EIGENGRU_ABI

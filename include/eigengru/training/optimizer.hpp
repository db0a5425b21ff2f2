// SPDX-License-Identifier: MIT
// Optimizer: moves the weights of a model along their gradients, by one of Keras's recipes.
#pragma once

#include "eigengru/training/optimizer_update.hpp"

#include <span>
#include <variant>

namespace eigengru::inline EIGENGRU_ABI {

/// What an optimiser remembers of every weight, under Keras's name, in the order of the weights.
template <RealScalar S>
struct OptimizerSlot {
    std::string_view name;
    VectorMap<const S> values;
};

/// Moves weights along their gradients. A regular value, made from a recipe:
///
///     Optimizer<float> optimizer = Adam{.learning_rate = 1e-3};
///     optimizer.step(model, gradients);
///
/// A step does what Keras does, in its order, with each trainable variable: its gradient g is clipped, the variable
/// decays, w = w - w weight_decay learning_rate, the recipe's equation moves it, and the constraints project it.
/// Variables that are not trainable count nowhere, not in the norms either, and their slots stay.
///
/// Invariant: the recipe is in its ranges; slots are empty or have one element for each weight.
/// Differs from Keras: what depends on the step or the recipe alone is computed in double, then rounded to the scalar.
template <RealScalar S>
class Optimizer {
public:
    using Scalar = S;
    using Recipe = std::variant<SGD, RMSprop, Adam, AdamW>;

    /// Throws: OptionError for what is out of range, and when more than one way to clip is given.
    template <OptimizerRecipe R>
    Optimizer(const R& recipe) : recipe_(recipe) {
        detail::check_recipe(recipe);
        slots_.resize(slot_names().size());
    }

    [[nodiscard]] const Recipe& recipe() const { return recipe_; }

    /// Steps done so far.
    [[nodiscard]] std::int64_t iterations() const { return iterations_; }

    /// The rate of the next step.
    [[nodiscard]] double learning_rate() const {
        return std::visit([&](const auto& o) { return o.learning_rate.at(iterations_); }, recipe_);
    }

    /// One step. `gradients` is one flat vector with an element for each weight of the model, in its order; it stays as
    /// it is. The model has count_params(), update_variables(f), which calls f with each Variable<S> in order, and
    /// apply_constraints(). The first step allocates the slots, later ones allocate nothing.
    /// Throws: ShapeError when the sizes do not fit, and nothing has changed.
    template <class Model, class D>
    void step(Model& model, const Eigen::MatrixBase<D>& gradients) {
        static_assert(std::is_same_v<typename D::Scalar, S>,
                      "eigengru: these gradients have another scalar type; write gradients.cast<Scalar>().eval()");
        const VectorMap<const S> flat = detail::flat_vector(gradients);
        detail::check_gradient_count("Optimizer::step", model, flat.size());
        prepare(flat.size());
        std::visit([&](const auto& recipe) { update(model, flat, recipe); }, recipe_);
        model.apply_constraints();
        ++iterations_;
    }

    /// The slots by Keras's names, in its order, empty before the first step; for a checkpoint.
    [[nodiscard]] std::vector<OptimizerSlot<S>> slots() const EIGENGRU_LIFETIMEBOUND {
        const std::vector<std::string_view> names = slot_names();
        std::vector<OptimizerSlot<S>> result;
        for (std::size_t i = 0; i < names.size(); ++i)
            result.push_back({names[i], {slots_[i].data(), slots_[i].size()}});
        return result;
    }

    /// Goes on where another optimiser of this recipe stood: `slots` are copied.
    /// Throws: OptionError for iterations below 0 and for other slots than slots() has; ShapeError when their sizes
    /// differ, or are 0 after the first step. Then nothing has changed.
    void restore(std::int64_t iterations, std::span<const OptimizerSlot<S>> slots) {
        check_restored(iterations, slots);
        std::vector<Vector> restored;
        for (const OptimizerSlot<S>& slot : slots) restored.emplace_back(slot.values);
        slots_ = std::move(restored);
        iterations_ = iterations;
    }

private:
    using Vector = Eigen::Matrix<S, Eigen::Dynamic, 1>;

    [[nodiscard]] std::vector<std::string_view> slot_names() const {
        return std::visit([](const auto& recipe) { return detail::slot_names(recipe); }, recipe_);
    }

    void prepare(Index count) {
        for (const Vector& slot : slots_)
            if (slot.size() != 0 && slot.size() != count)
                EIGENGRU_THROW(ShapeError, "Optimizer::step: the slots were made for ", slot.size(),
                               " weights, received a model of ", count);
        for (Vector& slot : slots_)
            if (slot.size() != count) slot.setZero(count);
    }

    template <class Model, OptimizerRecipe R>
    void update(Model& model, VectorMap<const S> gradients, const R& recipe) {
        const double rate = learning_rate();
        const auto rule = detail::update_rule<S>(recipe, rate, iterations_ + 1);
        const double norm = recipe.global_clipnorm ? global_norm(model, gradients) : 0.0;
        const detail::GradientClip<S> clip(detail::clipping_of(recipe), norm);
        const S decay = static_cast<S>(detail::weight_decay_of(recipe).value_or(0.0) * rate);
        Index offset = 0;
        model.update_variables([&](const Variable<S>& variable) {
            const Index size = variable.values.size();
            std::array<S*, detail::kMostSlots> slots{};
            for (std::size_t i = 0; i < slots_.size(); ++i) slots[i] = slots_[i].data() + offset;
            const VectorMap<const S> gradient(gradients.data() + offset, size);
            if (variable.is_trainable) detail::update_weight<S>(variable.values, gradient, slots, clip, decay, rule);
            offset += size;
        });
    }

    void check_restored(std::int64_t iterations, std::span<const OptimizerSlot<S>> slots) const {
        if (iterations < 0)
            EIGENGRU_THROW(OptionError, "Optimizer::restore: iterations expected at least 0, received ", iterations);
        const std::vector<std::string_view> names = slot_names();
        std::vector<std::string_view> received;
        for (const OptimizerSlot<S>& slot : slots) received.push_back(slot.name);
        if (received != names)
            EIGENGRU_THROW(OptionError, "Optimizer::restore: expected the slots ", detail::quoted_list(names),
                           ", received ", detail::quoted_list(received));
        for (const OptimizerSlot<S>& slot : slots) {
            const Index size = slot.values.size();
            if (size != slots.front().values.size())
                EIGENGRU_THROW(ShapeError, "Optimizer::restore: slot \"", slot.name, "\" expected ",
                               slots.front().values.size(), " elements, as the first one, received ", size);
            if (size == 0 && iterations > 0)
                EIGENGRU_THROW(ShapeError, "Optimizer::restore: slot \"", slot.name,
                               "\" expected the weights' number of elements after ", iterations,
                               " iterations, received 0");
        }
    }

    Recipe recipe_;
    std::int64_t iterations_ = 0;
    std::vector<Vector> slots_;
};

}  // namespace eigengru::inline EIGENGRU_ABI

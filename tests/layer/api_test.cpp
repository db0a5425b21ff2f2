// SPDX-License-Identifier: MIT
// The interface as users write it: every natural way to give an argument compiles and means the same.
#include "eigengru/layer/any_gru.hpp"
#include "eigengru/layer/sequential.hpp"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <numeric>
#include <span>

namespace {

using namespace eigengru;

constexpr Shape3 kShape(2, 3, 4);

/// A layer of 4 features and 3 units, and 24 numbers in every kind of memory.
class Api : public testing::Test {
protected:
    Api() { std::iota(vector.begin(), vector.end(), 0.0f); }

    void expect_same(SequenceView<const float> inputs) { EXPECT_EQ(layer(inputs).last, expected()); }
    void expect_masked(const CallOptions<float>& call) {
        EXPECT_EQ(layer(SequenceView(vector, kShape), call).last, expected({.lengths = {3, 1}}));
    }
    RowMatrix<float> expected(const CallOptions<float>& call = {}) {
        return layer(SequenceView<const float>(vector.data(), kShape), call).last;
    }

    Gru<float> layer{4, {.units = 3}};
    std::vector<float> vector = std::vector<float>(24);
};

// Inputs

TEST_F(Api, InputsFromAPointer) {
    expect_same({vector.data(), {2, 3, 4}});
    const float* constant = vector.data();
    expect_same(SequenceView<const float>(constant, {2, 3, 4}));
    expect_same(SequenceView<float>(vector.data(), kShape));
}

TEST_F(Api, InputsFromMixedIntegers) {
    const std::size_t batch = 2;
    const int time = 3;
    expect_same({vector.data(), {batch, time, 4L}});
    expect_same({vector.data(), {2, vector.size() / 8, 4}});
}

TEST_F(Api, InputsFromAVectorAnArrayAndASpan) {
    expect_same({vector, {2, 3, 4}});
    expect_same(SequenceView(vector, {2, 3, 4}));
    std::array<float, 24> array{};
    std::copy(vector.begin(), vector.end(), array.begin());
    expect_same({array, {2, 3, 4}});
    expect_same({std::span<const float>(vector), {2, 3, 4}});
    expect_same({std::span(vector), {2, 3, 4}});
}

TEST_F(Api, InputsFromATemporary) {
    EXPECT_EQ(layer(SequenceView<const float>(std::vector<float>(vector), {2, 3, 4})).last, expected());
}

TEST_F(Api, InputsWithStrides) {
    std::vector<float> wide(2 * 40, 99.0f);
    const SequenceView<float> apart(wide.data(), {2, 3, 4}, {40, 6});
    for (Index b = 0; b < 2; ++b)
        for (Index t = 0; t < 3; ++t)
            for (Index f = 0; f < 4; ++f) apart(b, t, f) = vector[static_cast<std::size_t>((b * 3 + t) * 4 + f)];
    expect_same(apart);
}

TEST_F(Api, InputsFromASequence) {
    Sequence<float> sequence({2, 3, 4});
    std::copy(vector.begin(), vector.end(), sequence.data());
    expect_same(sequence);
    expect_same(sequence.view());
    EXPECT_EQ(layer(sequence).last, expected());
}

TEST_F(Api, AMatrixIsOneSequence) {
    const RowMatrix<float> matrix = RowMatrix<float>::Random(7, 4);
    const Eigen::Map<const RowMatrix<float>> map(matrix.data(), 7, 4);
    const Eigen::Matrix<float, 7, 4, Eigen::RowMajor> fixed = matrix;
    const RowMatrix<float> wide = (RowMatrix<float>(7, 6) << matrix, RowMatrix<float>::Zero(7, 2)).finished();
    const RowMatrix<float> last = layer(matrix).last;
    EXPECT_EQ(layer(map).last, last);
    EXPECT_EQ(layer(fixed).last, last);
    EXPECT_EQ(layer(wide.leftCols(4)).last, last);
    EXPECT_EQ(layer((2.0f * matrix / 2.0f).eval()).last, last);
}

TEST_F(Api, AVectorIsASequenceInItsOwnOrientation) {
    Gru<float> scalar(1, {.units = 3});
    const Eigen::VectorXf series = Eigen::VectorXf::LinSpaced(7, 0.0f, 1.0f);
    const RowMatrix<float> column = series;
    EXPECT_EQ(scalar(series).last, scalar(column).last);
    const Eigen::RowVectorXf one_step = Eigen::RowVectorXf::Ones(4);
    EXPECT_EQ(layer(one_step).last.rows(), 1);
}

// Options of a call

TEST_F(Api, CallOptionsMayBeLeftOutOrEmpty) {
    EXPECT_EQ(layer(SequenceView(vector, kShape), {}).last, expected());
    EXPECT_EQ(layer(SequenceView(vector, kShape), CallOptions<float>()).last, expected());
    EXPECT_EQ(layer(SequenceView(vector, kShape), {.mask = {}, .lengths = {}, .initial_state = {}}).last, expected());
}

TEST_F(Api, MasksFromEveryKindOfMemory) {
    const bool plain[6] = {true, true, true, true, false, false};
    const std::array<bool, 6> bools{true, true, true, true, false, false};
    const std::vector<unsigned char> bytes{1, 1, 1, 1, 0, 0};
    const std::vector<std::uint8_t> other{255, 1, 7, 1, 0, 0};
    const std::unique_ptr<bool[]> owned(new bool[6]{true, true, true, true, false, false});
    expect_masked({.mask = MaskView(plain, 2, 3)});
    expect_masked({.mask = {plain, 2, 3}});
    expect_masked({.mask = {bools, 2, 3}});
    expect_masked({.mask = {bytes, 2, 3}});
    expect_masked({.mask = {other, 2, 3}});
    expect_masked({.mask = {bytes.data(), 2U, 3L}});
    expect_masked({.mask = {owned.get(), 2, 3}});
    expect_masked({.mask = {std::span(bytes), 2, 3}});
}

TEST_F(Api, MasksFromEigen) {
    const Eigen::Array<bool, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> array =
        (Mask(2, 3) << true, true, true, true, false, false).finished();
    const Mask wide = (Mask(2, 5) << array, array.leftCols(2)).finished();
    expect_masked({.mask = array});
    expect_masked({.mask = wide.leftCols(3)});
    expect_masked({.mask = Eigen::Map<const Mask>(array.data(), 2, 3)});
}

TEST_F(Api, LengthsFromEveryKindOfList) {
    const std::vector<int> ints{3, 1};
    const std::vector<Index> indices{3, 1};
    const std::array<short, 2> shorts{3, 1};
    const long longs[2] = {3, 1};
    expect_masked({.lengths = {3, 1}});
    expect_masked({.lengths = ints});
    expect_masked({.lengths = indices});
    expect_masked({.lengths = shorts});
    expect_masked({.lengths = longs});
    expect_masked({.lengths = {ints.data(), 2}});
    expect_masked({.lengths = std::span(ints)});
    expect_masked({.lengths = std::vector<int>{3, 1}});
}

TEST_F(Api, InitialStateFromEveryKindOfMatrix) {
    const RowMatrix<float> h0 = RowMatrix<float>::Random(2, 3);
    const RowMatrix<float> wide = (RowMatrix<float>(2, 4) << h0, RowMatrix<float>::Zero(2, 1)).finished();
    const std::vector<float> numbers(h0.data(), h0.data() + 6);
    const Eigen::Matrix<float, 2, 3, Eigen::RowMajor> fixed = h0;
    const RowMatrix<float> last = expected({.initial_state = h0});
    EXPECT_EQ(expected({.initial_state = wide.leftCols(3)}), last);
    EXPECT_EQ(expected({.initial_state = {numbers.data(), 2, 3}}), last);
    EXPECT_EQ(expected({.initial_state = fixed}), last);
    EXPECT_EQ(expected({.initial_state = (h0 * 1.0f).eval()}), last);
}

TEST_F(Api, OutputsIntoEveryKindOfMemory) {
    std::vector<float> numbers(6);
    RowMatrix<float> wide(2, 8);
    Output<float> y{Sequence<float>(), RowMatrix<float>(2, 3), RowMatrix<float>(2, 3)};
    layer.call({vector, kShape}, {}, {.last = {numbers.data(), 2, 3}, .state = wide.middleCols(1, 3)});
    layer.call(SequenceView(vector, kShape), {}, {.last = y.last, .state = y.state});
    EXPECT_EQ(Eigen::Map<RowMatrix<float>>(numbers.data(), 2, 3), expected());
    EXPECT_EQ(wide.middleCols(1, 3), y.state);
}

TEST_F(Api, RowsToResetFromEveryKindOfList) {
    Gru<float> stateful(4, {.units = 3, .stateful = true});
    stateful(SequenceView(vector, kShape));
    stateful.reset_state();
    stateful.reset_state({0, 1});
    stateful.reset_state(std::vector<int>{1});
    EXPECT_EQ(stateful.state().cwiseAbs().maxCoeff(), 0.0f);
}

// Making layers

Gru<float> made_by_return() {
    return {8, {.units = 4, .return_sequences = true}};
}

TEST(ApiOfLayers, AreMadeInEveryWay) {
    std::vector<Gru<float>> stack;
    stack.push_back({8, {.units = 4}});
    stack.emplace_back(4, GruOptions{.units = 2});
    const Gru<double, false> before(8, {.units = 4});
    const Gru deduced(8, {.units = 4});
    static_assert(std::is_same_v<decltype(deduced), const Gru<float, true>>);
    EXPECT_EQ(stack.size(), 2U);
    EXPECT_EQ(before.units(), 4);
    EXPECT_EQ(made_by_return().units(), 4);
}

TEST(ApiOfLayers, ActivationsByNameByFactoryAndOwn) {
    const std::string name = "relu";
    const GruOptions a{.units = 4, .activation = name};
    const GruOptions b{.units = 4, .activation = std::string_view("relu")};
    const GruOptions c{.units = 4, .activation = Activation::relu()};
    const GruOptions none{.units = 4, .activation = {}};
    EXPECT_EQ(a, b);
    EXPECT_EQ(b, c);
    EXPECT_EQ(none.activation, Activation("linear"));
}

TEST(ApiOfLayers, UseCudnnTakesBoolAndName) {
    EXPECT_TRUE((GruOptions{.units = 4, .use_cudnn = true}).use_cudnn.is_always());
    EXPECT_TRUE((GruOptions{.units = 4, .use_cudnn = "auto"}).use_cudnn.is_auto());
}

TEST(ApiOfLayers, WeightsAreSetInEveryWay) {
    Gru<float> layer(2, {.units = 1});
    const RowMatrix<float> kernel = RowMatrix<float>::Ones(2, 3), recurrent = RowMatrix<float>::Ones(1, 3);
    const std::vector<float> bias(6, 0.5f);
    layer.set_weights({kernel, recurrent, {bias.data(), 2, 3}});
    layer.set_weights({kernel, recurrent, RowMatrix<float>::Zero(2, 3).eval()});
    layer.set_weights(layer.get_weights());
    layer.set_weights(std::vector<RowMatrix<float>>{kernel, recurrent, RowMatrix<float>::Ones(2, 3)});
    EXPECT_EQ(layer.parameters().flat().minCoeff(), 1.0f);
}

TEST(ApiOfLayers, UpdatesNameTheirParameter) {
    Gru<float> layer(2, {.units = 1});
    layer.update_parameters([](auto& p) { p.kernel() *= 2.0f; });
    layer.update_parameters([](ParameterUpdate<float, true>& p) { p.flat().setZero(); });
    layer.update_parameters([](auto&& p) { p.recurrent_kernel().setOnes(); });
    EXPECT_EQ(layer.parameters().flat().sum(), 3.0f);
}

TEST(ApiOfLayers, BothModesServeTheSameCode) {
    const auto last_of = [](auto& layer) {
        Output<double> y = layer(RowMatrix<double>::Ones(3, 2).eval());
        const CallOptions<double> call{.training = true};
        return layer(RowMatrix<double>::Ones(3, 2).eval(), call).last == y.last;
    };
    Gru<double, true> after(2, {.units = 2});
    Gru<double, false> before(2, {.units = 2});
    EXPECT_TRUE(last_of(after));
    EXPECT_TRUE(last_of(before));
}

TEST(ApiOfLayers, ModelsAreMadeOfListsAndVectors) {
    std::vector<Sequential<float>::Layer> layers;
    layers.push_back(Masking<float>());
    layers.push_back(Gru<float, false>(4, {.units = 3}));
    layers.push_back(Dense<float>(3, {.units = 1}));
    Sequential<float> a(layers), b(std::move(layers));
    Sequential<float> c({Gru<float>(4, {.units = 3}), ActivationLayer<float>({.activation = "relu"})});
    EXPECT_EQ(a.predict(Sequence<float>({1, 2, 4})).shape(), b.predict(Sequence<float>({1, 2, 4})).shape());
    EXPECT_EQ(c.layers().size(), 2U);
}

TEST(ApiOfLayers, BidirectionalIsCalledAsAGru) {
    Bidirectional both(4, {.units = 3, .return_sequences = true});
    Bidirectional<double, false> own(
        4, {.units = 3}, {.merge = Merge::sum, .backward = GruOptions{.units = 3, .go_backwards = true}, .name = "b"});
    const Sequence<float> x({2, 5, 4});
    const std::vector<unsigned char> mask(10, 1);
    const RowMatrix<float> h0 = RowMatrix<float>::Zero(2, 3);
    BidirectionalOutput<float> y = both(x, {.mask = {mask, 2, 5}, .initial_state_forward = h0, .training = true});
    EXPECT_EQ(y.sequences.shape(), Shape3(2, 5, 6));
    EXPECT_EQ(y.backward.state.cols(), 3);
    const BidirectionalCallOptions<double> call{.lengths = {3}};
    EXPECT_EQ(own(RowMatrix<double>::Ones(3, 4).eval(), call).last.cols(), 3);
    BidirectionalTape<float> tape;
    y = both.forward(x, {}, tape);
    EXPECT_EQ(both.backward(tape, {.sequences = y.sequences}).inputs.shape(), x.shape());
}

TEST(ApiOfLayers, ModelOfEveryLayerIsAList) {
    Sequential<float> model({Embedding<float>({.input_dim = 9, .output_dim = 4, .mask_zero = true}),
                             Bidirectional<float>(4, {.units = 3, .return_sequences = true}),
                             BatchNormalization<float>(6), LayerNormalization<float>(6, {.epsilon = 1e-6}),
                             Gru<float>(6, {.units = 3}), Dense<float>(3, {.units = 1})});
    EXPECT_EQ(model.predict(Sequence<float>({2, 5, 1})).shape(), Shape3(2, 1, 1));
    Embedding<float> embedding({.input_dim = 9, .output_dim = 4});
    EXPECT_EQ(embedding({1, 2, 8}, 1, 3).shape(), Shape3(1, 3, 4));
}

TEST(ApiOfLayers, StreamsOfModelsNeedNoTypes) {
    Sequential<float> model({Gru<float>(4, {.units = 3}), Dense<float>(3, {.units = 2})});
    ModelStream stream(model);
    const std::vector<float> x(4);
    std::vector<float> y(2);
    stream.step(x, y);
    EXPECT_TRUE(stream.step(x.data(), y.data()));
    ModelStream<float> many(model, {.rows = 8});
    EXPECT_EQ(many.rows(), 8);
}

// What must not convert silently

TEST(ApiOfViews, RefuseWhatIsNotMeant) {
    static_assert(!std::is_convertible_v<std::nullptr_t, Activation>);
    static_assert(!std::is_convertible_v<std::nullptr_t, Initializer>);
    static_assert(!std::is_convertible_v<std::nullptr_t, Regularizer>);
    static_assert(!std::is_convertible_v<std::nullptr_t, Constraint>);
    static_assert(!std::is_convertible_v<MatrixView<const float>, MatrixView<float>>);
    static_assert(!std::is_convertible_v<SequenceView<const float>, SequenceView<float>>);
    static_assert(!std::is_convertible_v<std::vector<unsigned>, IndexListView>);
    static_assert(!std::is_convertible_v<int, Sequence<float>>);
    SUCCEED();
}

}  // namespace

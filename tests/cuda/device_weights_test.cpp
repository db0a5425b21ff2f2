// SPDX-License-Identifier: MIT
#include "eigengru/cuda/device_weights.hpp"

#include "support/cuda_fake.hpp"
#include "support/modes.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace eigengru_test::device_weights_test {
namespace {

using namespace eigengru;
using namespace eigengru::detail;
using eigengru_test::CudaFake;

constexpr Index kFeatures = 3, kUnits = 2;

/// Blocks in an order of their own, with gaps.
template <class S>
WeightPlaces some_places() {
    WeightPlaces places;
    std::size_t at = sizeof(S);
    for (const std::size_t i : {4U, 0U, 5U, 2U, 1U, 3U}) {
        places.biases[i] = at;
        at += sizeof(S) * (std::size_t(kUnits) + 1);
        places.matrices[i] = at;
        at += sizeof(S) * std::size_t((i < 3 ? kFeatures : kUnits) * kUnits);
    }
    places.bytes = at;
    return places;
}

template <class S>
struct Weights {
    Weights() { weights.flat().setRandom(); }
    [[nodiscard]] StepFunction<S> function() const {
        return {weights.kernel(), weights.recurrent_kernel(), weights.bias(), tanh, sigmoid};
    }

    GruWeights<S> weights{kFeatures, kUnits, 2};
    Activation tanh = "tanh", sigmoid = "sigmoid";
};

template <class S>
class PackWeights : public testing::Test {};
TYPED_TEST_SUITE(PackWeights, eigengru_test::Scalars, );

TYPED_TEST(PackWeights, UnpackedAreWhatTheyWere) {
    const Weights<TypeParam> w;
    const WeightPlaces places = some_places<TypeParam>();
    std::vector<TypeParam> block(places.bytes / sizeof(TypeParam), TypeParam(7));
    pack_weights(w.function(), places, reinterpret_cast<char*>(block.data()));
    EXPECT_EQ(block[0], TypeParam(0));  // a gap
    GruWeights<TypeParam> back(kFeatures, kUnits, 2);
    unpack_weights(reinterpret_cast<const char*>(block.data()), places, back);
    EXPECT_EQ(back.flat(), w.weights.flat());
}

TYPED_TEST(PackWeights, RowsAreUnitsAndGatesAreInTheOrderOfCudnn) {
    const Weights<TypeParam> w;
    const WeightPlaces places = some_places<TypeParam>();
    std::vector<TypeParam> block(places.bytes / sizeof(TypeParam));
    pack_weights(w.function(), places, reinterpret_cast<char*>(block.data()));
    const auto at = [&](std::size_t place, Index i) { return block[place / sizeof(TypeParam) + std::size_t(i)]; };
    // Linear layer 0 is the reset gate of the inputs, 4 the update gate of the state, 5 its candidate.
    EXPECT_EQ(at(places.matrices[0], 1 * kFeatures + 2), w.weights.kernel()(2, kUnits + 1));
    EXPECT_EQ(at(places.matrices[4], 1 * kUnits + 0), w.weights.recurrent_kernel()(0, 1));
    EXPECT_EQ(at(places.biases[0], 1), w.weights.bias()(0, kUnits + 1));
    EXPECT_EQ(at(places.biases[5], 1), w.weights.bias()(1, 2 * kUnits + 1));
}

TEST(DeviceWeights, AreSentWhenVersionOrPlacesHaveChangedOrMayHave) {
    const CudaFake fake;
    const CudnnContext context(cuda_functions());
    const Weights<float> w;
    DeviceWeights<float> on_device;
    const auto uploads_after = [&](std::uint64_t version, bool is_changing, const WeightPlaces& places) {
        StreamScope scope(context.functions(), context.stream());
        on_device.refresh(context, places, {w.function(), version, is_changing});
        scope.wait();
        on_device.confirm();
        return on_device.uploads();
    };
    WeightPlaces places = some_places<float>();
    EXPECT_EQ(uploads_after(1, false, places), 1U);
    EXPECT_EQ(uploads_after(1, false, places), 1U);
    EXPECT_EQ(uploads_after(2, false, places), 2U);
    EXPECT_EQ(uploads_after(2, true, places), 3U);
    EXPECT_EQ(uploads_after(2, true, places), 4U);
    places.bytes += 4;
    EXPECT_EQ(uploads_after(2, false, places), 5U);
}

TEST(DeviceWeights, AreSentAgainUntilTheirArrivalIsConfirmed) {
    const CudaFake fake;
    const CudnnContext context(cuda_functions());
    const Weights<float> w;
    DeviceWeights<float> on_device;
    for (int i = 0; i < 2; ++i) {
        StreamScope scope(context.functions(), context.stream());
        on_device.refresh(context, some_places<float>(), {w.function(), 1, false});
        scope.wait();
    }
    EXPECT_EQ(on_device.uploads(), 2U);
}

}  // namespace
}  // namespace eigengru_test::device_weights_test

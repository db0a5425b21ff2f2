// SPDX-License-Identifier: MIT
// Models and layers from the files of Keras, 2 and 3, and back: all of them, for users.
// Needs eigengru::keras (libzip, nlohmann-json); the umbrella header does not include it.
//
//     Sequential<float> model = io::load_model<float>("model.keras");     // or a folder, or an .h5 file
//     Gru<float> gru = io::load_gru<float>("model.keras", "gru");
//     io::load_weights(model, "model.weights.h5");
//
// Every error in a file is a FormatError that names it, and leaves what was there as it was. Damage inside a member of
// a .keras file is always found, by the checksums of the zip archive. A bare .h5 file has none: damage that leaves its
// structure whole gives other numbers, which no reader can notice.
#pragma once

#include "eigengru/io/keras_load.hpp"
#include "eigengru/io/keras_load_weights.hpp"
#include "eigengru/io/keras_save.hpp"
#include "eigengru/io/load_model.hpp"

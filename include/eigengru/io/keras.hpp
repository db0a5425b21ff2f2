// SPDX-License-Identifier: MIT
// Models and layers from the files of Keras, 2 and 3, and back: all of them, for users.
// Needs eigengru::keras (libzip, nlohmann-json); the umbrella header does not include it.
//
//     Sequential<float> model = io::load_model<float>("model.keras");     // or a folder, or an .h5 file
//     Gru<float> gru = io::load_gru<float>("model.keras", "gru");
//     io::load_weights(model, "model.weights.h5");
//     io::save_model(model, "copy.keras");                                // Keras 3 opens it
//     io::save_weights(model, "copy.weights.h5");
//
// Every error in a file is a FormatError that names it, and leaves what was there as it was. Damage inside a member of
// a .keras file is always found, by the checksums of the zip archive. A bare .h5 file has none: damage that leaves its
// structure whole gives other numbers, which no reader can notice.
//
// What a file may ask for is limited, so that a small one cannot take all memory: 2 GiB for a file and a member of an
// archive (above 16 MiB not more than 16 times what it is when compressed), 4 MiB of JSON that nests 64 deep, 1000
// layers in models that nest 8 deep, 2^20 parts of an HDF5 file, weights for no layer twice, test vectors of 2^22
// numbers. Links to other files are never followed.
#pragma once

#include "eigengru/io/keras_load.hpp"
#include "eigengru/io/keras_load_weights.hpp"
#include "eigengru/io/keras_save.hpp"
#include "eigengru/io/load_model.hpp"

// SPDX-License-Identifier: MIT
// How the examples leave a picture: commands for gnuplot, which are kept beside it.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace picture {

/// Has gnuplot draw `commands` into a PNG, and says where it is. A machine without gnuplot is told so, no more.
inline void draw(const std::string& png, const std::string& commands) {
    const std::string script = png + ".gp";
    // Only pngcairo draws dashes.
    std::ofstream(script) << "kind = strstrt(GPVAL_TERMINALS, 'pngcairo') ? 'pngcairo' : 'png'\n"
                          << "set terminal @kind size 1100,600 font ',12'\nset output '" << png << "'\n" << commands;
    const bool is_drawn = std::system(("gnuplot '" + script + "'").c_str()) == 0;
    std::printf(is_drawn ? "\nThe picture: %s\n" : "\nNo picture (gnuplot is missing): %s\n",
                std::filesystem::absolute(png).c_str());
}

}  // namespace picture

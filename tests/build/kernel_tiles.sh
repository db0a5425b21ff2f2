#!/usr/bin/env bash
# What the compiler makes of the hottest loop of the library at plain -O2: for each k it must load each packet of
# weights once, broadcast one element of each row, and multiply and add from registers, with all sums in registers.
# And every kernel must clear the upper halves of the wide registers before it returns (a function that is handed
# vectors does not, nor does a caller that ends with a jump to it): else all that follows takes several times as long.
#
#   kernel_tiles.sh <compiler> <objdump> <folder to work in> <compiler arguments>...
set -euo pipefail
export LC_ALL=C
cxx=$1 objdump=$2 folder=$3
shift 3
object=$folder/x86-64.o
rm -f "$object" # for kernel_symbols.sh, which must not find an old one
if [[ $("$cxx" -dumpmachine) != x86_64* ]]; then echo "skipped: no x86-64 compiler"; exit 0; fi
if ! command -v "$objdump" > /dev/null; then echo "skipped: no objdump"; exit 0; fi

mkdir -p "$folder"
"$cxx" -std=c++20 -O2 -march=x86-64 "$@" -c "$(dirname "${BASH_SOURCE[0]}")/kernel_tiles.cpp" -o "$object"

symbols=$("$objdump" -t "$object" | awk '{ print $NF }')

# The instructions of the innermost loop with the most multiplications, one a line.
hot_loop() {
    awk -F '\t' '
        BEGIN { count = 0; loops = 0; most = 0 }
        /^ *[0-9a-f]+:\t/ {
            address[count] = substr($1, 1, index($1, ":") - 1); gsub(/ /, "", address[count])
            text[count] = $2; place[address[count]] = count; count++
        }
        END {
            for (i = 0; i < count; i++)
                if (split(text[i], word, " ") > 1 && word[1] ~ /^j/ && word[2] in place && place[word[2]] <= i) {
                    begin[loops] = place[word[2]]; end[loops++] = i
                }
            for (l = 0; l < loops; l++) {
                inner = 1
                for (m = 0; m < loops; m++)
                    if (m != l && begin[m] >= begin[l] && end[m] <= end[l]) inner = 0
                multiplications = 0
                for (i = begin[l]; i <= end[l]; i++) if (text[i] ~ /^vfn?madd/) multiplications++
                if (inner && multiplications > most) { most = multiplications; best = l }
            }
            if (most) for (i = begin[best]; i <= end[best]; i++) print text[i]
        }'
}

count() { grep -cE "$1" <<< "$loop" || true; }

# check <tile> <instruction set> <register> <FMAs, loads and broadcasts of a step> <sums that may leave their registers in
# a turn of several steps>: the first symbol that looks like the tile.
check() {
    local tile=$1 set=$2 register=$3 fmas=$4 weights=$5 rows=$6 most_moves=$7 symbol
    symbol=$(grep -E -m 1 "^_ZN.*${#set}${set}[0-9]+${tile}" <<< "$symbols") ||
        { echo "$set: no $tile in $object"; exit 1; }
    loop=$("$objdump" -d --no-show-raw-insn --disassemble="$symbol" "$object" | hot_loop)
    local all loads broadcasts from_memory spills
    all=$(count '^vfn?madd')
    loads=$(count "^vmov[au]p[sd] .*\(.*\),%$register")
    broadcasts=$(count "^vbroadcastss .*\(.*\),%$register|^vfn?madd.*\{1to")
    from_memory=$(count '^vfn?madd.*\([^{]*$')
    spills=$(count "^vmov[a-z0-9]+ .*%$register[0-9]+,.*\(%r[sb]p")
    local steps=$((all / fmas))
    echo "$set, ${tile%%I*}: $steps steps a turn, $loads loads, $broadcasts broadcasts, $all multiplications," \
        "$from_memory of them from memory, $spills spills"
    if ((steps < 1 || all != fmas * steps || broadcasts != rows * steps || spills > most_moves ||
        loads + from_memory != weights * steps + spills)); then
        echo "$set, $tile: expected for each step $weights loads, $rows broadcasts, $fmas multiplications, and at most" \
            "$most_moves spills in all; received:"
        echo "$loop"
        exit 1
    fi
}

# All gates; z and r of tall tiles, which fetch; the weight gradient with two strips.
gates() { echo "run_tileI.*3VecIfEEL.*TileGatesE$1ELi$2ELi1ELi$3E"; }
gradient='run_gradient_tileI.*3VecIfEELb1E'
# Sums, weights and a broadcast fill 15 or all of the 16 registers of AVX2; g++ moves a few sums to the stack and back in
# a turn of run_tile; what that costs is not known.
if "$cxx" --version | grep -qi clang; then moves=0; else moves=2; fi
check "$(gates 0 8 0)" avx512 zmm 24 3 8 0
check "$(gates 0 4 0)" avx2 ymm 12 3 4 $moves
check "$(gates 1 6 1)" avx2 ymm 12 2 6 $((moves * 3 / 2))
check "$gradient" avx512 zmm 24 3 16 0
check "$gradient" avx2 ymm 12 3 8 0

unclean=$("$objdump" -d --no-show-raw-insn "$object" | awk '
    function report() { if (is_wide && !is_clean) print name }
    /^[0-9a-f]+ <.*>:$/ { report(); name = $2; is_wide = is_clean = 0 }
    /%[yz]mm/ { is_wide = 1 }
    /vzeroupper/ { is_clean = 1 }
    END { report() }')
if [[ -n $unclean ]]; then
    echo "expected vzeroupper in each function that uses wide registers; there is none in"
    echo "$unclean"
    exit 1
fi
echo "all functions that use wide registers clear their upper halves"

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

# check <instruction set> <register> <rows> <sums that may leave their registers in a turn of four steps>
check() {
    local set=$1 register=$2 rows=$3 most_moves=$4 symbol
    symbol=$(grep -E -m 1 "^_ZN.*${#set}${set}8run_tileI.*3VecIfEEL.*TileGatesE0ELi${rows}ELi1ELi0E" <<< "$symbols") ||
        { echo "$set: no tile of $rows rows in $object"; exit 1; }
    loop=$("$objdump" -d --no-show-raw-insn --disassemble="$symbol" "$object" | hot_loop)
    local all loads broadcasts from_memory spills
    all=$(count '^vfn?madd')
    loads=$(count "^vmov[au]p[sd] .*\(.*\),%$register")
    broadcasts=$(count "^vbroadcastss .*\(.*\),%$register")
    from_memory=$(count '^vfn?madd.*\(')
    spills=$(count "^vmov[a-z0-9]+ .*%$register[0-9]+,.*\(%r[sb]p")
    local steps=$((all / (3 * rows)))
    echo "$set, $rows rows: $steps steps a turn, $loads loads, $broadcasts broadcasts, $all multiplications," \
        "$from_memory of them from memory, $spills spills"
    if ((steps < 1 || all != 3 * rows * steps || broadcasts != rows * steps || spills > most_moves ||
        loads + from_memory != 3 * steps + spills)); then
        echo "$set: expected for each step 3 loads, $rows broadcasts, $((3 * rows)) multiplications, and at most" \
            "$most_moves spills in all; received:"
        echo "$loop"
        exit 1
    fi
}

check avx512 zmm 8 0
# Sums, weights and a broadcast fill all 16 registers of AVX2; g++ moves two sums to the stack and back in a turn; what
# that costs is not known.
if "$cxx" --version | grep -qi clang; then check avx2 ymm 4 0; else check avx2 ymm 4 2; fi

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

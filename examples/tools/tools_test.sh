#!/usr/bin/env bash
# The test of one tool, run as users run it: tools_test.sh TOOL BIN_FOLDER FILES_FOLDER onnx|no
#
# same.keras, same.safetensors and same.onnx hold one model, with three features, four units and two outputs.
set -euo pipefail

tool=$1 bin=$2 files=$3 onnx=$4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

fail() { echo "FAILED: $*" >&2; exit 1; }
# refused CODE TEXT COMMAND...: it must exit with that code and say that on stderr.
refused() {
    local code=$1 text=$2 status=0
    shift 2
    "$@" >out.txt 2>err.txt <"${input:-/dev/null}" || status=$?
    [ "$status" -eq "$code" ] || fail "exit code $status of: $* ($(cat err.txt))"
    grep -qF -- "$text" err.txt out.txt || fail "expected '$text' from: $*, got: $(cat err.txt)"
    [ "$code" -eq 2 ] || [ ! -s out.txt ] || fail "an error wrote to stdout: $*"
}
formats=(keras safetensors)
if [ "$onnx" = onnx ]; then formats+=(onnx); fi

test_gru_inspect() {
    for format in "${formats[@]}"; do
        "$bin/gru_inspect" "$files/same.$format" >"$format.txt"
        grep -q '2 layers, 118 weights, input (batch, time, 3)' "$format.txt" || fail "$format: $(cat "$format.txt")"
        grep -qE 'GRU +\(batch, time, 4\) +108' "$format.txt" || fail "$format has no line for the GRU"
        grep -qE 'Dense +\(batch, time, 2\) +10' "$format.txt" || fail "$format has no line for the Dense"
        grep -qE '^time: [0-9.e+-]+ us a step' "$format.txt" || fail "$format: no time"
        grep -qE '^backend of .*: (Eigen|cuDNN)' "$format.txt" || fail "$format: no backend"
    done
    "$bin/gru_inspect" --no-timing "$files/both.safetensors" --linear encoder.fc:tanh >both.txt
    grep -q 'merge=concat' both.txt || fail "no Bidirectional: $(cat both.txt)"
    if grep -q '^time' both.txt; then fail "--no-timing measures"; fi
    if grep -q '^test vector' keras.txt; then fail "a test vector that is not there"; fi
    if command -v python3 >/dev/null; then
        printf '0.5,-1,2\n1,0.25,0\n' | "$bin/gru_run" "$files/same.keras" >outputs.csv
        cp "$files/same.keras" tested.keras
        python3 -c 'import json, zipfile
outputs = [float(x) for x in open("outputs.csv").read().replace(chr(10), ",").split(",") if x]
test = {"inputs": {"shape": [1, 2, 3], "values": [0.5, -1, 2, 1, 0.25, 0]},
        "outputs": {"shape": [1, 2, 2], "values": outputs}, "tolerance": 1e-5}
zipfile.ZipFile("tested.keras", "a").writestr("eigengru_test.json", json.dumps(test))'
        "$bin/gru_inspect" --no-timing tested.keras >tested.txt
        grep -qE '^test vector: outputs differ by at most [0-9.e-]+ of 1e-05$' tested.txt || fail "$(cat tested.txt)"
    fi
    if [ -c /dev/full ] && "$bin/gru_inspect" --no-timing "$files/same.keras" >/dev/full 2>err.txt; then
        fail "/dev/full took all"
    fi
    refused 1 'the file does not exist' "$bin/gru_inspect" nowhere.keras
    refused 2 'FILE is required' "$bin/gru_inspect"
    printf 'not a model' >text.keras
    refused 1 'expected a .keras file' "$bin/gru_inspect" text.keras
    "$bin/gru_inspect" --help | grep -q 'Says what the file of a model holds' || fail "--help"
}

test_gru_run() {
    printf 'a,b,c\n0.5,-1,2\n1,0.25,0\n-0.125,3e-1,+1\n' >rows.csv
    for format in "${formats[@]}"; do "$bin/gru_run" "$files/same.$format" <rows.csv >"$format.csv"; done
    for format in "${formats[@]}"; do cmp keras.csv "$format.csv" || fail "$format gives other numbers"; done
    [ "$(wc -l <keras.csv)" -eq 3 ] || fail "expected three lines"

    # Two sequences: each begins anew, or carries on.
    printf '0.5,-1,2\n\n1,0.25,0\n' >two.csv
    "$bin/gru_run" --stateful "$files/same.keras" <two.csv >stateful.csv
    head -n 2 keras.csv | cmp - stateful.csv || fail "--stateful does not carry states on"
    "$bin/gru_run" "$files/same.keras" <two.csv >anew.csv
    if cmp -s anew.csv stateful.csv; then fail "an empty line begins no new sequence"; fi

    # A model that gives the last output alone.
    "$bin/gru_run" --last "$files/same.safetensors" <rows.csv >last.csv
    tail -n 1 keras.csv | cmp - last.csv || fail "--last"
    "$bin/gru_run" --last --every-step "$files/same.safetensors" <rows.csv | cmp - keras.csv || fail "--every-step"

    # One that reads backward too.
    "$bin/gru_run" "$files/both_bare.safetensors" <rows.csv >both.csv
    [ "$(wc -l <both.csv)" -eq 3 ] || fail "a model of both directions"
    refused 1 '--stateful' "$bin/gru_run" --stateful "$files/both_bare.safetensors"

    # Any number of rows, in little memory; where the build lets memory be limited (one with sanitizers does not).
    awk 'BEGIN { for (i = 0; i < 200000; ++i) print "1,0,-1" }' >many.csv
    kilobytes=unlimited
    if (ulimit -v 200000 && "$bin/gru_run" --help) >/dev/null 2>&1; then kilobytes=200000; fi
    (ulimit -v $kilobytes && "$bin/gru_run" --quiet "$files/same.keras" <many.csv) | wc -l | grep -qx 200000 ||
        fail "many rows"

    # A first row is no header when it has a number, whatever it is.
    printf '1e-60,-1e-50,2\n' >tiny.csv
    [ "$("$bin/gru_run" "$files/same.keras" <tiny.csv | wc -l)" -eq 1 ] || fail "a row of tiny numbers is a header"
    printf '\xEF\xBB\xBF0.5,-1,2\n1,0.25,0\n-0.125,3e-1,+1\n' >mark.csv
    "$bin/gru_run" "$files/same.keras" <mark.csv | cmp - keras.csv || fail "a byte order mark"
    for row in '1e60,1,2' '1,2,x' '1e999,0,0'; do
        printf '%s\n' "$row" >row.csv
        input=row.csv refused 1 'line 1: expected numbers' "$bin/gru_run" "$files/same.keras"
    done

    # In a pipe each row is answered before the next one is there.
    coproc filter { "$bin/gru_run" "$files/same.keras"; }
    for line in 1 2; do
        sed -n "$((line + 1))p" rows.csv >&"${filter[1]}"
        read -r -t 20 answer <&"${filter[0]}" || fail "row $line is not answered"
        [ "$answer" = "$(sed -n "${line}p" keras.csv)" ] || fail "another answer to row $line: $answer"
    done
    kill "$filter_PID"

    printf '1,2\n' >short.csv
    input=short.csv refused 1 'line 1: expected 3 numbers, received 2' "$bin/gru_run" "$files/same.keras"
    printf '1,2,3\n1,x,3\n' >words.csv
    "$bin/gru_run" "$files/same.keras" <words.csv >/dev/null 2>err.txt && fail "took words"
    grep -q 'line 2: expected numbers, received "1,x,3"' err.txt || fail "words: $(cat err.txt)"
}

test_gru_convert() {
    printf '0.5,-1,2\n1,0.25,0\n' >rows.csv
    for format in "${formats[@]}"; do
        for to in keras safetensors; do
            "$bin/gru_convert" "$files/same.$format" "$format.$to" | grep -q '118 weights, predictions differ by 0$' ||
                fail "$format to $to"
        done
        "$bin/gru_convert" "$files/same.$format" "$format.weights.h5" >/dev/null
    done
    "$bin/gru_convert" --double --last "$files/float16.safetensors" half.keras >/dev/null
    "$bin/gru_convert" "$files/both.safetensors" --linear encoder.fc:tanh both.keras | grep -q 'differ by' || fail both
    refused 1 'the file exists; --force replaces it' "$bin/gru_convert" "$files/same.keras" keras.keras
    "$bin/gru_convert" --force "$files/same.keras" keras.keras >/dev/null
    refused 1 'expected a name that ends in .keras, .weights.h5 or .safetensors' "$bin/gru_convert" \
        "$files/same.keras" a.onnx
    if [ "$onnx" = onnx ]; then
        refused 1 'reset_after expected true, received false' "$bin/gru_convert" "$files/node_before.onnx" a.safetensors
        [ ! -e a.safetensors ] || fail "left a file behind"
    fi
}

"test_$tool"
echo "$tool: passed"

#!/usr/bin/env bash
# resumes_test.sh PROGRAM: a training stopped by Ctrl-C and resumed ends with the numbers of one that was never stopped.
# 77 when the training was over before it could be stopped.
set -euo pipefail
program=$(realpath "$1")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/whole" "$folder/stopped"

cd "$folder/whole"
"$program" --quick >out

cd "$folder/stopped"
set -m # a shell script's background jobs ignore Ctrl-C without this
"$program" --quick >out &
until grep -q '^epoch 1 ' out; do
    if ! kill -0 $! 2>/dev/null; then break; fi
    sleep 0.02
done
kill -INT $! 2>/dev/null || true
wait $!
if ! grep -q '^Stopped' out; then
    echo "The training was over before it could be stopped."
    exit 77
fi
rm -f out
"$program" --quick --resume >out
cmp char_lm_quick.csv ../whole/char_lm_quick.csv
diff <(sed -n '/^epoch 3 /,/^$/p' out) <(sed -n '/^epoch 3 /,/^$/p' ../whole/out)

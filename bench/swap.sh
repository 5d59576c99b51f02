#!/usr/bin/env bash
# Answers at a steady rate while a new version of the whole list is taken in and put in force.
# The server has both cores here, as compiling would have on a school's machine.
# (started by bench/peers)
set -uo pipefail
cd "$(dirname "$0")"; . ./lib.sh
TABLE="Pharos: a list of $COUNT names swapped under load, 5000 questions/s"
trap stop_server EXIT
prepare_pharos || exit 1
"$PHAROS" serve --data "$WORK/pharos-data" --off web --off jobs --off proxy --dns 127.0.0.1:5353 --dns-upstream $UPSTREAM:53 > "$WORK/pharos-swap.out" 2>&1 &
SERVER=$!
there "$TOOLS" dns-ready 127.0.0.1:5353 $CLIENT "$WORK/ask-blocked.txt" $SERVER 120 > /dev/null || { tail -5 "$WORK/pharos-swap.out" >&2; exit 1; }
load() { there "$TOOLS" dns-load 127.0.0.1:5353 $CLIENT "$WORK/ask-mix.txt" "$1" 1000 5000; }
tell() {
  echo "# swap, $1: $2" | tee -a "$WORK/details.log"
  record "$TABLE" "$1" "without an answer" questions "$(field lost "$2")"
  record "$TABLE" "$1" "half answered within" µs "$(field p50_us "$2")"
  record "$TABLE" "$1" "99 in 100 within" µs "$(field p99_us "$2")"
  record "$TABLE" "$1" "the slowest after" µs "$(field slowest_us "$2")"
}
load 5 > /dev/null
for run in $(seq "$RUNS"); do
  tell "before" "$(load 5)"
  head -n "-$((run * 100))" "$WORK/blocked.txt" > "$WORK/blocked-next.txt"
  start=$(now)
  { "$PHAROS" lists --data "$WORK/pharos-data" import --list bench --category malware --format domains "$WORK/blocked-next.txt" > "$WORK/swap-import.out" 2>&1 || cat "$WORK/swap-import.out" >&2; since "$start" > "$WORK/swap-took"; } &
  importing=$!
  # Long enough to cover reading, compiling and the swap.
  told=$(load "${SWAP_SECS:-$((4 + COUNT / 200000))}")
  wait $importing
  tell "while it is taken in" "$told"
  record "$TABLE" "while it is taken in" "taken in after" s "$(cat "$WORK/swap-took")"
done
rm -f "$WORK/pharos-data/ready"   # the list is another one now

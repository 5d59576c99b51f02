#!/usr/bin/env bash
# Pharos at about half of what one core can do, for an hour: questions, pages, tunnels, intercepted
# connections and blocks in turn, with a look at what the process holds once a minute. Says whether memory
# stayed flat: the last quarter's median against the second's (the first fills caches). Ends with 1
# where it grew by more than a tenth.
# usage: MINUTES=60 DNS_RATE=60000 bench/peers soak     (started by bench/peers)
set -uo pipefail
cd "$(dirname "$0")"; . ./lib.sh
MINUTES=${MINUTES:-60} DNS_RATE=${DNS_RATE:-60000} TABLE="Pharos, $MINUTES minutes at half load"
AT=127.0.0.1:3128
trap stop_server EXIT
ulimit -n 131072 2> /dev/null || true
prepare_pharos || exit 1
here "$PHAROS" serve --data "$WORK/pharos-data" --off web --off jobs --dns 127.0.0.1:5353 --dns-upstream $UPSTREAM:53 \
  --proxy $AT --allow-private-origins --trust "$WORK/ca.pem" > "$WORK/pharos-soak.out" 2>&1 &
SERVER=$!
there "$TOOLS" dns-ready 127.0.0.1:5353 $CLIENT "$WORK/ask-blocked.txt" $SERVER 120 > /dev/null || { tail -5 "$WORK/pharos-soak.out" >&2; exit 1; }
visit() { there "$TOOLS" web-load $AT $CLIENT "$1" "$WORK/hosts-$2.txt" "$3" 4 "$4"; }
told() { field "$1" "$2"; }
: > "$WORK/soak.tsv"; failed=0
for minute in $(seq "$MINUTES"); do
  there "$TOOLS" dns-load 127.0.0.1:5353 $CLIENT "$WORK/ask-mix.txt" 50 1000 "$DNS_RATE" > "$WORK/soak-dns" &
  asking=$!
  for turn in "plain inspected /1k.html" "plain inspected /30k.html" "plain blocked /1k.html" "tls-new private /1k.html" "tls-kept inspected /30k.html" "tls-new inspected /1k.html" "plain inspected /1m.html"; do
    # Half of the time nothing is asked of the proxy.
    said=$(visit $turn 3); failed=$((failed + $(told failed "$said"))); sleep 3
  done
  wait $asking; questions=$(cat "$WORK/soak-dns")
  sleep 2
  printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$minute" "$(memory Rss)" "$(memory Anonymous)" "$(ls /proc/$SERVER/fd | wc -l)" "$(told answers "$questions")" "$(told lost "$questions")" | tee -a "$WORK/soak.tsv"
  [ -d /proc/$SERVER ] || { echo "soak: the server ended" >&2; exit 1; }
done
# median COLUMN FROM TO: of the minutes after FROM hundredths up to TO hundredths
median() { awk -v c="$1" -v a="$2" -v b="$3" -v n="$MINUTES" '{ if (NR > n * a / 100 && NR <= n * b / 100) print $c }' "$WORK/soak.tsv" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
record "$TABLE" pharos "resident memory in the second quarter" MiB "$(median 2 25 50)"
record "$TABLE" pharos "resident memory in the last quarter" MiB "$(median 2 75 100)"
record "$TABLE" pharos "open descriptors in the second quarter" "" "$(median 4 25 50)"
record "$TABLE" pharos "open descriptors in the last quarter" "" "$(median 4 75 100)"
record "$TABLE" pharos "questions answered" "" "$(awk '{ sum += $5 } END { print sum }' "$WORK/soak.tsv")"
record "$TABLE" pharos "questions lost" "" "$(awk '{ sum += $6 } END { print sum }' "$WORK/soak.tsv")"
record "$TABLE" pharos "requests failed" "" "$failed"
awk -v a="$(median 3 25 50)" -v b="$(median 3 75 100)" 'BEGIN { exit !(b <= a * 1.1) }' || { echo "soak: memory grew" >&2; exit 1; }

#!/usr/bin/env bash
# One resolver: start, memory, answers a second, processor time for an answer, latency.
# usage: dns.sh floor|unbound|dnsmasq|pharos|resolver     (started by bench/peers)
# resolver: Pharos's resolver without records, event store and watch (crates/dns/examples/measure.rs),
# to tell what these cost.
set -uo pipefail
cd "$(dirname "$0")"; . ./lib.sh
PEER=$1 TABLE="DNS, $COUNT names"
SERVER=
trap stop_server EXIT

case $PEER in
  floor)   START=$(now); here "$TOOLS" dns-floor 127.0.0.1:5353 & ;;
  unbound) fill conf/unbound.conf > "$WORK/unbound.conf"; START=$(now); here unbound -d -p -c "$WORK/unbound.conf" > "$WORK/unbound.out" 2>&1 & ;;
  dnsmasq) fill conf/dnsmasq.conf > "$WORK/dnsmasq.conf"; START=$(now); here dnsmasq -k -C "$WORK/dnsmasq.conf" > "$WORK/dnsmasq.out" 2>&1 & ;;
  resolver) START=$(now); (sleep 100000 | here "${RESOLVER:?set RESOLVER to the built example measure}" "$WORK/blocked.txt" $UPSTREAM:53 127.0.0.1:5353 2> "$WORK/resolver.out") & ;;
  pharos)  prepare_pharos || exit 1; START=$(now)
           here "$PHAROS" serve --data "$WORK/pharos-data" --off web --off jobs --off proxy --dns 127.0.0.1:5353 --dns-upstream $UPSTREAM:53 > "$WORK/pharos-dns.out" 2>&1 & ;;
esac
SERVER=$!
if [ "$PEER" != floor ]; then
  ready=$(there "$TOOLS" dns-ready 127.0.0.1:5353 $CLIENT "$WORK/ask-blocked.txt" $SERVER "${PATIENCE:-180}") || { echo "$PEER: not measured" >&2; tail -5 "$WORK/$PEER"*.out >&2; exit 1; }
  record "$TABLE" "$PEER" "start to first answer" s "$(field first_s "$ready")"
  record "$TABLE" "$PEER" "start to all blocked" s "$(field blocked_s "$ready")"
  record "$TABLE" "$PEER" "resident memory after start" MiB "$(memory Rss)"
fi
load() { there "$TOOLS" dns-load 127.0.0.1:5353 $CLIENT "$WORK/ask-$1.txt" "$2" "$3" ${4:+"$4"}; }
load mix once 100 > /dev/null   # fills caches
for kind in mix blocked below; do
  case $kind in mix) what="popular names, 1 in 10 blocked" ;; blocked) what="blocked names" ;; below) what="names below blocked ones" ;; esac
  for _ in $(seq "$RUNS"); do
    before=$(processor); told=$(load $kind "$SECS" 256); after=$(processor)
    echo "# $PEER $kind: $told" | tee -a "$WORK/details.log"
    record "$TABLE" "$PEER" "$what" "answers/s" "$(field per_second "$told")"
    record "$TABLE" "$PEER" "$what: processor" "ns/answer" "$(awk -v a="$before" -v b="$after" -v n="$(field answers "$told")" 'BEGIN { printf "%.0f", n ? (b - a) * 1000 / n : 0 }')"
  done
done
for _ in $(seq "$RUNS"); do
  told=$(load mix "$SECS" 1000 5000)
  record "$TABLE" "$PEER" "half answered within, at 5000/s" µs "$(field p50_us "$told")"
  record "$TABLE" "$PEER" "99 in 100 within, at 5000/s" µs "$(field p99_us "$told")"
done
if [ "$PEER" != floor ]; then
  before=$(processor); told=$(load new "$SECS" 100); after=$(processor)
  echo "# $PEER new: $told" | tee -a "$WORK/details.log"
  record "$TABLE" "$PEER" "names never asked before (sent on)" "answers/s" "$(field per_second "$told")"
  record "$TABLE" "$PEER" "resident memory at the end" MiB "$(memory Rss)"
  record "$TABLE" "$PEER" "of it not backed by a file" MiB "$(memory Anonymous)"
fi
exit 0

#!/usr/bin/env bash
# One proxy: start, memory, requests a second, processor time for a request.
# usage: proxy.sh floor|floor-tls|squid|squid-bump|e2guardian|e2guardian-tls|pharos     (started by bench/peers)
# squid and e2guardian are measured twice, the second time looking into TLS; their figures share a column.
set -uo pipefail
cd "$(dirname "$0")"; . ./lib.sh
PEER=$1 NAME=${1%%-*} TABLE="Proxy, $COUNT blocked names"
SERVER=
trap stop_server EXIT
ulimit -n 131072 2> /dev/null || true
# Two descriptors for each tunnel; where the system allows fewer, fewer are held, and the table says so.
HELD=$(( $(ulimit -n) / 2 - 500 )); [ $HELD -le 10000 ] || HELD=10000

start_squid() {
  rm -rf "$WORK/squid"; mkdir "$WORK/squid"; fill conf/squid.conf > "$WORK/squid.conf"
  if [ -n "$BUMP" ]; then
    fill conf/squid-bump.conf >> "$WORK/squid.conf"
    /usr/lib/squid/security_file_certgen -c -s "$WORK/squid/certificates" -M 16MB > /dev/null
  fi
  chown -R proxy "$WORK/squid"
  here squid -N -f "$WORK/squid.conf" > "$WORK/squid.out" 2>&1 &
}

start_e2guardian() {
  local etc="$WORK/e2guardian"
  rm -rf "$etc"; cp -r /etc/e2guardian "$etc"; mkdir -p "$etc/private/generatedcerts" "$etc/roots"
  cp "$WORK/rsa.pem" "$etc/private/ca.pem"; cp "$WORK/rsa.key" "$etc/private/ca.key"; cp "$WORK/site.key" "$etc/private/cert.key"
  fill conf/e2guardian.sed > "$WORK/e2guardian.sed"; sed -i -f "$WORK/e2guardian.sed" "$etc"/*.conf "$etc"/*.story
  grep -rlZ /etc/e2guardian "$etc/lists" | xargs -0 -r sed -i "s#/etc/e2guardian#$etc#g"
  cp "$WORK/blocked.txt" "$etc/lists/bannedsitelist"
  # One hashed folder of roots; without it the system's whole bundle is read for each connection (about 50 ms).
  cp "$WORK/ca.pem" "$etc/roots/"; openssl rehash "$etc/roots"
  printf "pidfilename = '%s'\nsslcertificatepath = '%s'\n" "$etc/pid" "$etc/roots" >> "$etc/e2guardian.conf"
  chown -R e2guardian "$etc"
  here e2guardian -N -c "$etc/e2guardian.conf" > "$WORK/e2guardian.out" 2>&1 &
}

# Held connections come from this address and those after it: proxies bound what one device may open.
HOLDERS=127.0.3.1
AT=127.0.0.1:3128 PLAIN=yes LOOKS=no TUNNELS=yes BLOCKS=yes BUMP= INTERCEPT=off SUFFIX=
[ "$PEER" = pharos ] && { prepare_pharos || exit 1; }
[ "$PEER" = "$NAME" ] || SUFFIX=", set to look inside"
START=$(now)
case $PEER in
  floor)          BLOCKS=no; here "$TOOLS" web-floor splice $AT 127.0.0.80:80 & ;;
  floor-tls)      PLAIN=no BLOCKS=no TUNNELS=no LOOKS=yes; here "$TOOLS" web-floor intercept $AT 127.0.0.80:80 "$WORK/origin.pem" "$WORK/origin.key" "$WORK/ca.pem" & ;;
  squid)          start_squid ;;
  squid-bump)     PLAIN=no BLOCKS=no TUNNELS=no LOOKS=yes BUMP=" ssl-bump cert=$WORK/both.pem generate-host-certificates=on dynamic_cert_mem_cache_size=16MB"; start_squid ;;
  e2guardian)     AT=127.0.0.1:8080; start_e2guardian ;;
  e2guardian-tls) AT=127.0.0.1:8080 PLAIN=no BLOCKS=no TUNNELS=no LOOKS=yes INTERCEPT=on; start_e2guardian ;;
  pharos)         LOOKS=yes
                  here "$PHAROS" serve --data "$WORK/pharos-data" --off web --off jobs --off dns --proxy $AT --allow-private-origins --trust "$WORK/ca.pem" > "$WORK/pharos-proxy.out" 2>&1 & ;;
esac
SERVER=$!

load() { there "$TOOLS" web-load $AT $CLIENT "$1" "$WORK/hosts-$2.txt" "$3" "$4" "$5"; }
for _ in $(seq 600); do
  [ -d /proc/$SERVER ] || break
  told=$(load plain inspected /1k.html 1 0.01 2>/dev/null); case $told in *"statuses 200:"*) break ;; esac
  sleep 0.05
done
case $told in *"statuses 200:"*) ;; *) echo "$PEER: not measured: $told" >&2; tail -5 "$WORK/${PEER%%-*}"*.out >&2; exit 1 ;; esac
record "$TABLE" "$NAME" "start to first answer$SUFFIX" s "$(since "$START")"
record "$TABLE" "$NAME" "memory after start$SUFFIX (PSS)" MiB "$(memory Pss)"

# measure WHAT KIND HOSTS PATH CLIENTS
measure() {
  local what=$1 told before after; shift
  load "$1" "$2" "$3" "$4" 1 > /dev/null
  for _ in $(seq "$RUNS"); do
    before=$(processor); told=$(load "$1" "$2" "$3" "$4" "$SECS"); after=$(processor)
    echo "# $PEER $what: $told" | tee -a "$WORK/details.log"
    record "$TABLE" "$NAME" "$what" "requests/s" "$(field per_second "$told")"
    record "$TABLE" "$NAME" "$what: processor" "µs/request" "$(awk -v a="$before" -v b="$after" -v n="$(field answers "$told")" 'BEGIN { printf "%.0f", n ? (b - a) / n : 0 }')"
  done
}
# hold WHAT KIND HOSTS CONNECTIONS: memory while they are open and nothing is said
hold() {
  local before after told held
  before=$(memory Rss)
  : > "$WORK/held"
  there "$TOOLS" web-load $AT $HOLDERS "$2" "$WORK/hosts-$3.txt" /1k.html "$4" 4 > "$WORK/held" 2>&1 &
  held=$!
  for _ in $(seq 600); do grep -q held "$WORK/held" && break; kill -0 $held 2>/dev/null || break; sleep 0.1; done
  told=$(cat "$WORK/held"); sleep 1; after=$(memory Rss)
  echo "# $PEER $1: $told, $before MiB before" | tee -a "$WORK/details.log"
  case $told in
    "held $4") record "$TABLE" "$NAME" "memory with $1 (RSS)" MiB "$after"
               record "$TABLE" "$NAME" "memory for each of $1" KiB "$(awk -v a="$before" -v b="$after" -v n="$4" 'BEGIN { printf "%.1f", (b - a) * 1024 / n }')" ;;
  esac
  wait $held 2>/dev/null
}
if [ $PLAIN = yes ]; then
  measure "HTTP kept alive, 1 KB" plain inspected /1k.html 64
  measure "HTTP kept alive, 30 KB" plain inspected /30k.html 64
  measure "HTTP kept alive, 1 MB" plain inspected /1m.html 16
  measure "HTTP kept alive, 1 KB that is no text" plain inspected /1k.webp 64
  measure "HTTP kept alive, 30 KB that is no text" plain inspected /30k.webp 64
  measure "HTTP kept alive, 1 MB that is no text" plain inspected /1m.webp 16
fi
[ $BLOCKS = no ] || measure "blocked page" plain blocked /1k.html 64
[ $TUNNELS = no ] || measure "new tunnel, TLS untouched, one request" tls-new private /1k.html 16
if [ $LOOKS = yes ]; then
  measure "intercepted TLS kept alive, 1 KB" tls-kept inspected /1k.html 16
  measure "intercepted TLS kept alive, 30 KB" tls-kept inspected /30k.html 16
  measure "intercepted TLS kept alive, 1 MB" tls-kept inspected /1m.html 16
  measure "intercepted TLS kept alive, 30 KB that is no text" tls-kept inspected /30k.webp 16
  measure "new intercepted TLS connection, one request" tls-new inspected /1k.html 16
fi
[ $TUNNELS = no ] || hold "$HELD open tunnels" hold private "$HELD"
[ $LOOKS = no ] || hold "2,000 idle intercepted connections" hold-tls inspected 2000
record "$TABLE" "$NAME" "memory at the end$SUFFIX (PSS)" MiB "$(memory Pss)"
exit 0

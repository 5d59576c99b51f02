#!/usr/bin/env bash
# Pages that must pass and pages that must be found, through Pharos's scanner and through a real e2guardian (FIL-12).
#   bench/corpus.sh [CORPUS...]      corpora/pages, corpora/written and corpora/held-out without; needs root, curl, python3, e2guardian
# e2guardian reads with its packaged settings and limits (50 young children, 100 older children, 160 young adults), as packaged
# and with its English lists on our subjects switched on. Everything stays on loopback.
# WORK=/tmp/pharos-corpus  scratch folder     ROUNDS=5  times the pages are read for the processor time
# SCAN=FILE  a built example `corpus` of pharos-scan; built here without
set -euo pipefail
cd "$(dirname "$0")"; . ./lib.sh
ROOT=$(cd .. && pwd); WORK=${WORK:-/tmp/pharos-corpus} ROUNDS=${ROUNDS:-5} SERVER='' ORIGIN=''
[ "$(id -u)" -eq 0 ] || { echo "corpus: run it as root: e2guardian gives root up by itself" >&2; exit 2; }
for program in e2guardian curl python3; do
  command -v $program > /dev/null || { echo "corpus: $program not found; try: apt-get install --no-install-recommends e2guardian curl python3" >&2; exit 2; }
done
if [ $# -eq 0 ]; then
  for name in pages written held-out; do [ -d "$ROOT/corpora/$name" ] && set -- "$@" "$ROOT/corpora/$name"; done
fi
SUBJECTS='drugadvocacy|illegaldrugs|legaldrugs|intolerance|gore|violence|weapons|gambling|personals'
trap 'stop_server || true; [ -z "$ORIGIN" ] || kill "$ORIGIN" 2> /dev/null' EXIT
mkdir -p "$WORK"; chmod 755 "$WORK"

[ -n "${SCAN:-}" ] || cargo build --release --quiet --manifest-path "$ROOT/Cargo.toml" --package pharos-scan --example corpus
SCAN=${SCAN:-${CARGO_TARGET_DIR:-$ROOT/target}/release/examples/corpus}

# start_e2guardian LIMIT LISTS
start_e2guardian() {
  local etc="$WORK/e2guardian"
  rm -rf "$etc"; cp -r /etc/e2guardian "$etc"
  fill conf/e2guardian.sed | grep -v weightedphrasemode > "$WORK/e2guardian.sed"; sed -i -f "$WORK/e2guardian.sed" "$etc"/*.conf "$etc"/*.story
  grep -rlZ /etc/e2guardian "$etc/lists" | xargs -0 -r sed -i "s#/etc/e2guardian#$etc#g"
  [ "$2" = packaged ] || sed -i -E "s@^#(\.Include<.*/phraselists/($SUBJECTS)/weighted>)@\1@" "$etc/lists/weightedphraselist"
  sed -i "s/^naughtynesslimit = .*/naughtynesslimit = $1/" "$etc/e2guardianf1.conf"
  printf "pidfilename = '%s'\n" "$etc/pid" >> "$etc/e2guardian.conf"
  chown -R e2guardian "$etc"
  here e2guardian -N -c "$etc/e2guardian.conf" > "$WORK/e2guardian.out" 2>&1 &
  SERVER=$!
  for _ in $(seq 200); do
    [ "$(curl -s -o /dev/null -w '%{http_code}' -x 127.0.0.1:8080 "http://127.0.0.1:$PORT/ready.txt")" = 200 ] && return 0
    [ -d "/proc/$SERVER" ] || break
    sleep 0.1
  done
  echo "corpus: e2guardian does not answer:" >&2; tail -5 "$WORK/e2guardian.out" >&2; return 1
}

# Every page through the proxy; what comes back lies below $WORK/back, as the pages lie below the corpus.
fetch() { rm -rf "$WORK/back"; there curl -s -x 127.0.0.1:8080 --create-dirs -K "$WORK/urls"; }

# count LISTS LIMIT: pages of each folder that did not come back as they are
count() {
  awk -F/ -v corpus="$CORPUS" -v back="$WORK/back" -v lists="$1" -v limit="$2" '
    { total[$1]++; if (system("cmp -s \"" corpus "/" $0 "\" \"" back "/" $0 "\"")) blocked[$1]++ }
    END { for (folder in total) printf "%s\t%s\t%s\t%.1f\n", folder, lists, limit, blocked[folder] * 100 / total[folder] }' "$WORK/list" >> "$WORK/counts"
}

for CORPUS in "$@"; do
  CORPUS=$(cd "$CORPUS" && pwd)
  echo "== $CORPUS"
  "$SCAN" "$CORPUS"
  (cd "$CORPUS" && find . -mindepth 2 -type f -name '*.html' | sed 's#^\./##' | sort) > "$WORK/list"
  rm -rf "$WORK/site"; mkdir "$WORK/site"; cp -r "$CORPUS"/. "$WORK/site/"; echo ready > "$WORK/site/ready.txt"
  there python3 -u -m http.server 0 --bind 127.0.0.1 --directory "$WORK/site" > "$WORK/origin.out" 2>&1 &
  ORIGIN=$!
  for _ in $(seq 100); do PORT=$(sed -n 's/.* port \([0-9]*\) .*/\1/p' "$WORK/origin.out"); [ -n "$PORT" ] && break; sleep 0.1; done
  sed "s#.*#url = \"http://127.0.0.1:$PORT/&\"\noutput = \"$WORK/back/&\"#" "$WORK/list" > "$WORK/urls"
  : > "$WORK/counts"
  for lists in packaged subjects; do
    for limit in 50 100 160; do
      start_e2guardian $limit $lists
      fetch; count $lists $limit
      if [ $limit = 100 ]; then
        before=$(processor); for _ in $(seq "$ROUNDS"); do fetch; done; after=$(processor)
        echo "e2guardian, lists $lists: $(( (after - before) / ROUNDS / $(wc -l < "$WORK/list") )) µs of processor time a page, fetching included"
      fi
      stop_server || true
    done
  done
  kill "$ORIGIN"; ORIGIN=
  echo "e2guardian, hundredths of pages blocked: as packaged at 50, 100, 160; with the lists of our subjects at 50, 100, 160"
  sort "$WORK/counts" | awk -F'\t' '{ if (!($1 in seen)) { order[++n] = $1; seen[$1] } value[$1, $2, $3] = $4 }
    END { for (i = 1; i <= n; i++) { f = order[i]; printf "%-18s%8s%8s%8s%12s%8s%8s\n", f, value[f, "packaged", 50], value[f, "packaged", 100], value[f, "packaged", 160], value[f, "subjects", 50], value[f, "subjects", 100], value[f, "subjects", 160] } }'
done

# Shared by dns.sh and proxy.sh; both run inside the closed network that bench/peers opens.
# WORK: scratch folder with the data. TOOLS, PHAROS: programs. RUNS, SECS: how often, how long.

SERVER_CORE=0   # what is measured
CLIENT_CORE=1   # everything else: generator, origin, stand-in internet
CLIENT=127.0.1.10  # a day pupil's laptop in the sample policy pack; the peers do not mind who asks
UPSTREAM=127.0.0.53

here() { exec taskset -c $SERVER_CORE "$@"; }   # only with & behind it
there() { taskset -c $CLIENT_CORE "$@"; }
fill() { sed -e "s#@WORK@#$WORK#g" -e "s#@BUMP@#${BUMP:-}#" -e "s#@INTERCEPT@#${INTERCEPT:-off}#g" "$1"; }
now() { date +%s.%N; }
since() { awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%.2f", b - a }'; }

# record TABLE PEER MEASURE UNIT VALUE
record() { printf '%s\t%s\t%s\t%s\t%s\n' "$@" | tee -a "$WORK/figures.tsv"; }
# field NAME "name value name value …"
field() { awk -v name="$1" '{ for (i = 1; i < NF; i++) if ($i == name) print $(i + 1) }' <<< "$2"; }

# The server and its helpers: all that descends from process $1.
family() { local child; echo "$1"; for child in $(cat /proc/"$1"/task/*/children 2>/dev/null); do family "$child"; done; }
# Processor time of the server so far, in microseconds (the kernel counts in hundredths of a second).
processor() { for one in $(family "$SERVER"); do sed 's/.*) //' "/proc/$one/stat" 2>/dev/null; done | awk '{ sum += $12 + $13 } END { print sum * 10000 }'; }
# memory Rss|Pss|Private_Dirty: MiB; Pss counts pages shared with helpers once.
memory() { for one in $(family "$SERVER"); do awk -v k="$1:" '$1 == k { print $2 }' "/proc/$one/smaps_rollup" 2>/dev/null; done | awk '{ sum += $1 } END { printf "%.0f", sum / 1024 }'; }

stop_server() {
  [ -n "${SERVER:-}" ] || return 0
  local all; all=$(family "$SERVER")
  kill $all 2>/dev/null; for _ in $(seq 50); do kill -0 $all 2>/dev/null || break; sleep 0.1; done; kill -9 $all 2>/dev/null
  wait "$SERVER" 2>/dev/null
  SERVER=
}

# A data folder of Pharos with the sample school and the list to block. Says what the import took.
prepare_pharos() {
  local data="$WORK/pharos-data" start
  [ -e "$data/ready" ] && return 0
  rm -rf "$data"
  # The sample school, with as many devices of one pupil as the held connections come from.
  rm -rf "$WORK/pack"; cp -r "$ROOT/packs/harbourmouth" "$WORK/pack"
  for n in $(seq 1 60); do printf '\n[[devices]]\naddress = "127.0.3.%s"\nlabel = "Bench %s"\nuser = "felix.arden"\n' "$n" "$n"; done >> "$WORK/pack/school.toml"
  "$PHAROS" init --data "$data" --pack "$WORK/pack" --sample > "$WORK/pharos-init.log" 2>&1 || { cat "$WORK/pharos-init.log" >&2; return 1; }
  start=$(now)
  there "$PHAROS" lists --data "$data" import --list bench --category malware --format domains "$WORK/blocked.txt" >> "$WORK/pharos-init.log" 2>&1 || { cat "$WORK/pharos-init.log" >&2; return 1; }
  record "Pharos: taking in the list" pharos "import into a new data folder" s "$(since "$start")"
  # Hosts of a category that the sample policy never looks into.
  "$PHAROS" lists --data "$data" import --list private --category banking --format domains "$WORK/hosts-private.txt" >> "$WORK/pharos-init.log" 2>&1 || { cat "$WORK/pharos-init.log" >&2; return 1; }
  touch "$data/ready"
}

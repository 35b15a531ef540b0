#!/usr/bin/env bash
# Behind `make bench`: a release build and the benchmark table; figures also in .build/bench.json.
# A floor that does not hold makes the exit code 1; --no-fail only reports it.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$REPOSITORY"

readonly ROUNDS=3 THROUGHPUT_SECONDS=3 LATENCY_SECONDS=2 IDLE_SECONDS=4 IDLE_CONNECTIONS=5000
# A ratio of two latencies of some 30 us is evened out by many short rounds.
readonly IDLE_ROUNDS=9 IDLE_LATENCY_SECONDS=1
readonly IDLE_TLS_CONNECTIONS=2000 HANDSHAKE_SECONDS=3
# Nothing is the ping alone; see Benchmarks/podling-load/PingLatency.swift.
readonly FLOODS=('' -beside-label-lists -beside-lists -beside-gets -beside-watches -beside-refused-batches)
readonly TABLE=.build/bench.json

fails=true
for argument; do
    case "$argument" in
        --no-fail) fails=false ;;
        *) die "usage: scripts/bench.sh [--no-fail]" ;;
    esac
done

scripts/setup.sh base bench
for product in podling-master podling-worker podling-client podling-bench podling-load podling-sim commit-relay; do
    quiet_build "${RELEASE[@]}" --product "$product"
done
programs="$(programs_folder "${RELEASE[@]}")"

use_scratch 10

free_port() {
    local port
    while port=$((RANDOM % 10000 + 20000)); do
        (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    printf '%s\n' "$port"
}

has_listen_line() { grep -q '^listen=' "$1"; }
answers() { (: <>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# start NAME: starts a fresh server of that name and sets `address`.
start() {
    local port file="$scratch/$1.listen" log="$scratch/$1.log"
    rm -f "$file"
    case "$1" in
        master)
            start_process "$scratch/$1.process" "$log" "$programs/podling-master" \
                --listen 127.0.0.1:0 --http-listen off --port-file "$file"
            ;;
        master-tls)
            start_process "$scratch/$1.process" "$log" "$programs/podling-master" \
                --listen 127.0.0.1:0 --http-listen off --port-file "$file" \
                --tls-cert "$scratch/tls.pem" --tls-key "$scratch/tls.key" --tls-min-version TLSv1.3
            ;;
        s_server)
            port="$(free_port)"
            start_process "$scratch/$1.process" "$log" openssl s_server -quiet -accept "127.0.0.1:$port" -tls1_3 \
                -num_tickets 0 -cert "$scratch/tls.pem" -key "$scratch/tls.key"
            wait_until 10 answers "$port" || { show_log_tail "$log" && die "$1 does not listen"; }
            address="127.0.0.1:$port"
            return
            ;;
        nio-echo) start_process "$scratch/$1.process" "$file" "$programs/podling-bench" echo-server ;;
        echo) start_process "$scratch/$1.process" "$file" "$programs/podling-load" echo-server 127.0.0.1:0 ;;
        beanstalkd | redis-server)
            port="$(free_port)"
            local arguments=(-l 127.0.0.1 -p "$port")
            [[ $1 == beanstalkd ]] || arguments=(--bind 127.0.0.1 --port "$port" --save '' --appendonly no)
            start_process "$scratch/$1.process" "$log" "$1" "${arguments[@]}"
            wait_until 10 answers "$port" || { show_log_tail "$log" && die "$1 does not listen"; }
            address="127.0.0.1:$port"
            return
            ;;
    esac
    wait_until 10 has_listen_line "$file" || { show_log_tail "$log" && die "$1 does not listen"; }
    address="$(sed -n 's/^listen=//p' "$file")"
}

# load SERVER MODE [FLAG...]: one run against a fresh server; its figures are kept under the server's name and mode.
load() {
    local server=$1 mode=$2
    shift 2
    start "$server"
    # Set by this shell, so that the generator need not look for who listens.
    "$programs/podling-load" "$mode" "$address" --server-pid "$(live_process "$scratch/$server.process")" "$@" \
        2>"$scratch/load.log" >>"$scratch/$server-$mode.runs" || {
        show_log_tail "$scratch/load.log"
        show_log_tail "$scratch/$server.log"
        die "$mode against $server failed"
    }
    end_process "$scratch/$server.process" 10
}

make_certificate() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
        -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$scratch/tls.key" -out "$scratch/tls.pem" \
        2>"$scratch/openssl.log" || { show_log_tail "$scratch/openssl.log" && die "openssl made no certificate"; }
    chmod 0600 "$scratch/tls.key"
}

# s_time against s_server, which do no more than the handshake; the clock is this shell's, for s_time counts whole seconds.
load_s_time() {
    local started count
    start s_server
    started=$EPOCHREALTIME
    openssl s_time -connect "$address" -new -tls1_3 -time "$HANDSHAKE_SECONDS" -CAfile "$scratch/tls.pem" \
        >"$scratch/load.log" 2>&1 || { show_log_tail "$scratch/load.log" && die "openssl s_time failed"; }
    count="$(sed -nE 's/^([0-9]+) connections in [0-9]+ real seconds.*/\1/p' "$scratch/load.log")"
    awk -v count="$count" -v from="$started" -v to="$EPOCHREALTIME" \
        'BEGIN { printf "{\"handshakes_per_second\":%.1f}\n", count / (to - from) }' >>"$scratch/s_server-s_time.runs"
    end_process "$scratch/s_server.process" 10
}

make_certificate
heading "codec and core"
"$programs/podling-bench" --json "$scratch/bench.json"
heading "simulator"
for ((round = 1; round <= ROUNDS; round++)); do
    "$programs/podling-sim" --seed "$round" --events 5e5 | tee "$scratch/sim.log"
    sed -nE 's/.* ([0-9]+) events a second.*/{"events_per_second":\1}/p' "$scratch/sim.log" >>"$scratch/sim-events.runs"
done

# Interleaved, so that what else the machine does falls on all alike.
for ((round = 1; round <= ROUNDS; round++)); do
    heading "over TCP, round $round of $ROUNDS"
    load master podling --seconds "$THROUGHPUT_SECONDS"
    load master-tls podling --seconds "$THROUGHPUT_SECONDS" --tls-ca "$scratch/tls.pem"
    load master-tls tls-handshakes --seconds "$HANDSHAKE_SECONDS" --tls-ca "$scratch/tls.pem"
    load_s_time
    for peer in beanstalkd:beanstalkd redis-server:redis-streams; do
        have "${peer%:*}" || { warn "${peer%:*} is not installed" && continue; }
        load "${peer%:*}" "${peer#*:}" --seconds "$THROUGHPUT_SECONDS" --slots 32
    done
    for flood in "${FLOODS[@]}"; do load master "podling-ping$flood" --seconds "$LATENCY_SECONDS"; done
    load nio-echo echo-idle-connections --seconds "$IDLE_SECONDS" --connections "$IDLE_CONNECTIONS"
    load master podling-idle-connections --seconds "$IDLE_SECONDS" --connections "$IDLE_CONNECTIONS"
    load master-tls podling-idle-connections --seconds "$IDLE_SECONDS" --connections "$IDLE_TLS_CONNECTIONS" \
        --tls-ca "$scratch/tls.pem"
done

heading "over TCP, $IDLE_ROUNDS rounds of one line a millisecond"
for ((round = 1; round <= IDLE_ROUNDS; round++)); do
    load nio-echo echo-latency --seconds "$IDLE_LATENCY_SECONDS"
    load master podling-idle-latency --seconds "$IDLE_LATENCY_SECONDS"
    load echo echo-latency --seconds "$IDLE_LATENCY_SECONDS"
done

scripts/bench-postgres.sh "$scratch/durable.json"
scripts/bench-engines.sh "$scratch/engines.json"

# runs SERVER MODE: all its runs as one array, empty where there was none.
runs() { if [[ -s $scratch/$1-$2.runs ]]; then jq -cs . "$scratch/$1-$2.runs"; else echo '[]'; fi; }

floods="$(for flood in "${FLOODS[@]}"; do
    jq -cn --arg name "${flood#-beside-}" --argjson runs "$(runs master "podling-ping$flood")" '{($name): $runs}'
done | jq -cs add)"

# Floors: what must hold on two cores, each beside a peer or a bare limit in the same run.
jq -n --slurpfile alone "$scratch/bench.json" --slurpfile durable "$scratch/durable.json" \
    --slurpfile engines "$scratch/engines.json" --argjson connections "$IDLE_CONNECTIONS" \
    --argjson podling "$(runs master podling)" --argjson latency "$(runs master podling-idle-latency)" \
    --argjson idle "$(runs master podling-idle-connections)" --argjson nio "$(runs nio-echo echo-latency)" \
    --argjson echo "$(runs echo echo-latency)" --argjson beanstalkd "$(runs beanstalkd beanstalkd)" \
    --argjson redis "$(runs redis-server redis-streams)" --argjson tls "$(runs master-tls podling)" \
    --argjson shakes "$(runs master-tls tls-handshakes)" --argjson stime "$(runs s_server s_time)" \
    --argjson idleecho "$(runs nio-echo echo-idle-connections)" --argjson floods "$floods" \
    --argjson sim "$(runs sim events)" \
    --argjson idletls "$(runs master-tls podling-idle-connections)" --argjson tlsconnections "$IDLE_TLS_CONNECTIONS" '
    def median: sort | .[length / 2 | floor];
    def row($name; $values; $unit; $floor; $lower):
        if ($values | length) == 0 then empty
        else {name: $name, value: ($values | median), unit: $unit, floor: $floor, lowerIsBetter: $lower} end;
    def peer($name; $runs):
        row("\($name): lifecycles"; [$runs[].lifecycles_per_second]; "1/s"; null; false),
        row("\($name): server CPU for a million"; [$runs[].server_cpu_seconds_per_million]; "s"; null; true);
    # Both of one round: what else the machine did then fell on both.
    def beside($ours; $theirs; figure): [$ours, $theirs] | transpose | map(select(all(. != null)) | (.[0] | figure) / (.[1] | figure));
    def ping($what; $flood; $floor):
        row("ping \($what), p99"; [$floods[$flood][].p99_us / 1000]; "ms"; $floor; true);
    # What an idle one takes in this run, and 50 ms.
    (50 + ([$floods[""][].p99_us / 1000] | median)) as $pingfloor |
    ($alone[0][] | select(.name == "core: lifecycles") | .value) as $lifecycles |
    $alone[0] + [
        row("simulator: events of a whole cluster"; [$sim[].events_per_second]; "1/s"; null; false),
        row("simulator: events beside the core\u0027s lifecycles"; [$sim[].events_per_second / $lifecycles]; "times"; 0.4; false),
        row("TCP: lifecycles, memory store"; [$podling[].lifecycles_per_second]; "1/s"; null; false),
        row("TCP: server CPU for a million"; [$podling[].server_cpu_seconds_per_million]; "s"; null; true),
        row("TCP: generator CPU for a million"; [$podling[].own_cpu_seconds_per_million]; "s"; null; true),
        peer("beanstalkd"; $beanstalkd), peer("Redis streams"; $redis),
        row("TCP: lifecycles beside Redis streams"; beside($podling; $redis; .lifecycles_per_second); "times"; 0.62; false),
        row("TCP: server CPU beside Redis streams"; beside($podling; $redis; .server_cpu_seconds_per_million); "times"; 1.5; true),
        row("idle: submit to assign, p50"; [$latency[].p50_us]; "us"; null; true),
        row("idle: submit to assign, p99"; [$latency[].p99_us]; "us"; null; true),
        row("idle: bare NIO echo, p50"; [$nio[].p50_us]; "us"; null; true),
        row("idle: bare epoll echo, p50"; [$echo[].p50_us]; "us"; null; true),
        row("idle: submit to assign beside the NIO echo"; beside($latency; $nio; .p50_us); "times"; 2; true),
        ping("alone"; ""; null),
        ping("beside a flood of label lists"; "label-lists"; $pingfloor),
        ping("beside a flood of lists"; "lists"; $pingfloor),
        ping("beside a flood of gets of unknown tasks"; "gets"; $pingfloor),
        ping("beside a flood of watches"; "watches"; $pingfloor),
        ping("beside a flood of refused batches"; "refused-batches"; $pingfloor),
        row("\($connections) idle workers: memory of each"; [$idle[].bytes_per_connection]; "bytes"; 16384; true),
        row("\($connections) idle workers: CPU, a heartbeat a second"; [$idle[].server_cpu_percent]; "%"; null; true),
        row("\($connections) idle workers: that CPU beside a bare NIO echo"; beside($idle; $idleecho; .server_cpu_percent);
            "times"; 2; true),
        row("\($connections) idle workers: heartbeat, p50"; [$idle[].p50_us]; "us"; null; true),
        row("\($connections) idle workers: heartbeat, p99"; [$idle[].p99_us]; "us"; null; true),
        row("TLS 1.3: lifecycles, memory store"; [$tls[].lifecycles_per_second]; "1/s"; null; false),
        row("TLS 1.3: lifecycles beside plaintext"; beside($tls; $podling; .lifecycles_per_second); "times"; 0.6; false),
        row("TLS 1.3: server CPU for a million"; [$tls[].server_cpu_seconds_per_million]; "s"; null; true),
        row("TLS 1.3: full handshakes"; [$shakes[].handshakes_per_second]; "1/s"; null; false),
        row("TLS 1.3: full handshakes, openssl s_time and s_server"; [$stime[].handshakes_per_second]; "1/s"; null; false),
        row("TLS 1.3: full handshakes beside s_time"; beside($shakes; $stime; .handshakes_per_second); "times"; 0.7; false),
        row("\($tlsconnections) idle TLS workers: memory of each"; [$idletls[].bytes_per_connection]; "bytes"; 61440; true)
    ] + $durable[0] + $engines[0]' >"$TABLE.part"
mv "$TABLE.part" "$TABLE"

heading "the table, also in $TABLE"
jq -r '
    def figure: if . == null then "" elif . >= 100 then round else . * 100 | round / 100 end | tostring;
    def held: if .floor == null then "" elif .lowerIsBetter == (.value <= .floor) or .value == .floor
        then "yes" else "NO" end;
    ["name", "value", "unit", "floor", "held"], (.[] | [.name, (.value | figure), .unit, (.floor | figure), held]) |
    join("|")' "$TABLE" |
    awk -F'|' '{ printf "%-72s %12s  %-8s %10s  %s\n", $1, $2, $3, $4, $5 }'

broken="$(jq '[.[] | select(.floor != null) | select(if .lowerIsBetter then .value > .floor else .value < .floor end)] |
    length' "$TABLE")"
if ((broken == 0)); then
    good "every floor holds"
else
    complain "$broken floors do not hold"
    if $fails; then exit 1; fi
fi

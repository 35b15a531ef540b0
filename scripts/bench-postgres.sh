#!/usr/bin/env bash
# The part of `make bench` with PostgreSQL: its own cluster with fsync on, bare SQL by pgbench beside the durable master.
# Needs release builds of podling-master, podling-load and commit-relay; writes rows of the table to the file given.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$REPOSITORY"

usage() { say "usage: scripts/bench-postgres.sh ROWS.json        (scripts/bench.sh calls it)"; }
readonly SECONDS_EACH=4 ROUNDS="${PODLING_BENCH_ROUNDS:-3}" PENDING="${PODLING_BENCH_PENDING:-1000000}"
# A commit takes more or less from one second to the next: for the ratio of two that is evened out by many short rounds.
readonly IDLE_SECONDS=1 IDLE_ROUNDS=$((3 * ROUNDS))
rows="${1:-}"
[[ -n $rows && $rows != -* ]] || { usage && exit 2; }

programs="$(programs_folder "${RELEASE[@]}")"
end_cluster() { scripts/postgres.sh down "$scratch/cluster"; }
use_scratch 10 end_cluster

chmod 755 "$scratch"
url="$(scripts/postgres.sh up "$scratch/cluster")"
postmaster="$(head -n 1 "$scratch/cluster/data/postmaster.pid")"
ticks="$(getconf CLK_TCK)"

sql() { PGOPTIONS="-c client_min_messages=warning" psql -X -q -A -t -v ON_ERROR_STOP=1 "$@" "$url"; }

# User and system seconds of all of PostgreSQL's processes, those that ended too.
postgres_cpu() {
    local pid
    for pid in "$postmaster" $(pgrep -P "$postmaster"); do
        sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null |
            awk -v all="$([[ $pid == "$postmaster" ]] && echo 1)" '{ print $12 + $13 + (all ? $14 + $15 : 0) }'
    done | awk -v ticks="$ticks" '{ sum += $1 } END { print sum / ticks }'
}

# A checkpoint in the middle of one measurement and not of another would decide between them.
settle() { sql -c 'CHECKPOINT'; }

# bare NAME CLIENTS SCRIPT SCALE SECONDS [PGBENCH ARGUMENTS...]: SCALE tasks a script; keeps tasks a second and the p50 of a
# script.
bare() {
    local name=$1 clients=$2 script=$3 scale=$4 seconds=$5
    shift 5
    sql -f Benchmarks/postgres/table.sql
    settle
    (cd "$scratch" && rm -f pgbench_log.* && pgbench -n -M prepared -c "$clients" -j 1 -T "$seconds" -D n=0 -l "$@" \
        -f "$REPOSITORY/Benchmarks/postgres/$script.sql" "$url") >"$scratch/pgbench.log" 2>&1 ||
        { show_log_tail "$scratch/pgbench.log" && die "pgbench failed"; }
    local p50
    # With --rate the time is from when it was due; the sixth column is how late it began.
    p50="$(cat "$scratch"/pgbench_log.* | awk '{ print $3 - $7 }' | sort -n | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }')"
    awk -v scale="$scale" -v p50="$p50" '/^tps/ { printf "{\"tasks_per_second\":%.1f,\"p50_us\":%s}\n", $3 * scale, p50 }' \
        "$scratch/pgbench.log" >>"$scratch/$name.runs"
}

has_listen_line() { grep -q '^listen=' "$1"; }
leads() { grep -q ' leading$' "$scratch/master.log"; }
start_master() {
    rm -f "$scratch/ports"
    STORE_TYPE=postgres DATABASE_URL="$url" start_process "$scratch/master.process" "$scratch/master.log" \
        "$programs/podling-master" --listen 127.0.0.1:0 --http-listen off --port-file "$scratch/ports"
    wait_until 60 has_listen_line "$scratch/ports" && wait_until 60 leads ||
        { show_log_tail "$scratch/master.log" && die "the master does not lead"; }
    address="$(sed -n 's/^listen=//p' "$scratch/ports")"
}
end_master() { end_process "$scratch/master.process" 10; }

counters() {
    sql -F ' ' -c "SELECT xact_commit, tup_inserted + tup_updated + tup_deleted, pg_current_wal_lsn() - '0/0'
        FROM pg_stat_database WHERE datname = current_database()"
}

# One run of the load generator beside what PostgreSQL counted meanwhile.
measure_podling() {
    sql -c 'TRUNCATE tasks'
    start_master
    settle
    local before after
    before="$(counters) $(postgres_cpu)"
    "$programs/podling-load" podling "$address" --seconds "$SECONDS_EACH" \
        --server-pid "$(live_process "$scratch/master.process")" >"$scratch/run.json" 2>"$scratch/load.log" ||
        { show_log_tail "$scratch/load.log" && show_log_tail "$scratch/master.log" && die "the load failed"; }
    # Backends report what they counted once a second.
    sleep 1.2
    after="$(counters) $(postgres_cpu)"
    end_master
    jq -c --arg before "$before" --arg after "$after" '
        ([$before, $after] | map(split(" ") | map(tonumber))) as [$from, $to] | .submitted as $tasks | . + {
            transactions_per_task: (($to[0] - $from[0]) / $tasks), rows_per_task: (($to[1] - $from[1]) / $tasks),
            wal_bytes_per_task: (($to[2] - $from[2]) / $tasks),
            postgres_cpu_seconds_per_million: (($to[3] - $from[3]) / $tasks * 1e6)}' \
        "$scratch/run.json" >>"$scratch/podling.runs"
}

# echo_latency NAME PROGRAM [ARGUMENTS...]: a line a millisecond to a server that gives back what it gets.
echo_latency() {
    local name=$1
    shift
    start_process "$scratch/$name.process" "$scratch/$name.listen" "$@"
    wait_until 10 has_listen_line "$scratch/$name.listen" || die "$name does not listen"
    "$programs/podling-load" echo-latency "$(sed -n 's/^listen=//p' "$scratch/$name.listen")" --seconds "$IDLE_SECONDS" \
        --server-pid "$(live_process "$scratch/$name.process")" 2>"$scratch/load.log" >>"$scratch/$name.runs" ||
        { show_log_tail "$scratch/load.log" && die "the load failed"; }
    end_process "$scratch/$name.process" 10
}
measure_echo() { echo_latency echo "$programs/podling-load" echo-server 127.0.0.1:0; }
# The bare way of a durable line, without Podling.
measure_relay() {
    sql -f Benchmarks/postgres/table.sql
    settle
    echo_latency relay "$programs/commit-relay" "$url"
}

measure_idle() {
    sql -c 'TRUNCATE tasks'
    start_master
    settle
    "$programs/podling-load" podling-idle-latency "$address" --seconds "$IDLE_SECONDS" \
        --server-pid "$(live_process "$scratch/master.process")" 2>"$scratch/load.log" >>"$scratch/idle.runs" ||
        { show_log_tail "$scratch/load.log" && die "the load failed"; }
    end_master
}

measure_start() {
    sql -c 'TRUNCATE tasks'
    sql -v count="$PENDING" -f Benchmarks/postgres/pending.sql
    settle
    local began
    began="$(date +%s%N)"
    start_master
    printf '{"seconds":%s}\n' "$((($(date +%s%N) - began) / 1000000))e-3" >"$scratch/start.runs"
    end_master
    # The bare limit: the same rows to a program that does nothing with them.
    began="$(date +%s%N)"
    sql -c 'COPY tasks TO STDOUT' >/dev/null
    printf '{"seconds":%s}\n' "$((($(date +%s%N) - began) / 1000000))e-3" >"$scratch/copy.runs"
    sql -c 'TRUNCATE tasks'
}

# The schema is the master's own.
start_master
end_master
for ((round = 1; round <= ROUNDS; round++)); do
    heading "PostgreSQL, round $round of $ROUNDS"
    for clients in 1 8 32; do bare "insert-$clients" "$clients" insert 1 "$SECONDS_EACH"; done
    bare lifecycle-32 32 lifecycle 1 "$SECONDS_EACH"
    bare batch-2 2 batch 1000 "$SECONDS_EACH"
    measure_podling
done
heading "PostgreSQL, $IDLE_ROUNDS rounds of one line a millisecond"
for ((round = 1; round <= IDLE_ROUNDS; round++)); do
    bare insert-idle 1 insert 1 "$IDLE_SECONDS" --rate 1000
    measure_echo
    measure_relay
    measure_idle
done
heading "PostgreSQL, start with $PENDING tasks that wait"
measure_start

runs() { jq -cs . "$scratch/$1.runs"; }
jq -n --argjson insert1 "$(runs insert-1)" --argjson insert8 "$(runs insert-8)" --argjson insert32 "$(runs insert-32)" \
    --argjson insertIdle "$(runs insert-idle)" --argjson echo "$(runs echo)" --argjson relay "$(runs relay)" \
    --argjson lifecycle "$(runs lifecycle-32)" --argjson batch "$(runs batch-2)" --argjson podling "$(runs podling)" \
    --argjson idle "$(runs idle)" --argjson start "$(runs start)" --argjson copy "$(runs copy)" --argjson pending "$PENDING" '
    def median: sort | .[length / 2 | floor];
    def row($name; $values; $unit; $floor; $lower):
        {name: "durable: \($name)", value: ($values | median), unit: $unit, floor: $floor, lowerIsBetter: $lower};
    [
        row("bare INSERT of one row, 1 client"; [$insert1[].tasks_per_second]; "1/s"; null; false),
        row("bare INSERT of one row, 8 clients"; [$insert8[].tasks_per_second]; "1/s"; null; false),
        row("bare INSERT of one row, 32 clients"; [$insert32[].tasks_per_second]; "1/s"; null; false),
        row("bare lifecycle, row by row, 32 clients"; [$lifecycle[].tasks_per_second]; "1/s"; null; false),
        row("bare lifecycle, 1,000 rows a statement, 2 clients"; [$batch[].tasks_per_second]; "1/s"; null; false),
        row("lifecycles"; [$podling[].lifecycles_per_second]; "1/s"; null; false),
        row("lifecycles beside row by row"; [$podling, $lifecycle] | transpose |
            map(.[0].lifecycles_per_second / .[1].tasks_per_second); "times"; 5; false),
        row("lifecycles beside 1,000 rows a statement"; [$podling, $batch] | transpose |
            map(.[0].lifecycles_per_second / .[1].tasks_per_second); "times"; 0.62; false),
        row("submit under that load, p50"; [$podling[].submit_p50_us]; "us"; null; true),
        row("submit under that load, p99"; [$podling[].submit_p99_us]; "us"; null; true),
        row("rows written for a task"; [$podling[].rows_per_task]; "rows"; null; true),
        row("transactions for a task"; [$podling[].transactions_per_task]; ""; null; true),
        row("WAL for a task"; [$podling[].wal_bytes_per_task]; "bytes"; null; true),
        row("master CPU for a million"; [$podling[].server_cpu_seconds_per_million]; "s"; null; true),
        row("PostgreSQL CPU for a million"; [$podling[].postgres_cpu_seconds_per_million]; "s"; null; true),
        row("idle, bare INSERT of one row, one a millisecond, p50"; [$insertIdle[].p50_us]; "us"; null; true),
        row("idle, submit to reply, p50"; [$idle[].submit_p50_us]; "us"; null; true),
        row("idle, submit to assign, p50"; [$idle[].p50_us]; "us"; null; true),
        row("idle, submit to assign, p99"; [$idle[].p99_us]; "us"; null; true),
        row("idle, bare relay of a line to that INSERT and back, p50"; [$relay[].p50_us]; "us"; null; true),
        row("idle, that relay less a bare echo, beside that INSERT"; [$relay, $echo, $insertIdle] | transpose |
            map((.[0].p50_us - .[1].p50_us) / .[2].p50_us); "times"; null; true),
        row("idle, submit to assign less a bare echo, beside that INSERT"; [$idle, $echo, $insertIdle] | transpose |
            map((.[0].p50_us - .[1].p50_us) / .[2].p50_us); "times"; null; true),
        row("idle, submit to assign less a bare echo, beside that relay less it"; [$idle, $relay, $echo] | transpose |
            map((.[0].p50_us - .[2].p50_us) / (.[1].p50_us - .[2].p50_us)); "times"; 1.5; true),
        row("start with \($pending) tasks that wait"; [$start[].seconds]; "s"; null; true),
        row("the same rows by COPY to nowhere"; [$copy[].seconds]; "s"; null; true),
        row("start beside that COPY"; [$start[0].seconds / $copy[0].seconds]; "times"; 7; true)
    ]' >"$rows"

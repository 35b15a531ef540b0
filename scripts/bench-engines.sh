#!/usr/bin/env bash
# The part of `make bench` with containers: a task from its submit to its end, and its output, on each engine there is, beside
# the engine's own calls. Needs release builds of the three programs, and root; writes rows of the table to the file given.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$REPOSITORY"

usage() { say "usage: scripts/bench-engines.sh ROWS.json        (scripts/bench.sh calls it)"; }
readonly TASKS=10 ROUNDS="${PODLING_BENCH_ROUNDS:-3}" OUTPUT_LINES=100000 LINE_BYTES=1000
rows="${1:-}"
[[ -n $rows && $rows != -* ]] || { usage && exit 2; }

programs="${PODLING_PROGRAMS:-$(programs_folder "${RELEASE[@]}")}"
engines_are_ours=false
end_engines() {
    ! $engines_are_ours || scripts/engines.sh down || warn "the engines did not end; try: scripts/engines.sh down"
}
use_scratch 20 end_engines

echo '[]' >"$rows"
if [[ -z ${PODLING_TEST_DOCKER_SOCKET:-}${PODLING_TEST_PODMAN_SOCKET:-} ]]; then
    if ((EUID != 0)) || { ! have dockerd && ! have podman; }; then
        warn "no engine can be started: no rows of containers"
        exit 0
    fi
    scripts/engines.sh status >/dev/null 2>&1 || { engines_are_ours=true && scripts/engines.sh up; }
    # shellcheck disable=SC1090
    source "${PODLING_ENGINES_DIR:-.build/engines}/engines.env"
fi

has_listen_line() { grep -q '^listen=' "$1"; }
since() { awk -v from="$1" -v to="$EPOCHREALTIME" 'BEGIN { printf "%.6f", to - from }'; }

# The engine's own: create, start, wait, one connection for all three. Podman waits by its own call: the one that is as
# Docker's costs a core.
engine_task() {
    local socket=$1 name=$2 wait=$3 base=http://engine/v1.41/containers
    curl -fsS --unix-socket "$socket" -o /dev/null -H 'Content-Type: application/json' \
        -d '{"Image":"docker.io/library/busybox:latest","Cmd":["true"]}' "$base/create?name=$name" \
        --next -fsS --unix-socket "$socket" -o /dev/null -X POST "$base/$name/start" \
        --next -fsS --unix-socket "$socket" -o /dev/null -X POST "http://engine$(printf "$wait" "$name")"
}

# ask LINE: sends it to the master, and reads lines until one has WORD.
ask() {
    local line
    printf '%s\n' "$1" >&3
    while IFS= read -r line <&3; do [[ $line != *"$2"* ]] || break; done
    printf '%s' "$line"
}

podling_task() {
    local reply id
    reply="$(ask '{"op":"submit","id":1,"name":"bench","image":"busybox","command":["true"]}' '"re":1')"
    id="$(sed -nE 's/.*"taskId":"([^"]+)".*/\1/p' <<<"$reply")"
    reply="$(ask "{\"op\":\"wait\",\"id\":2,\"taskId\":\"$id\"}" '"done"')"
    [[ $reply == *'"completed"'* ]] || die "the task ended otherwise: $reply"
}

# bench ENGINE SOCKET WAIT
bench() {
    local engine=$1 socket=$2 wait=$3 round task started own ours bytes seconds container
    local node="bench-$engine-$$" address
    start_process "$scratch/master.process" "$scratch/master.log" "$programs/podling-master" \
        --listen 127.0.0.1:0 --http-listen off --port-file "$scratch/$engine.listen"
    wait_until 10 has_listen_line "$scratch/$engine.listen" || die "the master does not listen"
    address="$(sed -n 's/^listen=//p' "$scratch/$engine.listen")"
    start_process "$scratch/worker.process" "$scratch/worker.log" env "DOCKER_HOST=unix://$socket" "$programs/podling-worker" \
        --master "$address" --engine "$engine" --node-id "$node" --state-dir "$scratch/state-$engine" --stop-on-exit
    exec 3<>"/dev/tcp/${address%:*}/${address##*:}"
    podling_task
    for ((round = 1; round <= ROUNDS; round++)); do
        heading "containers on $engine, round $round of $ROUNDS"
        started=$EPOCHREALTIME
        for ((task = 0; task < TASKS; task++)); do engine_task "$socket" "$node-$round-$task" "$wait"; done
        own="$(since "$started")"
        started=$EPOCHREALTIME
        for ((task = 0; task < TASKS; task++)); do podling_task; done
        ours="$(since "$started")"
        for ((task = 0; task < TASKS; task++)); do
            curl -fsS --unix-socket "$socket" -o /dev/null -X DELETE "http://engine/v1.41/containers/$node-$round-$task?force=1&v=1"
        done
        local lines="awk 'BEGIN{p=sprintf(\"%$((LINE_BYTES - 9))s\",\"\");for(i=0;i<$OUTPUT_LINES;i++)printf \"%08d%s\\n\",i,p}'"
        started=$EPOCHREALTIME
        bytes="$("$programs/podling-client" run --master "$address" busybox sh -c "$lines" | wc -c)"
        seconds="$(since "$started")"
        # The engine's own follow of the same, from its beginning to its end; what it loses is its affair.
        container="$node-output-$round"
        jq -n --arg engine "$engine" --arg lines "$lines" '{Image: "docker.io/library/busybox:latest", Cmd: ["sh", "-c", $lines],
            HostConfig: {LogConfig: {Type: (if $engine == "docker" then "local" else "k8s-file" end),
                Config: {"max-size": "512m"}}}}' >"$scratch/create.json"
        curl -fsS --unix-socket "$socket" -o /dev/null -H 'Content-Type: application/json' -d "@$scratch/create.json" \
            "http://engine/v1.41/containers/create?name=$container"
        local since_start=$EPOCHREALTIME followed
        curl -fsS --unix-socket "$socket" -o /dev/null -X POST "http://engine/v1.41/containers/$container/start"
        followed="$(curl -fsS --unix-socket "$socket" \
            "http://engine/v1.41/containers/$container/logs?stdout=true&follow=true&tail=all" | wc -c)"
        since_start="$(since "$since_start")"
        curl -fsS --unix-socket "$socket" -o /dev/null -X DELETE "http://engine/v1.41/containers/$container?force=1&v=1"
        jq -nc --argjson own "$own" --argjson ours "$ours" --argjson tasks "$TASKS" --argjson bytes "$bytes" \
            --argjson seconds "$seconds" --argjson wanted "$((OUTPUT_LINES * LINE_BYTES))" --argjson followed "$followed" \
            --argjson followseconds "$since_start" '{own_ms: ($own * 1000 / $tasks), ours_ms: ($ours * 1000 / $tasks),
                lost: ($wanted - $bytes), megabytes: ($bytes / $seconds / 1e6), followed: ($followed / $followseconds / 1e6)}' \
            >>"$scratch/$engine.runs"
    done
    exec 3>&-
    end_process "$scratch/worker.process" 20
    end_process "$scratch/master.process" 10
    jq -s --arg engine "$engine" '
        def median: sort | .[length / 2 | floor];
        def row($name; $values; $unit; $floor; $lower):
            {name: "\($engine): \($name)", value: ($values | median), unit: $unit, floor: $floor, lowerIsBetter: $lower};
        [row("a container by its own create, start and wait"; [.[].own_ms]; "ms"; null; true),
         row("a task from submit to end"; [.[].ours_ms]; "ms"; null; true),
         row("a task beside the engine alone"; [.[] | .ours_ms / .own_ms]; "times"; 1.10; true),
         row("output, by run"; [.[].megabytes]; "MB/s"; null; false),
         row("output, by its own follow"; [.[].followed]; "MB/s"; null; false),
         row("output, by run: lost"; [[.[].lost] | max]; "bytes"; 0; true)]' "$scratch/$engine.runs" >"$scratch/$engine.rows"
}

if [[ -n ${PODLING_TEST_DOCKER_SOCKET:-} ]]; then
    bench docker "$PODLING_TEST_DOCKER_SOCKET" '/v1.41/containers/%s/wait'
fi
if [[ -n ${PODLING_TEST_PODMAN_SOCKET:-} ]]; then
    bench podman "$PODLING_TEST_PODMAN_SOCKET" \
        '/v4.0.0/libpod/containers/%s/wait?condition=exited&condition=stopped&interval=10ms'
fi
if compgen -G "$scratch/*.rows" >/dev/null; then jq -s add "$scratch"/*.rows >"$rows"; fi

#!/usr/bin/env bash
# Behind `make demo`: a real master and worker on free loopback ports, three tasks, shown as a user would see them.
# With --tls all of it goes over TLS, where master, worker and client each have a certificate.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$REPOSITORY"

readonly READY_SECONDS=20 COMMAND_SECONDS=90 STOP_SECONDS=20 PULL_SECONDS=30
# What `podling-client run` and `wait` exit with for a cancelled task.
readonly CANCELLED_CODE=130

tls=false
case "${1:-}" in
    '') ;;
    --tls) tls=true ;;
    *) die "usage: scripts/demo.sh [--tls]" ;;
esac

scratch='' engine='' engine_socket='' image_is_ours=false node='' long_task=''

engine_call() { curl -fsS --unix-socket "$engine_socket" "$@"; }

# The worker keeps ended containers for their output; nobody will ask for that of the demo. Only those that carry the
# label of the demo's own node are touched.
remove_containers() {
    local id
    [[ -n $node && $engine != process ]] || return 0
    for id in $(engine_call --max-time 20 'http://engine/containers/json?all=true' |
        jq -r --arg node "$node" '.[] | select(.Labels["podling.node"] == $node) | .Id'); do
        engine_call --max-time 20 -X DELETE -o /dev/null "http://engine/containers/$id?force=true&v=true" || true
    done
}

clean_up() {
    local code=$?
    trap - EXIT
    trap '' INT TERM
    set +e
    if [[ -n $long_task ]]; then
        timeout 5 podling-client cancel "$long_task" >/dev/null 2>&1 || true
        timeout 15 podling-client wait "$long_task" >/dev/null 2>&1 || true
    fi
    end_process "$scratch/worker.pid" "$STOP_SECONDS"
    end_process "$scratch/master.pid" "$STOP_SECONDS"
    remove_containers
    ! $image_is_ours || engine_call --max-time 20 -X DELETE -o /dev/null http://engine/images/busybox:latest || true
    if ((code != 0)); then
        show_log_tail "$scratch/master.log"
        show_log_tail "$scratch/worker.log"
    fi
    rm -rf "$scratch"
    if ((code == 0)); then
        heading "done"
        good "Three tasks ended as they should, and everything that was started is ended."
        say "Next: README.md, proto-spec.md; 'make test' runs the tests."
    fi
    exit "$code"
}

# candidate_sockets: one a line, in the worker's order. Where DOCKER_HOST is set, the worker tries nothing else.
candidate_sockets() {
    if [[ -n ${DOCKER_HOST:-} ]]; then
        [[ $DOCKER_HOST != unix://* ]] || echo "${DOCKER_HOST#unix://}"
        return
    fi
    echo /var/run/docker.sock
    [[ -z ${XDG_RUNTIME_DIR:-} ]] || echo "$XDG_RUNTIME_DIR/docker.sock"
    echo /run/podman/podman.sock
    [[ -z ${XDG_RUNTIME_DIR:-} ]] || echo "$XDG_RUNTIME_DIR/podman/podman.sock"
}

# engine_kind: docker or podman, as the engine says of itself.
engine_kind() {
    engine_call --max-time 5 http://engine/version 2>/dev/null |
        jq -er 'if any(.Components[]?; .Name == "Podman Engine") then "podman" else "docker" end' 2>/dev/null
}

has_busybox() { engine_call --max-time 10 -o /dev/null http://engine/images/busybox:latest/json 2>/dev/null; }

pull_busybox() {
    say "pulling busybox (at most $PULL_SECONDS s)"
    engine_call --max-time "$PULL_SECONDS" -X POST -o /dev/null \
        'http://engine/images/create?fromImage=docker.io/library/busybox&tag=latest' 2>/dev/null && has_busybox
}

import_busybox() {
    have busybox || { ((EUID == 0)) && have apt-get && scripts/setup.sh images; } || return 1
    say "no registry answers: making a busybox image of this machine's own busybox for the time of the demo"
    build_busybox_root "$scratch/busybox.tar"
    engine_call --max-time 60 -X POST -H 'Content-Type: application/x-tar' --data-binary "@$scratch/busybox.tar" \
        -o /dev/null 'http://engine/images/create?fromSrc=-&repo=docker.io/library/busybox&tag=latest' || return 1
    image_is_ours=true
    has_busybox
}

choose_engine() {
    local kind socket reason="no Docker or Podman socket answers"
    while read -r socket; do
        engine_socket="$socket"
        [[ -S $socket ]] && kind="$(engine_kind)" || continue
        if has_busybox || pull_busybox || import_busybox; then
            engine="$kind"
            good "Tasks run as containers: ${kind^} answers on $socket."
            return
        fi
        reason="an engine answers on $socket, but busybox can be neither pulled nor made (apt-get install busybox-static)"
    done < <(candidate_sockets)
    engine=process
    warn "Tasks run as plain processes, not containers: $reason."
}

build() {
    local folder
    if [[ -n ${PODLING_PROGRAMS:-} ]]; then
        folder="$(given_programs)"
    else
        heading "building (a first build takes some minutes)"
        build_programs
        folder="$(programs_folder)"
    fi
    PATH="$folder:$PATH"
    export PATH
}

port_file_is_ready() { grep -q '^listen=' "$scratch/ports" && grep -q '^http=' "$scratch/ports"; }
master_is_ready() { process_is_gone "$scratch/master.pid" || port_file_is_ready; }
node_is_online() { podling-client nodes --output json | grep -q '"online"'; }
worker_is_ready() { process_is_gone "$scratch/worker.pid" || node_is_online; }

# What each program is given beside the rest.
master_tls=() worker_tls=() curl_tls=() scheme=podling http=http
make_certificates() {
    local certs="$scratch/certs"
    heading "certificates for a lab"
    say "$ scripts/dev-certs.sh certs --node demo --client me"
    scripts/dev-certs.sh "$certs" --node demo --client me
    master_tls=(--tls-cert "$certs/server.pem" --tls-key "$certs/server.key" --tls-client-ca "$certs/ca.pem"
        --tls-client-cert require)
    worker_tls=(--node-id demo --sslcert "$certs/node-demo.pem" --sslkey "$certs/node-demo.key")
    curl_tls=(--cacert "$certs/ca.pem" --cert "$certs/client-me.pem" --key "$certs/client-me.key")
    scheme=podlings http=https
    # The client's, by the environment; the worker's flags go before these.
    export PODLING_SSLMODE=verify-full PODLING_SSLROOTCERT="$certs/ca.pem" PODLING_SSLCERT="$certs/client-me.pem" \
        PODLING_SSLKEY="$certs/client-me.key"
}

start_programs() {
    heading "starting a master and a worker"
    say "$ podling-master --listen 127.0.0.1:0 --http-listen 127.0.0.1:0 ${master_tls[*]} &"
    start_process "$scratch/master.pid" "$scratch/master.log" \
        podling-master --listen 127.0.0.1:0 --http-listen 127.0.0.1:0 --port-file "$scratch/ports" "${master_tls[@]}"
    wait_until "$READY_SECONDS" master_is_ready && port_file_is_ready || die "the master did not start"
    PODLING_MASTER="$scheme://$(sed -n 's/^listen=//p' "$scratch/ports")"
    HTTP="$http://$(sed -n 's/^http=//p' "$scratch/ports")"
    export PODLING_MASTER
    [[ $engine == process ]] || export DOCKER_HOST="unix://$engine_socket"
    say "$ podling-worker --master $PODLING_MASTER --engine $engine --stop-on-exit ${worker_tls[*]} &"
    start_process "$scratch/worker.pid" "$scratch/worker.log" podling-worker --master "$PODLING_MASTER" \
        --engine "$engine" --stop-on-exit --state-dir "$scratch/worker" "${worker_tls[@]}"
    wait_until "$READY_SECONDS" worker_is_ready && node_is_online || die "the worker did not come online"
    node="$(podling-client nodes --output ndjson | jq -r '.nodeId')"
    say "$ export PODLING_MASTER=$PODLING_MASTER"
}

# show COMMAND...: prints the command as it could be typed, runs it, and sets code.
show() {
    local word line='$'
    for word in "$@"; do
        if [[ $word =~ ^[A-Za-z0-9_./:=@%+-]+$ ]]; then line+=" $word"; else line+=" '${word//\'/\'\\\'\'}'"; fi
    done
    printf '\n%s%s%s\n' "$BOLD" "$line" "$PLAIN"
    code=0
    timeout --foreground "$COMMAND_SECONDS" "$@" </dev/null || code=$?
    ((code == 0)) || say "(exit code $code)"
}

task_id() { curl -fsS --max-time 10 "${curl_tls[@]}" "$HTTP/api/v1/tasks" | jq -er --arg name "$1" '.[] | select(.name == $name).taskId'; }
task_field() { podling-client get "$1" --output json | jq -r ".$2"; }
has_status() { [[ $(task_field "$1" status) == "$2" ]]; }

wrong=0
# expect WHAT IS WANTED
expect() {
    [[ $2 == "$3" ]] && return
    complain "$1 is '$2', should be '$3'"
    wrong=$((wrong + 1))
}

run_tasks() {
    local hello fails
    heading "three tasks: one that succeeds, one that fails, one that is cancelled"
    show podling-client nodes
    show podling-client run --name hello busybox echo "hello from Podling"
    expect "the exit code of 'run hello'" "$code" 0
    show podling-client run --name fails busybox sh -c 'echo "this one fails"; exit 3'
    expect "the exit code of 'run fails'" "$code" 3
    show podling-client run --detach --name long busybox \
        sh -c 'trap "echo stopping; exit 0" TERM; while true; do echo working; sleep 1; done'
    expect "the exit code of 'run --detach long'" "$code" 0
    long_task="$(task_id long)" || die "the master does not know the task 'long'"
    wait_until "$COMMAND_SECONDS" has_status "$long_task" running || die "the task 'long' does not start"
    show podling-client ps
    show podling-client cancel "$long_task"
    expect "the exit code of 'cancel'" "$code" 0
    show podling-client wait "$long_task"
    expect "the exit code of 'wait' for a cancelled task" "$code" "$CANCELLED_CODE"
    show podling-client ps --all
    show podling-client logs "$long_task"
    expect "the exit code of 'logs'" "$code" 0
    heading "the same over HTTP"
    show curl -s "${curl_tls[@]}" "$HTTP/api/v1/tasks"
    expect "the exit code of 'curl'" "$code" 0
    hello="$(task_id hello)" && fails="$(task_id fails)" || die "the HTTP list lacks a task"
    expect "the status of hello" "$(task_field "$hello" status)/$(task_field "$hello" exitCode)" completed/0
    expect "the status of fails" "$(task_field "$fails" status)/$(task_field "$fails" exitCode)" failed/3
    expect "the status of long" "$(task_field "$long_task" status)" cancelled
    long_task=''
}

main() {
    scripts/setup.sh base
    scratch="$(mktemp -d)"
    trap clean_up EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    build
    choose_engine
    ! $tls || make_certificates
    start_programs
    run_tasks
    ((wrong == 0)) || die "$wrong thing(s) did not end as they should; the logs follow"
}

main "$@"

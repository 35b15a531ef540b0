#!/usr/bin/env bash
# A Podling worker in bash and jq: one slot; its task's command and args run as a process. PODLING_MASTER is HOST:PORT.
master=${PODLING_MASTER:-127.0.0.1:7070} node=${PODLING_NODE:-$(hostname)} instance=$$-$RANDOM
key='' pid='' why='' report=''                  # the one task, its process, how it was stopped, its last report
say() { printf '%s\n' "$1" >&3; }
tell() {                                        # tell STATUS [EXIT-CODE]: kept until the master has confirmed it
    say "${report:=$(jq -nc --argjson key "$key" --arg status "$1" --argjson code "${2:-null}" \
        '{op: "status", id: $status, status: $status, exitCode: $code} + $key')}"
}
start() {                                       # @sh quotes each word, so that eval makes just these words of it
    local words own
    key=$(jq -c '{taskId, attempt}' <<<"$1") why='' report=''
    eval "words=($(jq -r '.spec | [.command[]?, .args[]?] | @sh' <<<"$1"))"
    eval "own=($(jq -r '[(.spec.env // {} | to_entries[] | "\(.key)=\(.value)"),
        "PODLING_TASK_ID=\(.taskId)", "PODLING_ATTEMPT=\(.attempt)"] | @sh' <<<"$1"))"
    env -C "$(jq -r '.spec.workingDir // "."' <<<"$1")" "${own[@]}" "${words[@]}" </dev/null 3>&- &
    pid=$! && tell running
}
heard() {
    case $(jq -r '.ev // .err.code // if .ok.kill[0]? then "kill" else .re end' <<<"$1") in
        assign) start "$1" ;;
        cancel | kill) why=cancelled; [[ -z $pid ]] || kill "$pid" ;;
        completed | failed | cancelled | stale_attempt | not_found) [[ -n $pid ]] || key='' ;;
        unregistered | conflict) return 1 ;;    # dial again
    esac
    return 0
}
while sleep $((RANDOM % 3)); do
    exec 3<>"/dev/tcp/${master%:*}/${master##*:}" || continue
    say '{"op":"hello","proto":1,"role":"worker","node":"'"$node"'","instance":"'"$instance"'"}'
    say '{"op":"register","slots":1,"attempts":['"$key"']}' && [[ -z $key ]] || tell
    while read -r -t 1 -u 3 part; code=$?; line+=$part; ((code == 0 || code > 128)); do
        if ((code == 0)); then heard "$line" || break; line=''; fi
        ((SECONDS % 4)) || say '{"op":"heartbeat"}'
        [[ -n $pid ]] && ! kill -0 "$pid" 2>/dev/null || continue
        wait "$pid"; code=$? pid='' report=''
        tell "${why:-$( ((code)) && echo failed || echo completed)}" "$code"
    done
    line=''
done

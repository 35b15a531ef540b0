#!/usr/bin/env bash
# A Podling worker in bash, with jq and setpriv: tasks' command and args run as processes here. PODLING_MASTER is HOST:PORT.
# It keeps the duties W1 to W18 of proto-spec.md, section 11.1, and the tests hold it against them.
master=${PODLING_MASTER:-127.0.0.1:7070} node=${PODLING_NODE:-$(hostname)} instance=$$-$RANDOM$RANDOM slots=4 number=0
members='["name","image","command","args","env","workingDir","ports","resources","labels","nodeSelector","priority",
    "timeoutSeconds","maxAttempts","onNodeLost","stopGraceSeconds","pullPolicy","idempotencyKey"]'
# By TASK/ATTEMPT: what is to start, processes, newest reports with the ids of their requests, times to repeat them and to
# kill; what an order to end makes of an end; what never runs again. By id: requests without a reply.
declare -A spec pid report request resend_at kill_at verdict over asked
lease=10000 beat=5000 trusted=0 pause=100 spread=100        # milliseconds; nothing is started when it is past `trusted`
trap : PIPE
clock() { now=$((${EPOCHREALTIME/./} / 1000)); }
ask() {                                         # ask OP [KEY [MEMBERS]], each of these with a comma before it
    local name=''
    clock
    asked[$((++number))]="$1 $now ${2:-}"
    [[ -z ${2:-} ]] || name=",\"taskId\":\"${2%/*}\",\"attempt\":${2#*/}"
    printf '{"op":"%s","id":%d%s%s}\n' "$1" "$number" "$name" "${3:-}" 2>/dev/null >&3
}
report() { report[$1]=$2 resend_at[$1]='' request[$1]=$((number + 1)); ask status "$1" "$2"; }   # W8: until it is confirmed
has_ended() { [[ ${report[$1]:-} =~ '"status":"'(completed|failed|cancelled) ]]; }
runs() { [[ -n ${pid[$1]:-} ]] && kill -0 "${pid[$1]}" 2>/dev/null; }
signal() { ! runs "$1" || kill -s "$2" -- "-${pid[$1]}" 2>/dev/null || kill -s "$2" "${pid[$1]}" 2>/dev/null; }
is_here() { [[ -n ${spec[$1]:-}${pid[$1]:-}${report[$1]:-} ]]; }
forget() {                                      # W10, W12: nobody wants to hear of it
    signal "$1" KILL
    over[$1]=1 spec[$1]='' pid[$1]='' report[$1]='' request[$1]='' resend_at[$1]='' kill_at[$1]='' verdict[$1]=''
    unset "spec[$1]" "pid[$1]" "report[$1]" "request[$1]" "resend_at[$1]" "kill_at[$1]" "verdict[$1]"
}
start() {                                       # @sh quotes each word, so that eval makes just these words of it
    local words own folder
    eval "$(jq -r --arg node "$node" '"words=(\([.spec | .command[]?, .args[]?] | @sh)) folder=\(.spec.workingDir // "." | @sh)",
        "own=(\([(.spec.env // {} | to_entries[] | "\(.key)=\(.value)"), "PODLING_TASK_ID=\(.taskId)",
            "PODLING_ATTEMPT=\(.attempt)", "PODLING_NODE_ID=\($node)"] | @sh))"' <<<"${spec[$1]}")"
    # W15: a group of its own, which dies with this worker.
    setpriv --pdeathsig KILL setsid env -C "$folder" "${own[@]}" "${words[@]}" </dev/null 3>&- 4<&- &
    pid[$1]=$! spec[$1]=''
    report "$1" ',"status":"running"'
}
assigned() {                                    # W4, W5: assigned KEY LINE UNKNOWN-MEMBERS
    local why='' live=0 key
    if [[ -n ${report[$1]:-} ]]; then report "$1" "${report[$1]}"; return; fi
    if is_here "$1"; then ask accept "$1"; return; fi
    for key in "${!spec[@]}"; do [[ -z ${spec[$key]}${pid[$key]:-} ]] || has_ended "$key" || ((++live)); done
    [[ $3 == '[]' ]] || why="members that it does not know: ${3//[^a-zA-Z, ]/}"
    ((live < slots)) || why='all slots are taken'
    [[ -z ${over[$1]:-} ]] || why='it was here before'
    if [[ -n $why ]]; then ask reject "$1" ",\"error\":\"$why\""; return; fi
    spec[$1]=$2
    ask accept "$1"
}
cancelled() {                                   # W11: it comes again and again, and only a shorter grace changes anything
    local at=$((now + $2 * 1000))
    ! has_ended "$1" || return 0
    if [[ -z ${pid[$1]:-} ]]; then spec[$1]='' && report "$1" ',"status":"cancelled"'; return; fi
    if ! runs "$1"; then verdict[$1]=${verdict[$1]:-before}
    elif [[ -z ${kill_at[$1]:-} ]]; then verdict[$1]=cancelled && signal "$1" TERM; fi
    ((at >= ${kill_at[$1]:-at + 1})) || kill_at[$1]=$at
}
step() {                                        # what time brings
    local code status
    ((now < ${kill_at[$1]:-now + 1})) || signal "$1" KILL
    if [[ -n ${spec[$1]:-} ]]; then ((now >= trusted)) || start "$1"         # W3
    elif [[ -n ${pid[$1]:-} ]] && ! has_ended "$1" && ! runs "$1"; then
        wait "${pid[$1]}"; code=$?
        ((code)) && status=failed || status=completed
        case ${verdict[$1]:-} in
            before) report "$1" ",\"status\":\"$status\",\"exitCode\":$code,\"beforeSignal\":true" ;;
            *) report "$1" ",\"status\":\"${verdict[$1]:-$status}\",\"exitCode\":$code" ;;
        esac
    elif [[ -n ${resend_at[$1]:-} ]] && ((now >= ${resend_at[$1]})); then report "$1" "${report[$1]}"; fi
}
answered() {                                    # uses what `parsed` tells of the line
    local op sent key each
    read -r op sent key <<<"${asked[$id]:-}"
    unset "asked[$id]"
    if [[ -n $key && $code =~ ^(stale_attempt|not_found)$ ]]; then forget "$key"; return; fi
    if [[ -n $code ]]; then pause=$after spread=1; fi
    if [[ -n $code ]] && [[ -z $key || $code =~ ^(unregistered|not_leader)$ ]]; then return 1; fi      # W13: dial, and register
    if [[ -n $new_lease ]]; then lease=$new_lease beat=$new_beat; fi
    if [[ -n $op && $op != hello && -z $code ]] && ((sent + lease > trusted)); then trusted=$((sent + lease)); fi
    for each in $gone; do forget "$each"; done
    if [[ $op == register ]]; then
        pause=100 spread=100
        for each in "${!report[@]}"; do [[ -z ${report[$each]} ]] || report "$each" "${report[$each]}"; done
    fi
    [[ -n $key && ${request[$key]:-} == "$id" ]] || return 0
    if [[ $again == true ]]; then resend_at[$key]=$((now + pause)); elif has_ended "$key"; then forget "$key"; fi
}
parsed() {                                      # the master's lines as assignments, one for each; it dies with this worker
    exec setpriv --pdeathsig KILL jq --unbuffered -r --argjson members "$members" '
        @sh "event=\(.ev // "") key=\("\(.taskId)/\(.attempt)") sub=\(.sub // 0)"
        + @sh " grace=\(.graceSeconds // 0) least=\(.reconnect_ms[0]? // 0) most=\(.reconnect_ms[1]? // 0)"
        + @sh " standby=\(.standby // "") id=\(.re // 0) code=\(.err.code // "") again=\(.err.retryable // "")"
        + @sh " after=\(.err.retry_after_ms // 1000) new_lease=\(.ok.lease_ms? // "") new_beat=\(.ok.heartbeat_ms? // "")"
        + @sh " gone=\([(.ok.kill?, .ok.lost?)[]? | "\(.taskId)/\(.attempt)"] | join(" "))"
        + @sh " unknown=\((.spec // {} | keys) - $members | tojson) line=\(tojson)"'
}
heard() {
    local event key sub grace least most standby id code again after new_lease new_beat gone unknown line
    eval "$1"
    case $event in
        assign) assigned "$key" "$line" "$unknown" ;;
        cancel) cancelled "$key" "$grace" ;;
        kill) forget "$key" ;;
        logs) ask log_end '' ",\"sub\":$sub,\"error\":\"this worker keeps no output\"" ;;
        drain) pause=$least spread=$((most - least + 1)) ;;
        hello) [[ -z $standby ]] ;;
        error) return 1 ;;
        '') answered ;;
        *) return 0 ;;
    esac
}
steps() { local key; clock; for key in "${!spec[@]}" "${!pid[@]}" "${!report[@]}"; do step "$key"; done; }
serve() {
    local key code part line='' attempts='' heard_at beaten_at
    asked=()
    ask hello '' ",\"proto\":1,\"role\":\"worker\",\"node\":\"$node\",\"instance\":\"$instance\""
    for key in "${!spec[@]}" "${!report[@]}"; do
        [[ $attempts == *"\"${key%/*}\",\"attempt\":${key#*/}}"* ]] || ! is_here "$key" ||
            attempts+=${attempts:+,}"{\"taskId\":\"${key%/*}\",\"attempt\":${key#*/}}"
    done
    ask register '' ",\"slots\":$slots,\"attempts\":[$attempts]"
    heard_at=$now beaten_at=$now
    while read -r -t 0.1 -u 4 part; code=$?; line+=$part; ((code == 0 || code > 128)); do
        clock
        if ((code == 0)); then heard_at=$now && heard "$line" || return; line=''; fi
        if ((${#asked[@]} > 0 && now - heard_at > lease)); then return; fi           # W14
        if ((now - beaten_at > beat * 9 / 10)); then ask heartbeat && beaten_at=$now; fi
        steps
    done
}
while :; do
    if { exec 3<>"/dev/tcp/${master%:*}/${master##*:}"; } 2>/dev/null; then
        exec 4< <(parsed <&3)
        parser=$!
        serve
        kill "$parser" 2>/dev/null
        exec 3>&- 4<&-
    fi
    clock
    until=$((now + pause + RANDOM % spread))
    ((spread == 1)) || pause=$((pause * 2 < 4000 ? pause * 2 : 4000)) spread=1000
    while ((now < until)); do sleep 0.1; steps; done
done

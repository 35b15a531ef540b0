#!/usr/bin/env bash
# A real Docker Engine, a real Podman service and a local registry for the container tests.
# Everything lives under one folder and on loopback; `down` ends all of it.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage() {
    cat <<'USAGE'
usage: scripts/engines.sh up|down|status

up      starts dockerd, podman and docker-registry, each where its package is installed, gives both
        engines busybox:latest, and writes engines.env with the addresses
down    ends everything that `up` started, with its containers, mounts and network interfaces
status  says what runs; exit code 0 if every installed engine answers

PODLING_ENGINES_DIR  where it all lives (default .build/engines)
USAGE
}

readonly START_SECONDS=60 STOP_SECONDS=20 CALL_SECONDS=60
# sun_path holds 108 bytes; dockerd puts containerd's sockets up to 40 bytes below its own folder.
readonly RUN_PATH_BYTES_MAX=50

STATE="${PODLING_ENGINES_DIR:-$REPOSITORY/.build/engines}"
mkdir -p "$STATE"
STATE="$(cd "$STATE" && pwd)"
readonly STATE ENV_FILE="$STATE/engines.env"
# Several checkouts may run engines side by side: interfaces and networks carry this.
IDENTITY="$(printf '%s' "$STATE" | sha256sum | cut -d' ' -f1)"
readonly IDENTITY DOCKER_BRIDGE="pdl${IDENTITY:0:8}" PODMAN_BRIDGE="pdm${IDENTITY:0:8}"

failures=0
component_failed() {
    complain "$1"
    show_log_tail "$2"
    failures=$((failures + 1))
}

# Sets RUN, the folder of the sockets: short, and the same for every later call.
find_run_folder() {
    if ((${#STATE} + 4 <= RUN_PATH_BYTES_MAX)); then
        RUN="$STATE/run"
    elif [[ -s $STATE/run.path && -d $(<"$STATE/run.path") ]]; then
        RUN="$(<"$STATE/run.path")"
    else
        RUN="$(mktemp -d /tmp/podling-XXXXXX)"
        printf '%s\n' "$RUN" >"$STATE/run.path"
    fi
    mkdir -p "$RUN" "$STATE/pids" "$STATE/logs"
    DOCKER_SOCKET="$RUN/docker.sock"
    PODMAN_SOCKET="$RUN/podman.sock"
}

# start NAME COMMAND...
start() { start_process "$STATE/pids/$1" "$STATE/logs/$1.log" "${@:2}"; }

answers() { curl -fsS --max-time 5 --unix-socket "$1" http://localhost/_ping; }
up_and_answering() { live_process "$STATE/pids/$1" >/dev/null && answers "$2" >/dev/null 2>&1; }

answers_or_ended() { process_is_gone "$STATE/pids/$1" || answers "$2"; }
wait_for_engine() {
    wait_until "$START_SECONDS" answers_or_ended "$1" "$2" && up_and_answering "$1" "$2"
}

# A /24 that no route of this machine touches, the same one each time where possible.
free_subnet() {
    local second=$1 third=$((16#${IDENTITY:0:2})) try
    for ((try = 0; try < 256; try++)); do
        if [[ -z $(ip -4 route show root "10.$second.$third.0/24") ]]; then
            printf '10.%s.%s' "$second" "$third"
            return
        fi
        third=$(((third + 1) % 256))
    done
    die "no free subnet in 10.$second.0.0/16"
}

storage_driver() {
    # overlay on overlay is refused by the kernel: vfs is slower and always works.
    [[ $(stat -f -c %T "$STATE") == overlayfs ]] && printf 'vfs' || printf '%s' "$1"
}

start_docker() {
    local subnet
    up_and_answering docker "$DOCKER_SOCKET" && return
    if ! ip link show "$DOCKER_BRIDGE" >/dev/null 2>&1; then
        subnet="$(free_subnet 213)"
        ip link add name "$DOCKER_BRIDGE" type bridge
        ip address add "$subnet.1/24" dev "$DOCKER_BRIDGE"
        ip link set "$DOCKER_BRIDGE" up
    fi
    # Without iptables rules published ports go through docker-proxy: right for loopback,
    # and no other engine's rules are touched.
    start docker dockerd --config-file "$STATE/docker.json" --host "unix://$DOCKER_SOCKET" \
        --data-root "$STATE/docker" --exec-root "$RUN/docker" --pidfile "$RUN/dockerd.pid" \
        --storage-driver "$(storage_driver overlay2)" --bridge "$DOCKER_BRIDGE" \
        --iptables=false --ip-forward=false --ip-masq=false --shutdown-timeout 5
}

write_podman_configuration() {
    local subnet
    mkdir -p "$STATE/podman/networks"
    subnet="$(free_subnet 214)"
    # runc, because crun refuses hybrid cgroups; the limits, because raising them may not be permitted.
    cat >"$STATE/podman/containers.conf" <<CONFIGURATION
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
network_config_dir = "$STATE/podman/networks"
CONFIGURATION
    cat >"$STATE/podman/networks/podman.json" <<CONFIGURATION
{"name": "podman", "id": "$IDENTITY", "driver": "bridge", "network_interface": "$PODMAN_BRIDGE",
 "created": "2024-01-01T00:00:00Z", "subnets": [{"subnet": "$subnet.0/24", "gateway": "$subnet.1"}],
 "ipv6_enabled": false, "internal": false, "dns_enabled": false, "ipam_options": {"driver": "host-local"}}
CONFIGURATION
    cat >"$STATE/podman/registries.conf" <<CONFIGURATION
unqualified-search-registries = ["docker.io"]
[[registry]]
location = "127.0.0.1:$REGISTRY_PORT"
insecure = true
[aliases]
"busybox" = "docker.io/library/busybox"
CONFIGURATION
}

podman_here() {
    CONTAINERS_CONF="$STATE/podman/containers.conf" \
        CONTAINERS_REGISTRIES_CONF="$STATE/podman/registries.conf" \
        "$@" --root "$STATE/podman/storage" --runroot "$RUN/podman" --tmpdir "$RUN/podman-tmp" \
        --storage-driver "$(storage_driver overlay)" "${PODMAN_ARGUMENTS[@]}"
}

# podman_call ARGUMENTS...: the command line over the service's own storage.
podman_call() {
    local PODMAN_ARGUMENTS=("$@")
    podman_here timeout "$CALL_SECONDS" podman
}

docker_call() { timeout "$CALL_SECONDS" docker --host "unix://$DOCKER_SOCKET" "$@"; }

start_podman() {
    up_and_answering podman "$PODMAN_SOCKET" && return
    write_podman_configuration
    rm -f "$PODMAN_SOCKET"
    local PODMAN_ARGUMENTS=(system service --time=0 "unix://$PODMAN_SOCKET")
    podman_here start podman podman
}

registry_port() {
    sed -nE 's/.*listening on 127\.0\.0\.1:([0-9]+).*/\1/p' "$STATE/logs/registry.log" 2>/dev/null | head -n 1
}
registry_listens() { process_is_gone "$STATE/pids/registry" || [[ -n $(registry_port) ]]; }

start_registry() {
    if ! live_process "$STATE/pids/registry" >/dev/null; then
        cat >"$STATE/registry.yml" <<CONFIGURATION
version: 0.1
log: {level: info}
storage:
  filesystem: {rootdirectory: $STATE/registry}
http:
  addr: 127.0.0.1:0
CONFIGURATION
        start registry docker-registry serve "$STATE/registry.yml"
    fi
    wait_until "$START_SECONDS" registry_listens || true
    REGISTRY_PORT="$(registry_port)"
    live_process "$STATE/pids/registry" >/dev/null && [[ -n $REGISTRY_PORT ]]
}

has_image() { "$1" image inspect "$2"; }
import_image() {
    has_image "$1" docker.io/library/busybox:latest >/dev/null 2>&1 && return
    "$1" import --change 'CMD ["sh"]' --change 'ENV PATH=/bin:/usr/bin' - docker.io/library/busybox:latest \
        <"$STATE/busybox.tar" >"$STATE/logs/import.log" 2>&1
}

# Pushes busybox:1 and forgets the name again, so that a test's pull is a real one.
publish_image() {
    local call=$1 image="127.0.0.1:$REGISTRY_PORT/busybox:1"
    if ! curl -fsS --max-time 5 -o /dev/null "http://127.0.0.1:$REGISTRY_PORT/v2/busybox/manifests/1" 2>/dev/null; then
        "$call" tag docker.io/library/busybox:latest "$image"
        "$call" push "$image" >"$STATE/logs/push.log" 2>&1 || return 1
    fi
    "$call" image rm "$image" >/dev/null 2>&1 || true
}

up_locked() {
    local docker=false podman=false registry=false
    have busybox || die "busybox is missing: run scripts/setup.sh engines"
    REGISTRY_PORT=''
    : >"$ENV_FILE.part"
    if have docker-registry; then
        start_registry && registry=true || component_failed "the registry did not start" "$STATE/logs/registry.log"
    else
        warn "docker-registry is not installed: no registry to pull from"
    fi
    if have dockerd; then start_docker; else warn "dockerd is not installed: no Docker Engine"; fi
    if have podman; then start_podman; else warn "podman is not installed: no Podman"; fi
    build_busybox_root "$STATE/busybox.tar"
    if have dockerd; then
        if wait_for_engine docker "$DOCKER_SOCKET" && import_image docker_call; then
            docker=true
            echo "PODLING_TEST_DOCKER_SOCKET=$DOCKER_SOCKET" >>"$ENV_FILE.part"
        else
            component_failed "the Docker Engine did not start" "$STATE/logs/docker.log"
        fi
    fi
    if have podman; then
        if wait_for_engine podman "$PODMAN_SOCKET" && import_image podman_call; then
            podman=true
            echo "PODLING_TEST_PODMAN_SOCKET=$PODMAN_SOCKET" >>"$ENV_FILE.part"
        else
            component_failed "Podman did not start" "$STATE/logs/podman.log"
        fi
    fi
    if $registry && { $docker || $podman; }; then
        if publish_image "$($docker && echo docker_call || echo podman_call)"; then
            {
                echo "PODLING_TEST_REGISTRY=127.0.0.1:$REGISTRY_PORT"
                echo "PODLING_TEST_PULL_IMAGE=127.0.0.1:$REGISTRY_PORT/busybox:1"
            } >>"$ENV_FILE.part"
        else
            component_failed "the image could not be pushed to the registry" "$STATE/logs/push.log"
        fi
    fi
    mv "$ENV_FILE.part" "$ENV_FILE"
    ((failures == 0)) || die "$failures of the engines failed; end the rest with: $0 down"
}

# Processes of an engine that was killed: they carry our folder in their arguments.
stray_processes() {
    local entry arguments
    for entry in /proc/[0-9]*/cmdline; do
        arguments="$(tr '\0' ' ' 2>/dev/null <"$entry")" || continue
        [[ $arguments == *"$RUN/"* || $arguments == *"$STATE/"* ]] || continue
        case "$(basename "${arguments%% *}")" in
            dockerd | containerd | containerd-shim* | conmon | podman | aardvark-dns | docker-registry | runc)
                basename "$(dirname "$entry")"
                ;;
        esac
    done
}

end_strays() {
    local pid
    for pid in $(stray_processes); do
        # A shim's children are the container's first processes.
        # shellcheck disable=SC2046
        kill -KILL $(cat "/proc/$pid/task/"*/children 2>/dev/null) "$pid" 2>/dev/null || true
    done
}
no_strays() { [[ -z $(stray_processes) ]]; }

unmount_all() {
    local target
    while read -r target; do
        umount -l "$target" 2>/dev/null || warn "cannot unmount $target"
    done < <(awk '{print $2}' /proc/mounts | grep -E "^($STATE|$RUN)/" | sort -r)
}

remove_containers() {
    local identifiers
    if up_and_answering docker "$DOCKER_SOCKET"; then
        identifiers="$(docker_call ps -aq)" || identifiers=''
        # shellcheck disable=SC2086
        [[ -z $identifiers ]] || docker_call rm -f $identifiers >/dev/null || true
    fi
    if have podman && [[ -s $STATE/podman/containers.conf ]]; then
        podman_call rm --all --force --time 0 >/dev/null 2>&1 || true
    fi
}

down_locked() {
    local bridge
    remove_containers
    end_process "$STATE/pids/podman" "$STOP_SECONDS"
    end_process "$STATE/pids/docker" "$STOP_SECONDS"
    end_process "$STATE/pids/registry" "$STOP_SECONDS"
    no_strays || { end_strays && wait_until 5 no_strays || warn "left running: $(stray_processes | xargs)"; }
    unmount_all
    for bridge in "$DOCKER_BRIDGE" "$PODMAN_BRIDGE"; do
        ip link delete "$bridge" 2>/dev/null || true
    done
    rm -rf "$RUN" "$STATE"/{docker,podman,registry,registry.yml,run.path,pids,engines.env}
}

status() {
    local code=0
    report() {
        if up_and_answering "$2" "$3"; then
            good "$1 answers on $3"
        else
            say "$1 is down"
            code=1
        fi
    }
    ! have dockerd || report "Docker Engine" docker "$DOCKER_SOCKET"
    ! have podman || report "Podman" podman "$PODMAN_SOCKET"
    if live_process "$STATE/pids/registry" >/dev/null; then
        good "the registry listens on 127.0.0.1:$(registry_port)"
    fi
    return "$code"
}

main() {
    case "${1:-}" in up | down | status) ;; *) usage && exit 2 ;; esac
    [[ $1 == status ]] || ((EUID == 0)) || die "engines need root: sudo $0 $1"
    # dockerd refuses a missing file that was named, and must not read the machine's own.
    [[ -s $STATE/docker.json ]] || echo '{}' >"$STATE/docker.json"
    exec 9>"$STATE/lock"
    flock -w 120 9 || die "another run of $0 holds $STATE/lock"
    find_run_folder
    # conmon leaves a file named oom in the working folder of the service.
    cd "$STATE"
    case "$1" in
        up)
            up_locked
            status
            say "addresses: $ENV_FILE"
            ;;
        down) down_locked ;;
        status) status ;;
    esac
}

main "$@"

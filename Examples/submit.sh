#!/usr/bin/env bash
# Submits a task with nc and prints the reply: submit.sh IMAGE [COMMAND [ARGUMENT...]]. PODLING_MASTER is HOST:PORT.
set -euo pipefail
master=${PODLING_MASTER:-127.0.0.1:7070}
[[ $# -gt 0 ]] || { echo "usage: ${0##*/} IMAGE [COMMAND [ARGUMENT...]]" >&2; exit 2; }
# One line out. nc -N then ends its sending side; the master answers what it was sent, and closes.
# What comes is the greeting ({"ev":"hello",...}) and the reply.
jq -nc '{op: "submit", name: "submit-sh", image: $ARGS.positional[0]}
    + ($ARGS.positional[1:] | if . == [] then {} else {command: .} end)' --args -- "$@" |
    nc -N "${master%:*}" "${master##*:}" |
    jq -ce 'select(has("re")) | .ok // halt_error'
